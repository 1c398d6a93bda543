"""From what was counted of each reply to a metric whose units are dialogues, which is what intervals are drawn by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from companion.core.report import Combine, Items, Metric
from companion.workshop.evaluation.combine import combined
from companion.workshop.evaluation.family import Prompt


def by_dialogue(prompts: Sequence[Prompt], vectors: Sequence[Sequence[float]], combine: Combine = "ratio") -> Items:
    """One vector per prompt to one per dialogue: those of the same dialogue are summed, in the order they come in."""
    sums: dict[str, list[float]] = {}
    for prompt, vector in zip(prompts, vectors, strict=True):
        name = prompt.dialogue.id or prompt.name
        before = sums.get(name)
        sums[name] = list(map(float, vector)) if before is None else [a + b for a, b in zip(before, vector, strict=True)]
    return Items(names=tuple(sums), vectors=tuple(map(tuple, sums.values())), combine=combine)


def each(names: Sequence[str], values: Sequence[float]) -> Items:
    """One value per question, all of the same weight: their mean is the metric."""
    return Items(names=tuple(names), vectors=tuple((float(value), 1.0) for value in values))


def metric(key: str, title: str, items: Items, *, units: str = "dialogues", why: str, **fields: Any) -> Metric:
    """`why` is said when nothing can be computed from the items. `fields` are those of Metric."""
    value = combined(items)
    if value is None:
        return Metric(key=key, title=title, value=None, why=why, units=units, **fields)
    return Metric(key=key, title=title, value=value, items=items, count=len(items.names), units=units, **fields)


def shortened(text: str, most: int = 400) -> str:
    """For an example in a report."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
