"""Text as the small classifier sees it: words in one spelling, with what shouting, stretching and emoji say kept as words.

Training and reading use this one module, so the two cannot drift apart. Everything is pure Python and bounded:
only the first MAX_CHARACTERS of a text are looked at, and at most MAX_WORDS words come out.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_CHARACTERS: Final = 1000
MAX_WORDS: Final = 64
PADDING, UNKNOWN, NAME, NUMBER, LINK, CAPITALS, STRETCHED = (
    "<padding>",
    "<unknown>",
    "<name>",
    "<number>",
    "<link>",
    "<capitals>",
    "<stretched>",
)
SPECIAL: Final = (PADDING, UNKNOWN, NAME, NUMBER, LINK, CAPITALS, STRETCHED)

_EMOTICONS: Final = (
    ("<smile>", r"[:=][\-^']?[)\]]+|\^[_.]*\^|\(:"),
    ("<laugh>", r"[:=xX][\-^']?D+\b|[xX][\-]?\)+"),
    ("<wink>", r";[\-^']?[)\]D]+"),
    ("<tongue>", r"[:=;][\-^']?[pP]\b"),
    ("<frown>", r"[:=][\-^']?[(\[]+|\):|[:=]'\(|[Tt]_+[Tt]|;_+;"),
    ("<doubt>", r"[:=][\-^']?[/\\|](?!/)"),
    ("<gasp>", r"[:=][\-^']?[oO0]\b|\b[oO][_.][oO]\b"),
    ("<heart>", r"<3+"),
)
_MASKS: Final = {"[name]": NAME, "[religion]": "<religion>"}
_NAMES = [f"emoticon{number}" for number in range(len(_EMOTICONS))]
_PATTERN: Final = re.compile(
    "|".join(
        [
            r"(?P<mask>\[(?:NAME|RELIGION)\])",
            r"(?P<link>https?://\S+|www\.\S+|\b[ru]/\w+)",
            *(f"(?P<{name}>{pattern})" for name, (_, pattern) in zip(_NAMES, _EMOTICONS, strict=True)),
            r"(?P<sarcasm>(?<!\w)/s\b)",
            r"(?P<number>\d[\d.,:]*)",
            r"(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)",
            r"(?P<marks>[!?][!?]+)",
            r"(?P<dots>\.\.+|…)",
            r"(?P<mark>[!?.,;:&%$@#+=/~\-])",
            r"(?P<symbol>[^\s\w\x00-\x7f])",
        ]
    )
)
_CLITIC: Final = re.compile(r"(?P<stem>.+?)(?P<tail>n't|'(?:s|m|re|ve|ll|d))$")
_STRETCHED: Final = re.compile(r"(.)\1{2,}")
_DOUBLED: Final = re.compile(r"(.)\1+")
_INVISIBLE: Final = {"\ufe0f", "\ufe0e", "\u200d", "\u2640", "\u2642", *map(chr, range(0x1F3FB, 0x1F400))}
_PLAIN: Final = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"'})
_SENTENCE_ENDS: Final = {".", "!", "?", "!!", "??", "?!", "...", ":"}
_NO_NAMES: Final = {"I", "A"}


def words(text: str) -> list[str]:
    """The words, marks and signs of a text, in order.

    A word in capitals is followed by CAPITALS, one with a letter three times or more by STRETCHED (and is shortened
    to two), “don't” becomes “do n't”, and an emoji or emoticon is a word. Words are in small letters, except for a
    capital inside a sentence: `Words` takes it for a name when the word is not known.
    """
    found: list[str] = []
    for match in _PATTERN.finditer(text[:MAX_CHARACTERS].translate(_PLAIN)):
        kind, piece = str(match.lastgroup), match.group()
        if kind == "word":
            _add_word(found, piece)
        elif kind == "mask":
            found.append(_MASKS[piece.lower()])
        elif kind.startswith("emoticon"):
            found.append(_EMOTICONS[int(kind.removeprefix("emoticon"))][0])
        elif kind == "number":
            found.append(NUMBER)
        elif kind == "link":
            found.append(LINK)
        elif kind == "marks":
            found.append("?!" if len(set(piece)) > 1 else piece[:2])
        elif kind == "dots":
            found.append("...")
        elif kind != "symbol" or piece not in _INVISIBLE:
            found.append(piece)
        if len(found) >= MAX_WORDS:
            break
    return found[:MAX_WORDS]


def _add_word(found: list[str], piece: str) -> None:
    word = unicodedata.normalize("NFKC", piece)
    shouted = len(word) > 2 and word.isupper()
    if shouted or not found or found[-1] in _SENTENCE_ENDS or word in _NO_NAMES:
        word = word.lower()  # what keeps its capital may be a name
    short = _STRETCHED.sub(r"\1\1", word)
    clitic = _CLITIC.fullmatch(short)
    found += [clitic["stem"], clitic["tail"]] if clitic else [short]
    if shouted:
        found.append(CAPITALS)
    if short != word:
        found.append(STRETCHED)


class Words:
    """The words a classifier knows, by number."""

    def __init__(self, known: list[str]) -> None:
        self._numbers = {word: number for number, word in enumerate(known)}
        self._unknown, self._name = self._numbers[UNKNOWN], self._numbers[NAME]

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self, text: str) -> list[int]:
        """The text in numbers; never empty."""
        return [self._number(word) for word in words(text)] or [self._numbers[PADDING]]

    def _number(self, word: str) -> int:
        lower = word.lower()
        for spelling in (lower, _DOUBLED.sub(r"\1", lower)):
            number = self._numbers.get(spelling)
            if number is not None:
                return number
        return self._unknown if word == lower else self._name
