"""What was measured of a model before: a build for another budget then takes a minute instead of ten.

What matters, and what each matrix can bear, depends on the model and on the text it is calibrated with, not on the machine.
It is kept in the cache folder; of the starter model it is shipped (`models/known/`).
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from companion.core.files import write_atomic
from companion.core.fingerprint import file_sha256
from companion.core.paths import cache_folder, models_folder
from companion.core.recipes.quantize import Quantize
from companion.workshop.quantization.calibration import Texts

METHOD: Final = 1
"""Counts up when other numbers are measured of the same text."""
IMPORTANCE, SENSITIVITY = "importance.gguf", "sensitivity.json"


def known_by(recipe: Quantize, model: Path, texts: Texts) -> str:
    """The name of what is measured of `model` by this recipe with these texts. Raises ModelError when a file cannot be read."""
    calibration, search = recipe.calibration, recipe.search
    digest = hashlib.sha256()
    importance = file_sha256(Path(calibration.importance_file)) if calibration.importance_file else ""
    settings = (METHOD, file_sha256(model), importance, sorted(search.kinds), search.anchor_tokens, recipe.seed)
    digest.update(repr(settings).encode())
    for tokens in (calibration.tokens, search.anchor_tokens):
        for example in texts.examples(tokens, calibration.own_share):
            digest.update(np.asarray([len(example.tokens), *example.tokens], "<i8").tobytes())
    return digest.hexdigest()[:32]


def bring(name: str, folder: Path) -> None:
    """What is known, into the folder of a job that has not begun to measure it. What cannot be read is measured."""
    for place in (_kept(name), models_folder() / "known" / name):
        for file in (IMPORTANCE, SENSITIVITY):
            if not (folder / file).exists() and (place / file).is_file():
                with contextlib.suppress(OSError):
                    write_atomic(folder / file, (place / file).read_bytes())


def keep(name: str, folder: Path) -> None:
    """For later budgets; a full disk loses nothing but time."""
    place = _kept(name)
    with contextlib.suppress(OSError):
        place.mkdir(parents=True, exist_ok=True)
        for file in (IMPORTANCE, SENSITIVITY):
            write_atomic(place / file, (folder / file).read_bytes())


def _kept(name: str) -> Path:
    return cache_folder() / "known" / name
