"""Moods: the words for them, how they fade and mix over time, and the sentences they are read from.

The 28 labels are those of GoEmotions (Demszky et al. 2020, arXiv:2005.00547), in its order; so is their grouping into
the six emotions of Ekman (1992). Valence and arousal are the axes of Russell's circumplex (1980).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

LABELS: Final = (
    "admiration",
    "amusement",
    "anger",
    "annoyance",
    "approval",
    "caring",
    "confusion",
    "curiosity",
    "desire",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "excitement",
    "fear",
    "gratitude",
    "grief",
    "joy",
    "love",
    "nervousness",
    "optimism",
    "pride",
    "realization",
    "relief",
    "remorse",
    "sadness",
    "surprise",
    "neutral",
)
EKMAN_GROUPS: Final = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
_MEMBERS: Final = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        *("joy", "amusement", "approval", "excitement", "gratitude", "love", "optimism", "relief", "pride", "admiration"),
        *("desire", "caring"),
    ),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    "neutral": ("neutral",),
}
EKMAN: Final = {label: group for group, labels in _MEMBERS.items() for label in labels}
"""The Ekman group of each label."""


class Mood(msgspec.Struct, frozen=True):
    """What one sentence, or a stretch of talk, feels like."""

    label: str
    """One of LABELS."""
    score: float
    """How sure, 0 to 1."""
    valence: float
    """-1 (unpleasant) to 1 (pleasant); 0 is neutral."""
    arousal: float
    """-1 (sleepy, calm) to 1 (excited, tense); 0 is neutral."""
    scores: tuple[float, ...] = ()
    """One per label, 0 to 1: from 0.5 upward it counts as felt; `label` is the likeliest of those. Empty when unknown."""

    @property
    def group(self) -> str:
        """The Ekman group, one of EKMAN_GROUPS."""
        return EKMAN[self.label]


NEUTRAL: Final = Mood(label="neutral", score=1.0, valence=0.0, arousal=0.0)

# Moods over time

HALF_LIFE_SECONDS: Final = 30.0
"""A mood nobody feeds is half as strong after this long."""
NEW_SHARE: Final = 0.4
"""The weight of a new reading against what was felt before."""
FELT: Final = 0.15
"""A strength below this is neutral."""


class MoodOverTime:
    """The mood of a character: each reading pulls on it, and time lets it fade to neutral.

    Strengths per label are an exponential average of the readings, so a single odd sentence after several that agree
    does not change the label, while the first one after silence does. Times are seconds of any monotonic clock.
    """

    def __init__(self, half_life: float = HALF_LIFE_SECONDS, share: float = NEW_SHARE) -> None:
        self._half_life, self._share = half_life, share
        self._strengths: dict[str, float] = {}
        self._valence = self._arousal = 0.0
        self._label = NEUTRAL.label
        self._time = 0.0

    def add(self, mood: Mood, now: float) -> Mood:
        """Take in a reading; returns the mood after it."""
        self._fade(now)
        keep, share = 1 - self._share, self._share
        self._strengths = {label: strength * keep for label, strength in self._strengths.items()}
        if mood.label != NEUTRAL.label:
            self._strengths[mood.label] = self._strengths.get(mood.label, 0.0) + share * mood.score
        self._valence = self._valence * keep + mood.valence * share
        self._arousal = self._arousal * keep + mood.arousal * share
        return self.at(now)

    def at(self, now: float) -> Mood:
        """The mood at this time."""
        self._fade(now)
        strongest = max(self._strengths, key=self._strengths.__getitem__, default=NEUTRAL.label)
        strength = self._strengths.get(strongest, 0.0)
        if strength <= self._strengths.get(self._label, 0.0):  # a tie leaves the face as it is
            strongest = self._label
        if strength < FELT:
            strongest, strength = NEUTRAL.label, 1.0 - strength
        self._label = strongest
        return Mood(label=strongest, score=min(strength, 1.0), valence=self._valence, arousal=self._arousal)

    def _fade(self, now: float) -> None:
        factor = 0.5 ** (max(now - self._time, 0.0) / self._half_life)
        self._time = max(now, self._time)
        self._strengths = {label: s * factor for label, s in self._strengths.items() if s * factor > 1e-3}
        self._valence *= factor
        self._arousal *= factor


# Sentences

_LOOK_AHEAD: Final = 6
"""Characters that must be known after an end before it is believed: an emoticon may still belong to the sentence."""
_EMOJI: Final = "\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d"
_EMOTICON: Final = r"[:;=xX8][\-^']?[)(DPpOo3/\\|*\]\[]+(?!\w)|<3|\^[_.]*\^|[TQ;]_+[TQ;]"
_END: Final = re.compile(
    rf"(?P<mark>[.!?…。！？]+)(?P<close>[\"'”’»)\]*_~]*)(?:[^\S\n]{{0,3}}(?:[{_EMOJI}]+|(?<=\s)(?:{_EMOTICON})))*"
    rf"(?P<gap>\s+|(?<=[。！？]))|(?P<line>\n\s*)"
)
_MARK: Final = re.compile(r"[.!?…。！？\n]")
_MARKS: Final = re.compile(r"[.!?…。！？\"'”’»)\]*_~]*")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(\"“*])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|e\.g|i\.e|cf|approx|(?-i:[A-HJ-Z]))\.$", re.IGNORECASE
)
_DIGIT_AFTER: Final = re.compile(r"(?:^|\s)no\.$", re.IGNORECASE)


class SentenceStream:
    """Cuts text that arrives in pieces into sentences; however it is cut, the sentences are the same.

    Line breaks end a sentence. An ellipsis before a small letter, an abbreviation, and a quotation that goes on
    (“Stop!” she said) do not. *Actions in asterisks* count as text; emoji and emoticons stay with what they follow.
    """

    def __init__(self) -> None:
        self._text = ""
        self._from = 0  # nothing before this can end the sentence

    def add(self, piece: str) -> list[str]:
        """The sentences that are now complete."""
        self._text += piece
        return self._cut(self._text, _LOOK_AHEAD)

    def finish(self) -> list[str]:
        """What is left when the text has ended."""
        found = self._cut(self._text, 0)
        rest, self._text, self._from = self._text.strip(), "", 0
        return [*found, rest] if rest else found

    def _cut(self, text: str, look_ahead: int) -> list[str]:
        found, start, at = [], 0, self._from
        while (mark := _MARK.search(text, at)) is not None:
            at = mark.start()
            end = _END.match(text, at)
            stop = (end or _MARKS.match(text, at) or mark).end()
            if stop + look_ahead > len(text):
                break  # more must be known
            if end is None or not _ends(text, start, end):
                at = stop
                continue
            if sentence := text[start:stop].strip():
                found.append(sentence)
            start = at = stop
        else:
            at = len(text)
        self._text, self._from = text[start:], at - start
        return found


def split_sentences(text: str) -> list[str]:
    """The sentences of a whole text, without the space around them."""
    stream = SentenceStream()
    return stream.add(text) + stream.finish()


def _ends(text: str, start: int, end: re.Match[str]) -> bool:
    if end["line"] is not None:
        return True
    following = text[end.end() : end.end() + 1]
    mark, closers = end["mark"], end["close"]
    if "\n" in end["gap"] or not following:
        return True
    if following.islower() and (set(closers) & set("\"'”’»") or set(mark) <= {"…"} or (len(mark) > 1 and set(mark) <= set(".…"))):
        return False
    if mark != "." or closers:
        return True
    before = text[max(start, end.start() - 12) : end.start() + 1]
    if _DIGIT_AFTER.search(before):
        return not following.isdigit()
    return not _ABBREVIATION.search(before)
