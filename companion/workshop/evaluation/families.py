"""Which families of metrics there are, in the order of the report; each is imported when it is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from companion.core.recipes.evaluate import Evaluate
from companion.core.report import Section
from companion.workshop.evaluation.family import Situation


class Kind(NamedTuple):
    """One family: the key and title of its section, whether a recipe wants it, and its `measure`."""

    key: str
    title: str
    is_wanted: Callable[[Evaluate], bool]
    measure: Callable[[Situation], Section]
    needs_replies: bool = False


def wanted(recipe: Evaluate) -> list[Kind]:
    """Those that the recipe asks for."""
    return [kind for kind in FAMILIES if kind.is_wanted(recipe)]


def _has_reference(recipe: Evaluate) -> bool:
    return recipe.likelihood.divergence and bool(recipe.reference or len(recipe.subjects) > 1)


def _likelihood(situation: Situation) -> Section:
    from companion.workshop.evaluation.likelihood import measure

    return measure(situation)


def _divergence(situation: Situation) -> Section:
    from companion.workshop.evaluation.divergence import measure

    return measure(situation)


def _overlap(situation: Situation) -> Section:
    from companion.workshop.evaluation.overlap import measure

    return measure(situation)


def _talk(situation: Situation) -> Section:
    from companion.workshop.evaluation.talk import measure

    return measure(situation)


def _persona(situation: Situation) -> Section:
    from companion.workshop.evaluation.persona import measure

    return measure(situation)


def _recall(situation: Situation) -> Section:
    from companion.workshop.evaluation.recall import measure

    return measure(situation)


def _safety(situation: Situation) -> Section:
    from companion.workshop.evaluation.safety import measure

    return measure(situation)


def _mood(situation: Situation) -> Section:
    from companion.workshop.evaluation.mood_agreement import measure

    return measure(situation)


def _classification(situation: Situation) -> Section:
    from companion.workshop.evaluation.classification import measure

    return measure(situation)


def _robustness(situation: Situation) -> Section:
    from companion.workshop.evaluation.robustness import measure

    return measure(situation)


def _tasks(situation: Situation) -> Section:
    from companion.workshop.evaluation.tasks import measure

    return measure(situation)


def _cost(situation: Situation) -> Section:
    from companion.workshop.evaluation.cost import measure

    return measure(situation)


def _complexity(situation: Situation) -> Section:
    from companion.workshop.evaluation.complexity import measure

    return measure(situation)


FAMILIES: Final = (
    Kind("likelihood", "Likelihood", lambda recipe: recipe.likelihood.enabled, _likelihood),
    Kind("divergence", "Divergence", _has_reference, _divergence),
    Kind("overlap", "Closeness to what people wrote", lambda recipe: recipe.overlap.enabled, _overlap, needs_replies=True),
    Kind("talk", "How she talks", lambda recipe: recipe.talk.enabled, _talk, needs_replies=True),
    Kind("persona", "Who she is", lambda recipe: recipe.persona.enabled, _persona),
    Kind("recall", "What she remembers", lambda recipe: recipe.persona.enabled, _recall),
    Kind("safety", "What she declines", lambda recipe: recipe.safety.enabled, _safety),
    Kind("mood", "Mood that was asked for", lambda recipe: recipe.mood.enabled, _mood),
    Kind("classification", "Labels", lambda recipe: recipe.classification.enabled, _classification),
    Kind("robustness", "Robustness", lambda recipe: recipe.robustness.enabled, _robustness),
    Kind("tasks", "Standard tasks", lambda recipe: recipe.tasks.enabled, _tasks),
    Kind("cost", "Cost", lambda recipe: recipe.cost.enabled, _cost),
    Kind("complexity", "Complexity", lambda recipe: recipe.complexity.enabled, _complexity),
)
