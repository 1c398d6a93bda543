"""Replies nobody had to generate, for what is counted in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.recipes.evaluate import Certainty, Evaluate
from companion.core.report import Metric, Section
from companion.workshop.evaluation.family import Material, Prompt, Reply, Situation
from companion.workshop.evaluation.opened import Opened

NOBODY = cast(Opened, None)
"""For families that only look at replies."""


def reply(text: str, reference: str = "", *, name: str = "talk 1", said: str = "How was your day?", ended: bool = True) -> Reply:
    """A reply to one sentence; names of the same dialogue share what stands before “#”."""
    dialogue = Dialogue(id=name.partition("#")[0], messages=(DialogueTurn("user", said),))
    return Reply(Prompt(name, dialogue, reference), text, len(text.split()), ended, 0.1)


def replies(*texts: str, references: Sequence[str] = (), said: str = "How was your day?") -> list[Reply]:
    """One reply per dialogue."""
    written = [*references, *[""] * (len(texts) - len(references))]
    return [reply(text, written[i], name=f"talk {i}", said=said) for i, text in enumerate(texts)]


def situation(given: Sequence[Reply] = (), opened: Opened = NOBODY, **tables: Any) -> Situation:
    """What a family gets; `tables` are those of the recipe."""
    prompts = tuple(each.prompt for each in given)
    material = Material(tuple(prompt.dialogue for prompt in prompts), (), prompts)
    tables.setdefault("certainty", Certainty(draws=100))
    return Situation(Evaluate(**tables), opened, material, given, None, lambda share: None)


def values(section: Section) -> dict[str, Any]:
    """Every metric's value by the end of its key."""
    return {metric.key.partition(".")[2]: metric.value for metric in section.metrics}


def by_key(section: Section, name: str) -> Metric:
    return next(metric for metric in section.metrics if metric.key == f"{section.key}.{name}")
