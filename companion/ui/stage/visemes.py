"""Mouth shapes of speech: streaming text becomes a queue of them, spoken at the pace of a voice."""

from __future__ import annotations

import unicodedata
from collections import deque
from typing import NamedTuple

from companion.ui.stage.face import Face


class Viseme(NamedTuple):
    """A mouth as it speaks. The corners keep the mood: a sad voice moves a sad mouth."""

    width: float
    opening: float
    arch: float
    round: float
    teeth: float


VISEMES: dict[str, Viseme] = {
    "closed": Viseme(19, 0, 0, 0, 0),
    "small": Viseme(17, 5.5, 1, 0.3, 0.3),
    "open": Viseme(19.5, 18, 3, 0.55, 0.5),
    "wide": Viseme(25.5, 10, 1.5, 0.1, 0.9),
    "round": Viseme(11.5, 13, 4, 1, 0),
}

_LETTERS = {
    **dict.fromkeys("aаα", "open"),
    **dict.fromkeys("eiyæеиіыэєїεηι", "wide"),
    **dict.fromkeys("ouwqœøоуюωο", "round"),
    **dict.fromkeys("mbpмбпμπ", "closed"),
    **dict.fromkeys("fvфвφβ", "small"),
}
_VOWEL_S, _CONSONANT_S, _LIPS_S, _WORD_S, _CLAUSE_S, _SENTENCE_S = 0.105, 0.055, 0.075, 0.05, 0.16, 0.26
MOST_WAITING = 90
"""Letters that may wait to be spoken: a model writes faster than anybody talks, and what is far behind is skipped."""


def viseme_of(letter: str) -> str:
    """Name of the mouth shape for one character; "closed" for everything that is not spoken."""
    plain = unicodedata.normalize("NFKD", letter)[:1].lower()
    if not plain.isalnum():
        return "closed"
    if plain in _LETTERS:
        return _LETTERS[plain]
    if ord(plain) < 0x250 or unicodedata.category(plain) != "Lo":
        return "small"
    # A script we cannot read (kana, ideographs, ...): any of the shapes, always the same for the same sign.
    return ("open", "wide", "round", "small")[ord(plain) % 4]


def seconds_of(letter: str) -> float:
    """How long a character is held when nothing is waiting behind it."""
    if letter in ".!?…。！？\n":
        return _SENTENCE_S
    if letter in ",;:–—、":
        return _CLAUSE_S
    if letter.isspace():
        return _WORD_S
    shape = viseme_of(letter)
    if shape in ("open", "wide", "round"):
        return _VOWEL_S
    return _LIPS_S if shape == "closed" and letter.isalnum() else _CONSONANT_S if letter.isalnum() else 0.0


class Speech:
    """What is being said. Ask `mouth` for the shape after each `tick`."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._left = 0.0
        self._target = "closed"
        self.amount = 0.0
        """How much the mouth speaks (1) rather than rests in the mood's own shape (0)."""
        self.shape = VISEMES["closed"]

    @property
    def active(self) -> bool:
        return bool(self._waiting) or self._left > 0 or self.amount > 0.01

    def hear(self, text: str) -> None:
        """Say this after what is still waiting."""
        self._waiting.extend(text)

    def stop(self) -> None:
        """Say no more; the mouth closes."""
        self._waiting.clear()
        self._left = 0.0
        self._target = "closed"

    def settle(self) -> None:
        """Stop at once, without the mouth being seen to close."""
        self.stop()
        self.amount, self.shape = 0.0, VISEMES["closed"]

    def tick(self, seconds: float) -> None:
        if not self.active:
            return
        self._left -= seconds * self._hurry()
        while self._left <= 0 and self._waiting:
            letter = self._waiting.popleft()
            self._target = viseme_of(letter)
            self._left += seconds_of(letter)
        speaking = bool(self._waiting) or self._left > 0
        self._left = max(self._left, 0.0)
        goal = VISEMES[self._target if speaking else "closed"]
        self.amount = _near(self.amount, 1.0 if speaking else 0.0, seconds / 0.07)
        self.shape = Viseme(*(_near(a, b, seconds / 0.045) for a, b in zip(self.shape, goal, strict=True)))

    def _hurry(self) -> float:
        """Up to twice as fast the more is waiting."""
        return 1 + min(len(self._waiting) / MOST_WAITING, 1.0)

    def mouth(self, face: Face) -> Face:
        """The face with the mouth of this moment."""
        if self.amount <= 0.01:
            return face
        shape, share = self.shape, self.amount
        # While she speaks the mood keeps the corners, a little flatter, and a laughing mouth speaks wider.
        wider = (face.mouth_width - 21) * 0.4
        return face._replace(
            mouth_width=_mix(face.mouth_width, shape.width + wider, share),
            mouth_open=_mix(face.mouth_open, shape.opening + face.mouth_open * 0.12, share),
            mouth_arch=_mix(face.mouth_arch, shape.arch, share),
            mouth_round=_mix(face.mouth_round, shape.round, share),
            mouth_lift=_mix(face.mouth_lift, face.mouth_lift * (1 - 0.65 * shape.round), share),
            mouth_skew=_mix(face.mouth_skew, face.mouth_skew * 0.5, share),
            mouth_wave=_mix(face.mouth_wave, face.mouth_wave * 0.4, share),
            teeth=_mix(face.teeth, shape.teeth, share),
        )


def _mix(first: float, second: float, share: float) -> float:
    return first + (second - first) * share


def _near(value: float, goal: float, step: float) -> float:
    """Closer to the goal by a share that depends on the time alone, not on how many frames it was cut into."""
    return goal + (value - goal) * float(2.718281828**-step)
