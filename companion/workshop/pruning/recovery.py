"""How a pruned model learns back what it lost: a distillation whose teacher is the model before the cut.

Its chances of every word, on all that is said and not on replies only, and its hidden states (Muralidharan et al. 2024,
arXiv:2407.14679, who prune and distil in turn). Nothing is learned from that the result is measured on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from companion.core.errors import DatasetError
from companion.core.files import write_atomic
from companion.core.gguf.header import GGUFHeader
from companion.core.paths import models_folder
from companion.core.recipes.distill import Distill, Distillation
from companion.core.recipes.parts import Adapter, Data, Machine, Optimizer, Training, Watch
from companion.core.recipes.prune import Prune
from companion.workshop.data.opening import Opening
from companion.workshop.data.sources.reading import read_all
from companion.workshop.nn.decoder import UNPACKED
from companion.workshop.quantization.calibration import HELD_OUT, SHIPPED

FULL_RATE: Final = 1e-4
"""Learning rate when all weights are trained: they are near where they should be."""
STEP_TOKENS: Final = 2048
MANY: Final = 1000.0
"""Epochs, where steps set the end."""


def lesson(recipe: Prune, model: GGUFHeader, folder: Path) -> Distill:
    """What `model` is to learn after the cut; `folder` takes the person's own dialogues without those that are measured on.

    Raises DatasetError and CharacterError.
    """
    wanted = recipe.recovery
    whole = wanted.method == "full" or (wanted.method == "auto" and model.parameters <= UNPACKED)
    texts = models_folder() / SHIPPED[0]
    files = (str(_own(recipe, folder)),) if recipe.data_files else (str(texts / "dialogues.jsonl"),)
    return Distill(
        name=recipe.name,
        model=str(model.path),
        teacher=recipe.model,
        data_files=(*files, str(texts / "text.txt")),
        character=recipe.character,
        data=Data(learn_from="all"),
        adapter=Adapter(method="full" if whole else "lora"),
        optimizer=Optimizer(learning_rate=wanted.learning_rate or (FULL_RATE if whole else 0.0)),
        training=Training(
            epochs=wanted.epochs or MANY, steps=wanted.steps, tokens_per_step=STEP_TOKENS, seed=recipe.seed, patience=0
        ),
        watch=Watch(evaluations=4, samples=0),
        machine=Machine(threads=recipe.threads),
        distillation=Distillation(share=1.0, hidden=wanted.hidden),
    )


def _own(recipe: Prune, folder: Path) -> Path:
    """The person's dialogues that are calibrated with, as a file."""
    file = folder / "lesson.jsonl"
    if not file.exists():
        found = read_all(recipe.data_files, character=Opening(recipe.character).name)
        lines = [msgspec.json.encode(each.dialogue) for number, each in enumerate(found) if number % HELD_OUT]
        if not lines:
            raise DatasetError("There are too few dialogues to recover on.", "Name more of them with --data.")
        write_atomic(file, b"\n".join(lines) + b"\n")
    return file
