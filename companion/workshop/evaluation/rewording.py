"""Saying the same in other words by rule: contractions opened or closed, and a small table of words that mean the same.

Light on purpose: a rule that guesses would change what was said. Texts in which no rule finds anything stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Final

from companion.workshop.data.augmentation.edits import replace_words

_CONTRACTIONS: Final[dict[str, str]] = {
    "I'm": "I am",
    "I've": "I have",
    "I'll": "I will",
    "you're": "you are",
    "you've": "you have",
    "we're": "we are",
    "we've": "we have",
    "they're": "they are",
    "don't": "do not",
    "doesn't": "does not",
    "didn't": "did not",
    "isn't": "is not",
    "aren't": "are not",
    "wasn't": "was not",
    "weren't": "were not",
    "haven't": "have not",
    "hasn't": "has not",
    "couldn't": "could not",
    "wouldn't": "would not",
    "shouldn't": "should not",
    "can't": "cannot",
    "won't": "will not",
    "that's": "that is",
    "what's": "what is",
    "where's": "where is",
    "who's": "who is",
    "it's": "it is",
    "let's": "let us",
}
_SYNONYMS: Final[dict[str, tuple[str, ...]]] = {  # which begin alike, so that “a” and “an” stay right
    "angry": ("cross", "mad"),
    "begin": ("start",),
    "buy": ("get",),
    "child": ("kid",),
    "children": ("kids",),
    "difficult": ("hard",),
    "film": ("movie",),
    "friend": ("mate",),
    "gift": ("present",),
    "glad": ("happy",),
    "hello": ("hi",),
    "hi": ("hello",),
    "large": ("big",),
    "maybe": ("perhaps",),
    "movie": ("film",),
    "mum": ("mother",),
    "mom": ("mother",),
    "dad": ("father",),
    "often": ("frequently",),
    "perhaps": ("maybe",),
    "really": ("truly",),
    "small": ("little",),
    "speak": ("talk",),
    "story": ("tale",),
    "terrible": ("dreadful",),
    "trip": ("journey",),
    "weird": ("strange",),
    "wonderful": ("lovely",),
}


def _pattern(words: Sequence[str], behind: str) -> re.Pattern[str]:
    any_of = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.compile(rf"\b(?:{any_of})\b{behind}", re.IGNORECASE)


_SHORT: Final = {short.lower(): long for short, long in _CONTRACTIONS.items()}
_STAYS_LONG: Final = (" have", "I will", "let us", "who is", "where is")
"""“I have to”, “I've to”; “who is she”, “I know who is there”: what cannot always be closed."""
_LONG: Final = {long.lower(): short for short, long in _CONTRACTIONS.items() if not long.endswith(_STAYS_LONG)}
_ALL_SHORT: Final = _pattern(list(_SHORT), r"(?!\s+(?:been|got|had)\b)")  # “it's been” is no “it is”
_ALL_LONG: Final = _pattern(list(_LONG), r"(?=\s+\w)")  # “who it is.” stays open
_replaced = replace_words(0.4, lambda word: _SYNONYMS.get(word, ()))


def reworded(text: str, names: Sequence[str], random: Random) -> str:
    """The text with its contractions opened, else closed where they can be, and some words exchanged."""
    plain = text.replace("’", "'")
    opened = _ALL_SHORT.sub(lambda found: _like(found.group(), _SHORT[found.group().lower()]), plain)
    if opened == plain:
        opened = _ALL_LONG.sub(lambda found: _like(found.group(), _LONG[found.group().lower()]), plain)
    changed = _replaced(opened, names, random)
    return text if changed == plain else changed


def _like(model: str, text: str) -> str:
    """`text` written large or small as `model` begins; the pronoun I stays large where it was."""
    if model[:1].isupper():
        return text[:1].upper() + text[1:]
    return text[:1].lower() + text[1:]
