"""Which families of metrics there are, in the order of the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from companion.core.recipes.evaluate import Evaluate
from companion.workshop.evaluation import (
    classification,
    complexity,
    cost,
    divergence,
    forgetting,
    likelihood,
    mood_agreement,
    overlap,
    persona,
    recall,
    robustness,
    safety,
    talk,
    tasks,
)
from companion.workshop.evaluation.family import Family


class Kind(NamedTuple):
    """One family: the key and title of its section, whether a recipe wants it, and its `measure`."""

    key: str
    title: str
    is_wanted: Callable[[Evaluate], bool]
    measure: Family
    needs_replies: bool = False


def wanted(recipe: Evaluate) -> list[Kind]:
    """Those that the recipe asks for."""
    return [kind for kind in FAMILIES if kind.is_wanted(recipe)]


def _has_reference(recipe: Evaluate) -> bool:
    return recipe.likelihood.divergence and bool(recipe.reference or len(recipe.subjects) > 1)


FAMILIES: Final = (
    Kind("likelihood", "Likelihood", lambda recipe: recipe.likelihood.enabled, likelihood.measure),
    Kind("divergence", "Divergence", _has_reference, divergence.measure),
    Kind("forgetting", forgetting.TITLE, lambda recipe: recipe.forgetting.enabled, forgetting.measure),
    Kind("overlap", "Closeness to what people wrote", lambda recipe: recipe.overlap.enabled, overlap.measure, needs_replies=True),
    Kind("talk", "How she talks", lambda recipe: recipe.talk.enabled, talk.measure, needs_replies=True),
    Kind("persona", "Who she is", lambda recipe: recipe.persona.enabled, persona.measure),
    Kind("recall", "What she remembers", lambda recipe: recipe.persona.enabled, recall.measure),
    Kind("safety", "What she declines", lambda recipe: recipe.safety.enabled, safety.measure),
    Kind("mood", "Mood that was asked for", lambda recipe: recipe.mood.enabled, mood_agreement.measure),
    Kind("classification", "Labels", lambda recipe: recipe.classification.enabled, classification.measure),
    Kind("robustness", "Robustness", lambda recipe: recipe.robustness.enabled, robustness.measure),
    Kind("tasks", "Standard tasks", lambda recipe: recipe.tasks.enabled, tasks.measure),
    Kind("cost", "Cost", lambda recipe: recipe.cost.enabled, cost.measure),
    Kind("complexity", "Complexity", lambda recipe: recipe.complexity.enabled, complexity.measure),
)
