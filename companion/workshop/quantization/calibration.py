"""The texts of a quantization, half dialogues and half general text: what is calibrated with is never measured on."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from companion.core.dataset import Dialogue
from companion.core.errors import DatasetError
from companion.core.paths import models_folder
from companion.core.recipes.prune import Prune
from companion.core.recipes.quantize import Quantize
from companion.llama.chat_template import TemplateError
from companion.workshop.data.batch import Example
from companion.workshop.data.opening import Opening
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.recipes.open_base import Base

CHUNK: Final = 512
"""Tokens that are read at once, as llama.cpp's tools do."""
HELD_OUT: Final = 5
"""One dialogue in so many of the person's own is not calibrated with."""
SHIPPED: Final = ("calibration", "evaluation")
"""Folders of what is calibrated with, and of what is measured on."""


class Texts(NamedTuple):
    """Tokens of dialogues and of general text."""

    dialogues: list[int]
    general: list[int]

    def examples(self, tokens: int, own_share: float) -> list[Example]:
        """Chunks of both, taking turns, about so many tokens in all."""
        own = _chunks(self.dialogues[: round(tokens * own_share)])
        general = _chunks(self.general[: tokens - round(tokens * own_share)])
        mixed = [chunk for pair in zip(own, general, strict=False) for chunk in pair]
        rest = [*own[len(general) :], *general[len(own) :]]
        return [Example(chunk, []) for chunk in (*mixed, *rest)]


class Material(NamedTuple):
    calibration: Texts
    held_out: Texts


def read_texts(recipe: Quantize | Prune, base: Base) -> Material:
    """Raises DatasetError and CharacterError."""
    anchors = recipe.layer_tokens if isinstance(recipe, Prune) else recipe.search.anchor_tokens
    opening, most = Opening(recipe.character), max(recipe.calibration.tokens, anchors, recipe.proof.tokens)
    if recipe.data_files:
        found = read_all(recipe.data_files, character=opening.name)
        sides = [Side(base, opening, most), Side(base, opening, most)]
        for number, each in enumerate(found):
            sides[number % HELD_OUT == 0].add(each.dialogue)
            if all(side.is_full for side in sides):
                break
    else:
        sides = [Side(base, opening, most).add_all(models_folder() / name / "dialogues.jsonl") for name in SHIPPED]
    if not all(side.tokens for side in sides):
        raise DatasetError("There are too few dialogues to calibrate with and to measure on.", "Name more of them with --data.")
    calibration, held_out = (
        Texts(side.tokens, _text(base, models_folder() / name / "text.txt")) for side, name in zip(sides, SHIPPED, strict=True)
    )
    return Material(calibration, held_out)


class Side:
    """Dialogues behind each other, as the chat writes them, up to as many tokens as are wanted."""

    def __init__(self, base: Base, opening: Opening, most: int) -> None:
        self._template, self._opening, self._most = TrainingTemplate(base.vocabulary, base.template, "all"), opening, most
        self.tokens: list[int] = []

    @property
    def is_full(self) -> bool:
        return len(self.tokens) >= self._most

    def add(self, dialogue: Dialogue) -> None:
        """One more, unless there are enough or the template cannot write it."""
        if not self.is_full:
            with contextlib.suppress(TemplateError):
                self.tokens += self._template.example(self._opening.added(dialogue)).tokens

    def add_all(self, file: Path) -> Side:
        for found in read_all([str(file)], character=self._opening.name):
            self.add(found.dialogue)
        return self


def _text(base: Base, file: Path) -> list[int]:
    return base.vocabulary.tokenize(file.read_text(encoding="utf-8"))


def _chunks(tokens: Sequence[int]) -> list[list[int]]:
    return [list(tokens[at : at + CHUNK]) for at in range(0, len(tokens), CHUNK) if len(tokens) - at > 1]
