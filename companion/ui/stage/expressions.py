"""The faces she can make, and which of them belongs to each of the 28 GoEmotions labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from companion.ui.stage.face import Face, blend

FILE_LIMIT = 256 * 1024
"""Ours has 5 KB; a character's folder may come from anywhere."""

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
    """The faces of a drawn character by name; raises OSError or ValueError when the file is not such a table."""
    import tomllib  # here alone: nothing that is needed to start the program

    if path.stat().st_size > FILE_LIMIT:
        raise ValueError(f"{path.name} is too large")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    faces = {}
    for name, numbers in table.items():
        if not isinstance(numbers, dict) or not all(key in Face._fields and _is_number(numbers[key]) for key in numbers):
            raise ValueError(f"{path.name}: “{name}” is not a face")
        faces[name] = Face(**numbers)
    if "neutral" not in faces:
        raise ValueError(f"{path.name} has no neutral face")
    return faces


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= 100  # and not NaN, which is no less than anything


def face_for(faces: Mapping[str, Face], label: str, strength: float = 1.0) -> Face:
    """The face of a mood (or a face by its own name); an unknown label is neutral.

    A mood at half strength shows seven tenths of its face: with half of it nobody would see what she feels.
    """
    neutral = faces["neutral"]
    wanted = faces.get(MOODS.get(label, label), neutral)
    share = min(max(strength, 0.0), 1.0) ** 0.5
    face = blend(neutral, wanted, share)
    if wanted.eye_open < 0.3:  # eyes that laugh are shut; half shut they would look tired
        eyes = wanted if share > 0.6 else neutral
        face = face._replace(eye_open=eyes.eye_open, eye_happy=eyes.eye_happy)
    return face
