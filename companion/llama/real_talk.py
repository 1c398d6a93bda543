"""Real dialogues as the chat would prompt them: with her card before them, up to a reply that is to be written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from companion.core.character_library import built_in_character
from companion.core.dataset import Dialogue
from companion.core.errors import DatasetError, ModelError
from companion.core.messages import Turn
from companion.core.paths import models_folder
from companion.core.persona import Persona
from companion.core.prompts.prompt import system_text
from companion.core.prompts.scene import Scene
from companion.llama.chat_template import template_of
from companion.llama.model import Model
from companion.llama.prompt import PromptBuilder

REPLY_TOKENS = 64
LEAST_TURNS = 5
"""Of a dialogue before its last reply."""


def talks(model: Model, most: int, context_tokens: int = 8192) -> list[list[int]]:
    """Tokens of at most so many prompts, of conversations that have gone on for a while. Raises DatasetError."""
    builder = PromptBuilder(model.vocabulary, template_of(model), context_tokens)
    card = Turn("system", system_text(Scene(character=built_in_character(), persona=Persona())), kind="card")
    found: list[list[int]] = []
    for dialogue in _dialogues(models_folder() / "calibration" / "dialogues.jsonl"):
        turns = [Turn(turn.role, turn.content) for turn in dialogue.messages]
        while turns and turns[-1].role != "user":
            turns.pop()
        if len(turns) >= LEAST_TURNS and len(found) < most:
            with contextlib.suppress(ModelError):  # a template may refuse some turns
                found.append(builder.build([card, *turns], reply_tokens=REPLY_TOKENS).tokens)
    if not found:
        raise DatasetError("There are no dialogues to measure with.", "Install Companion again.")
    return found


def _dialogues(file: Path) -> Iterator[Dialogue]:
    try:
        for line in file.read_bytes().splitlines():
            yield msgspec.json.decode(line, type=Dialogue)
    except (OSError, msgspec.DecodeError) as error:
        raise DatasetError(f"The dialogues in “{file.name}” cannot be read.", "Install Companion again.") from error
