"""Where the labels stand on the circumplex of affect (Russell 1980): valence and arousal, each from -1 to 1.

The numbers marked “rated” are mean ratings of 300 people, from Russell & Mehrabian, “Evidence for a three-factor theory
of emotions”, Journal of Research in Personality 11 (1977), 273–294, for the term named beside them. Terms the study did
not rate are placed by us between the nearest ones it did.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from companion.core.moods import LABELS

COORDINATES: Final[dict[str, tuple[float, float]]] = {
    "admiration": (0.50, 0.30),  # between respectful and happy
    "amusement": (0.60, 0.40),  # a lighter happy
    "anger": (-0.51, 0.59),  # rated: angry
    "annoyance": (-0.53, 0.38),  # between displeased and angry
    "approval": (0.38, 0.13),  # rated: respectful
    "caring": (0.60, 0.15),  # beside thankful
    "confusion": (-0.30, 0.25),  # milder than displeased
    "curiosity": (0.30, 0.50),  # as aroused as interested, less pleasant
    "desire": (0.45, 0.45),  # between hopeful and in love
    "disappointment": (-0.61, -0.15),  # rated: discouraged
    "disapproval": (-0.55, 0.16),  # rated: displeased
    "disgust": (-0.60, 0.35),  # rated: disgusted
    "embarrassment": (-0.57, 0.01),  # rated: shamed
    "excitement": (0.62, 0.75),  # rated: excited
    "fear": (-0.64, 0.60),  # rated: fearful
    "gratitude": (0.61, 0.10),  # rated: thankful
    "grief": (-0.70, -0.20),  # a deeper sad
    "joy": (0.81, 0.51),  # rated: happy
    "love": (0.82, 0.65),  # rated: in love
    "nervousness": (-0.40, 0.55),  # a milder fearful
    "optimism": (0.51, 0.23),  # rated: hopeful
    "pride": (0.70, 0.40),  # beside happy
    "realization": (0.15, 0.25),  # a milder surprised
    "relief": (0.70, -0.15),  # between untroubled (0.79, -0.01) and calm
    "remorse": (-0.52, 0.02),  # rated: regretful
    "sadness": (-0.63, -0.27),  # rated: sad
    "surprise": (0.40, 0.67),  # rated: surprised
    "neutral": (0.0, 0.0),
}
TABLE: Final = np.array([COORDINATES[label] for label in LABELS], np.float32)


def targets(truth: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(examples, 2): valence and arousal of each example, the mean over its labels; neutral where it has none."""
    counts = np.maximum(truth.sum(axis=1, keepdims=True), 1)
    mean: NDArray[np.float32] = (truth @ TABLE / counts).astype(np.float32)
    return mean
