"""The evaluation that decides whether a new adapter takes the old one's place: what it rests on, and what it does without."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from msgspec.structs import replace

from companion.core.adapter_use import adapter_use
from companion.core.lineage import trainings
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import AdapterRecipe, LearningRecipe

UNDECISIVE: Final = ("cost", "complexity", "robustness", "tasks")
"""Parts that a decision does without."""


class Taught(NamedTuple):
    """What is known of how an adapter was trained; texts are empty where nothing is."""

    start: str
    """The adapter that it began from, when that is still there."""
    character: str
    held_out: str
    """The dialogues that its training held back: none that it learned from."""


def taught_by(adapter: Path) -> Taught:
    """From the job that trained it."""
    job = next(trainings(adapter), None)
    if job is None:
        return Taught("", "", "")
    recipe = job.recipe()
    start = recipe.start_adapter if isinstance(recipe, AdapterRecipe) else ""
    return Taught(
        start=start if start and Path(start).is_file() else "",
        character=recipe.character if isinstance(recipe, LearningRecipe) else "",
        held_out=str(job.held_out_file) if job.held_out_file.is_file() else "",
    )


def decisive(recipe: Evaluate) -> Evaluate:
    """A recipe with what a decision rests on, and without what it does not: its first subject is the old one.

    What the old one's trainings held back is measured too, so that it is not forgotten unseen.
    """
    old = [Path(adapter_use(file).path) for file in recipe.subjects[0][1:]]
    earlier = [job.held_out_file for adapter in old for job in trainings(adapter)]
    off = {part: replace(getattr(recipe, part), enabled=False) for part in UNDECISIVE}
    files = tuple(dict.fromkeys(str(file) for file in earlier if file.is_file()))
    return replace(
        recipe,
        **off,
        forgetting=replace(recipe.forgetting, enabled=True, files=files),
        gate=replace(recipe.gate, enabled=True),
    )
