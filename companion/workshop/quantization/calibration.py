"""The texts of a quantization, half dialogues and half general text: what is calibrated with is never measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from companion.core.dataset import Dialogue
from companion.core.errors import DatasetError
from companion.core.paths import models_folder
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


def read_texts(recipe: Quantize, base: Base) -> Material:
    """Raises DatasetError and CharacterError."""
    opening = Opening(recipe.character)
    own = list(recipe.data_files)
    if own:
        found = [each.dialogue for each in read_all(own, character=opening.name)]
        sides = ([each for i, each in enumerate(found) if i % HELD_OUT], found[::HELD_OUT])
    else:
        learned, measured = (models_folder() / name / "dialogues.jsonl" for name in ("calibration", "evaluation"))
        sides = (_dialogues(learned, opening.name), _dialogues(measured, opening.name))
    calibration, held_out = (_tokens(base, [opening.added(each) for each in side]) for side in sides)
    if not calibration or not held_out:
        raise DatasetError("There are too few dialogues to calibrate with and to measure on.", "Name more of them with --data.")
    general = [_text(base, models_folder() / name / "text.txt") for name in ("calibration", "evaluation")]
    return Material(Texts(calibration, general[0]), Texts(held_out, general[1]))


def _dialogues(file: Path, character: str) -> list[Dialogue]:
    return [each.dialogue for each in read_all([str(file)], character=character)]


def _tokens(base: Base, dialogues: Sequence[Dialogue]) -> list[int]:
    """All dialogues behind each other, as the chat writes them."""
    template = TrainingTemplate(base.vocabulary, base.template, "all")
    found: list[int] = []
    for dialogue in dialogues:
        try:
            found += template.example(dialogue).tokens
        except TemplateError:
            continue
    return found


def _text(base: Base, file: Path) -> list[int]:
    return base.vocabulary.tokenize(file.read_text(encoding="utf-8"))


def _chunks(tokens: Sequence[int]) -> list[list[int]]:
    return [list(tokens[at : at + CHUNK]) for at in range(0, len(tokens), CHUNK) if len(tokens) - at > 1]
