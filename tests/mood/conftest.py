from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from companion.core.moods import LABELS
from companion.mood import weights
from companion.mood.classifier import WIDTHS, MoodReader
from companion.mood.features import SPECIAL


@pytest.fixture(scope="session")
def reader() -> MoodReader:
    """The classifier that is shipped."""
    return MoodReader.load()


@pytest.fixture
def tiny_weights() -> weights.Weights:
    """The smallest model that fits together: 2 numbers per word, 3 channels, 4 hidden values."""
    chance = np.random.default_rng(1)
    words = [*SPECIAL, "good", "bad"]
    shapes = {
        "vectors": (len(words), 2),
        **{f"convolution{width}": (2 * width, 3) for width in WIDTHS},
        **{f"convolution{width}.bias": (3,) for width in WIDTHS},
        **{"hidden": (18, 4), "hidden.bias": (4,), "output": (4, len(LABELS)), "output.bias": (len(LABELS),)},
        **{"thresholds": (len(LABELS),), "affect": (4, 2), "affect.bias": (2,)},
    }
    return weights.Weights({name: chance.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}, words)


@pytest.fixture
def tiny_file(tiny_weights: weights.Weights, tmp_path: Path) -> Path:
    path = tmp_path / "mood.weights"
    weights.write(path, tiny_weights, {"vectors": "int8", "hidden": "float32"})
    return path
