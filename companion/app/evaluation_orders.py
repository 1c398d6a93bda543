"""From what a person chose to measure to an evaluation that can begin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from companion.app.job_orders import prepared
from companion.core.adapter_use import adapter_use
from companion.core.errors import DatasetError, RecipeError
from companion.core.gate_recipe import decisive, taught_by
from companion.core.job import JobOrder
from companion.core.recipes.evaluate import Evaluate
from companion.core.subject import subject
from companion.core.suites import read_suite

LONGEST_NAME: Final = 80
"""As `Evaluate.name`."""


class Wish(NamedTuple):
    """What is to be measured, and how."""

    suite: str
    subjects: tuple[tuple[str, ...], ...]
    """A model's file, then its adapters as FILE:SCALE; every later one is compared with the first."""
    data: tuple[str, ...]
    """Files and conversations; none takes the built-in dialogues."""
    character: str
    gate: bool
    """Whether it is decided if the last takes the place of the first."""


def evaluation(wish: Wish) -> tuple[Evaluate, JobOrder]:
    """Every file is checked, which may take a while for one that was never read before. Raises CompanionError."""
    if not wish.subjects:
        raise RecipeError("Nothing is chosen to be measured.", "Tick a model or an adapter.")
    found = tuple(subject(Path(files[0]), files[1:]) for files in wish.subjects)
    recipe = read_suite(wish.suite)
    recipe = replace(
        recipe,
        subjects=found,
        data_files=wish.data,
        character=wish.character if recipe.character else "",
    )
    if wish.gate:
        recipe = _deciding(recipe)
    ready, order = prepared(recipe, "")
    assert isinstance(ready, Evaluate)  # noqa: S101 - prepared changes fields, not the kind
    what = "Decision on" if wish.gate else f"{wish.suite.capitalize()} evaluation of"
    return replace(ready, name=f"{what} {_name(found)}"[:LONGEST_NAME]), order


def _deciding(recipe: Evaluate) -> Evaluate:
    """On dialogues that the new one did not learn from, and with the character it learned to be."""
    if len(recipe.subjects) != 2 or len(recipe.subjects[1]) != 2:
        raise RecipeError("A decision is between two, and the second has one adapter.", "Tick the old one and the new one.")
    adapter = Path(adapter_use(recipe.subjects[1][1]).path)
    taught = taught_by(adapter)
    data = recipe.data_files or ((taught.held_out,) if taught.held_out else ())
    if not data:
        raise DatasetError(
            f"It is not known which dialogues “{adapter.stem}” was not trained on.",
            "Add some under “Dialogues”: yours, and none that it learned from.",
        )
    recipe = replace(recipe, data_files=data, character=taught.character or recipe.character)
    return decisive(recipe)


def _name(subjects: Sequence[Sequence[str]]) -> str:
    """After what was measured last: “hoshi”, “base”."""
    last = subjects[-1]
    return Path(adapter_use(last[1]).path).stem if len(last) > 1 else Path(last[0]).stem
