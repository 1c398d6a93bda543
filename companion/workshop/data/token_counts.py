"""How many tokens a dialogue is for a model, without loading its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from companion.core.dataset import Dialogue
from companion.llama.chat_template import TemplateError
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.recipes.open_base import open_base


@contextmanager
def counting(model: Path) -> Iterator[Callable[[Dialogue], int]]:
    """Counts with the vocabulary and chat template of this GGUF; raises ModelError when it is no chat model."""
    with open_base(model) as base:
        template = TrainingTemplate(base.vocabulary, base.template)

        def count(dialogue: Dialogue) -> int:
            try:
                return len(template.example(dialogue).tokens)
            except TemplateError:
                return sum(template.count(turn.content) for turn in dialogue.messages)

        yield count
