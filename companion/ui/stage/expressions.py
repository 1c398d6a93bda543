"""The faces she can make, and which of them belongs to each of the 28 GoEmotions labels."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from companion.ui.stage.face import Face, blend

MOODS: dict[str, str] = {
    "admiration": "love",
    "amusement": "laugh",
    "anger": "angry",
    "annoyance": "annoyed",
    "approval": "smile",
    "caring": "soft",
    "confusion": "confused",
    "curiosity": "curious",
    "desire": "love",
    "disappointment": "sad",
    "disapproval": "pout",
    "disgust": "disgust",
    "embarrassment": "embarrassed",
    "excitement": "excited",
    "fear": "scared",
    "gratitude": "happy",
    "grief": "crying",
    "joy": "happy",
    "love": "love",
    "nervousness": "worried",
    "optimism": "smile",
    "pride": "proud",
    "realization": "surprised",
    "relief": "relieved",
    "remorse": "sad",
    "sadness": "sad",
    "surprise": "surprised",
    "neutral": "neutral",
}
"""GoEmotions label to the name of a face."""

NEAREST: dict[str, tuple[str, ...]] = {
    "admiration": ("love", "approval", "joy"),
    "amusement": ("joy", "excitement"),
    "anger": ("annoyance", "disapproval", "disgust"),
    "annoyance": ("anger", "disapproval"),
    "approval": ("optimism", "joy"),
    "caring": ("love", "approval", "joy"),
    "confusion": ("curiosity", "realization", "surprise"),
    "curiosity": ("confusion", "surprise", "realization"),
    "desire": ("love", "admiration", "embarrassment"),
    "disappointment": ("sadness", "remorse"),
    "disapproval": ("annoyance", "disappointment", "anger"),
    "disgust": ("disapproval", "annoyance", "anger"),
    "embarrassment": ("nervousness", "remorse"),
    "excitement": ("joy", "amusement", "surprise"),
    "fear": ("nervousness", "surprise"),
    "gratitude": ("joy", "love", "approval"),
    "grief": ("sadness", "remorse", "disappointment"),
    "joy": ("amusement", "excitement", "optimism", "approval"),
    "love": ("caring", "admiration", "desire", "joy"),
    "nervousness": ("fear", "embarrassment", "confusion"),
    "optimism": ("approval", "joy", "pride"),
    "pride": ("approval", "optimism", "joy"),
    "realization": ("surprise", "curiosity"),
    "relief": ("gratitude", "approval", "joy"),
    "remorse": ("sadness", "disappointment", "grief"),
    "sadness": ("disappointment", "grief", "remorse"),
    "surprise": ("realization", "excitement", "curiosity"),
    "neutral": (),
    "thinking": ("curiosity", "realization"),
    "sleepy": ("relief",),
}
"""For each label, others that come close to it, the closest first: what a sprite pack without it shows instead."""


def read_faces(path: Path) -> dict[str, Face]:
    """The faces of a drawn character by name; raises ValueError or TypeError when the file is not what we wrote."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Face(**numbers) for name, numbers in table.items()}


def face_for(faces: Mapping[str, Face], label: str, strength: float = 1.0) -> Face:
    """The face of a mood (or a face by its own name); an unknown label is neutral, little strength shows little of it."""
    neutral = faces["neutral"]
    return blend(neutral, faces.get(MOODS.get(label, label), neutral), min(max(strength, 0.0), 1.0))
