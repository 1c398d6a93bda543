"""The mood classifier at work: a convolutional network over words (Kim 2014, arXiv:1408.5882) in plain numpy.

Word vectors, one convolution per width, the largest and the mean value of each channel over the sentence, one hidden
layer, and from there 28 labels, valence and arousal. models/mood/train.py trains it; models/mood/README.md measures it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from companion.core.errors import CompanionError
from companion.core.moods import LABELS, NEUTRAL, Mood
from companion.core.paths import models_folder
from companion.mood import weights
from companion.mood.circumplex import COORDINATES
from companion.mood.cues import cue
from companion.mood.features import NAME, PADDING, UNKNOWN, Words

Floats = NDArray[np.float32]
WIDTHS: Final = (1, 2, 3)
"""Words that one step of each convolution sees."""
CUE_SCORE: Final = 0.6
"""What a sign such as an emoji counts for where the words say nothing."""
NEUTRAL_NUMBER: Final = LABELS.index(NEUTRAL.label)


def weights_file() -> Path:
    return models_folder() / "mood" / "mood.weights"


class MoodReader:
    """Reads sentences one by one; the same text always gives the same mood. Not shared between threads."""

    def __init__(self, found: weights.Weights, name: str = "the mood model") -> None:
        """Raises CompanionError when the arrays do not fit together."""
        problem = _misfit(found)
        if problem:
            raise CompanionError(f"The mood model “{name}” is damaged: {problem}.", weights.REMEDY)
        self._blas = ThreadpoolController()
        self._words = Words(found.words)
        arrays = found.arrays
        self._vectors = arrays["vectors"]
        self._convolutions = [(arrays[f"convolution{w}"], arrays[f"convolution{w}.bias"]) for w in WIDTHS]
        self._hidden, self._hidden_bias = arrays["hidden"], arrays["hidden.bias"]
        self._output, self._output_bias = arrays["output"], arrays["output.bias"]
        self._thresholds = arrays["thresholds"]
        self._affect, self._affect_bias = arrays["affect"], arrays["affect.bias"]

    @classmethod
    def load(cls, path: Path | None = None) -> MoodReader:
        """From the file that is shipped, or another; raises CompanionError when it is missing or damaged."""
        path = path or weights_file()
        return cls(weights.read(path), path.name)

    def read(self, texts: list[str]) -> list[Mood]:
        """One mood per text, whatever it holds."""
        # These matrices are too small to share, and waiting for a second thread took 50 ms while llama.cpp was busy.
        with self._blas.limit(limits=1, user_api="blas"):
            return [self._read(text) for text in texts]

    def _read(self, text: str) -> Mood:
        hidden = self.features(text)
        logits = hidden @ self._output + self._output_bias
        scores = 1 / (1 + np.exp(self._thresholds - logits))
        best = int(shown(logits[None], self._thresholds)[0])
        valence, arousal = np.clip(hidden @ self._affect + self._affect_bias, -1, 1)
        if best == NEUTRAL_NUMBER and (sign := cue(text)) is not None:
            best = LABELS.index(sign)
            scores[best] = max(scores[best], CUE_SCORE)
            valence, arousal = (np.array([valence, arousal]) + COORDINATES[sign]) / 2
        return Mood(
            label=LABELS[best],
            score=float(scores[best]),
            valence=float(valence),
            arousal=float(arousal),
            scores=tuple(scores.tolist()),
        )

    def features(self, text: str) -> Floats:
        """The hidden layer's values for a text."""
        numbers = self._words.numbers(text)
        vectors = self._vectors[numbers]
        pooled: list[Floats] = []
        for width, (kernel, bias) in zip(WIDTHS, self._convolutions, strict=True):
            before = width // 2
            padded = np.zeros((len(numbers) + width - 1, vectors.shape[1]), np.float32)
            padded[before : before + len(numbers)] = vectors
            windows = np.concatenate([padded[i : i + len(numbers)] for i in range(width)], axis=1)
            channels = np.maximum(windows @ kernel + bias, 0)
            pooled += [channels.max(axis=0), channels.mean(axis=0)]
        hidden: Floats = np.maximum(np.concatenate(pooled) @ self._hidden + self._hidden_bias, 0)
        return hidden


def shown(logits: Floats, thresholds: Floats) -> NDArray[np.int64]:
    """The number of the one label to show per row: the likeliest of those that reach their threshold, else neutral.

    Held out from training, this is right in 61.2 % and shows neutral for 75.9 % of the neutral examples; the label
    farthest above its threshold is right in 60.4 % and shows neutral for 71.2 %.
    """
    counted = np.where(logits >= thresholds, logits, -np.inf)
    best: NDArray[np.int64] = np.where(np.isfinite(counted).any(axis=1), counted.argmax(axis=1), NEUTRAL_NUMBER)
    return best


def _misfit(found: weights.Weights) -> str:
    """What does not fit together, as the end of a sentence; empty when everything does."""
    shapes = {name: array.shape for name, array in found.arrays.items()}
    if not {PADDING, UNKNOWN, NAME} <= set(found.words):
        return "its list of words is incomplete"
    count, width = shapes.get("vectors", (0, 0))[:1] + shapes.get("vectors", (0, 0))[-1:]
    channels = shapes.get("convolution1.bias", (0,))[0]
    hidden = shapes.get("hidden.bias", (0,))[0]
    expected: dict[str, tuple[int, ...]] = {"vectors": (len(found.words), width)}
    for w in WIDTHS:
        expected |= {f"convolution{w}": (w * width, channels), f"convolution{w}.bias": (channels,)}
    expected |= {"hidden": (2 * len(WIDTHS) * channels, hidden), "hidden.bias": (hidden,)}
    expected |= {
        "output": (hidden, len(LABELS)),
        "output.bias": (len(LABELS),),
        "thresholds": (len(LABELS),),
        "affect": (hidden, 2),
        "affect.bias": (2,),
    }
    wrong = [name for name, shape in expected.items() if shapes.get(name) != shape]
    return f"“{wrong[0]}” is missing or has the wrong size" if wrong or not count * width * channels * hidden else ""
