"""What may happen to a person's words on the way: slips of the fingers, other spellings, other words, and tricks.

Every change is an `Edit` like those of the augmentation: text, names that must stay, and chance. The same chance gives
the same text. An edit that finds nothing to change returns the text itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Final

import msgspec

from companion.core.recipes.evaluate import Perturbation
from companion.workshop.data.augmentation.edits import Edit
from companion.workshop.data.augmentation.words import parts_of
from companion.workshop.evaluation.rewording import reworded
from companion.workshop.evaluation.scripted import Said, read_lines, shipped

PARAPHRASES_FILE: Final = "paraphrases.jsonl"
_TYPO_SHARE: Final = 0.15
"""Of the words: about what people leave on a telephone's keyboard without correction."""
_SPACING_SHARE: Final = 0.3
_LOOK_ALIKE_SHARE: Final = 0.3
_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_FULL_WIDTH: Final = 0xFEE0
"""From a character of ASCII to its full-width form (U+FF01 to U+FF5E)."""
LOOK_ALIKES: Final[dict[str, str]] = {
    **dict(zip("aceopxyijshABCEHIKMOPTXYSJ", "асеорхуіјѕһАВСЕНІКМОРТХУЅЈ", strict=True)),  # Cyrillic
    **dict(zip("vnZN", "νոΖΝ", strict=True)),  # Greek, and Armenian for n
}
"""Letters of other scripts that look the same in most typefaces (from Unicode's confusables, UTS 39)."""


class Paraphrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person says, and the same in other words."""

    said: Said
    other: Said


def _beside() -> dict[str, str]:
    """Keys that touch each key, on the American layout: a row's keys stand half a key to the right of those above."""
    found: dict[str, str] = {}
    for number, row in enumerate(_ROWS):
        for at, key in enumerate(row):
            near = row[max(0, at - 1) : at] + row[at + 1 : at + 2]
            if number:
                near += _ROWS[number - 1][at : at + 2]
            if number + 1 < len(_ROWS):
                near += _ROWS[number + 1][max(0, at - 1) : at + 1]
            found[key] = near
    return found


_BESIDE: Final = _beside()


def typos(text: str, names: Sequence[str], random: Random) -> str:
    """Slips in some of the words, one in each: a key beside, two letters swapped, one left out, one doubled.

    Names, numbers, links and code stay: a wrong name is another name.
    """
    parts = parts_of(text)
    able = _plain_words(parts, names)
    random.shuffle(able)
    for number in able[: max(1, round(_TYPO_SHARE * len(able)))]:
        parts[number] = _with_slip(parts[number], random)
    return "".join(parts)


def case(text: str, names: Sequence[str], random: Random) -> str:
    """All large or all small letters; where it is so already, the other."""
    forms = [_cased(text, large=large) for large in (True, False)]
    random.shuffle(forms)
    return next((form for form in forms if form != text), text)


def spacing(text: str, names: Sequence[str], random: Random) -> str:
    """Spaces forgotten, doubled, or put before marks; the other characters stay as they are."""
    parts = re.split(r"(\s+)", text)
    for number, part in enumerate(parts):
        if part.isspace() and random.random() < _SPACING_SHARE:
            parts[number] = random.choice(("", part * 2, part + "\t", part * 3))
    spaced = re.sub(r"(?<=\w)(?=[,.!?;:])", lambda _: " " if random.random() < _SPACING_SHARE else "", "".join(parts))
    return spaced if spaced != text else f"  {text}  "


def look_alikes(text: str, names: Sequence[str], random: Random) -> str:
    """Letters of other scripts that look the same; in one text of four, the wide letters of East Asian typefaces."""
    if random.random() < 0.25:
        return "".join(chr(ord(c) + _FULL_WIDTH) if "!" <= c <= "~" else c for c in text)
    able = [at for at, c in enumerate(text) if c in LOOK_ALIKES]
    chosen = set(random.sample(able, max(1, round(_LOOK_ALIKE_SHARE * len(able))))) if able else set()
    return "".join(LOOK_ALIKES[c] if at in chosen else c for at, c in enumerate(text))


def paraphrases(text: str, names: Sequence[str], random: Random) -> str:
    """The same said otherwise: as written for the built-in prompts, else by rule (contractions and a table of synonyms)."""
    written = written_paraphrases().get(_key(text))
    return written if written is not None else reworded(text, names, random)


@lru_cache(maxsize=1)
def written_paraphrases() -> Mapping[str, str]:
    """Pairs written for the built-in prompts, by `_key` of what was said. Raises DatasetError."""
    return {_key(pair.said): pair.other for pair in read_lines(shipped(PARAPHRASES_FILE), Paraphrase)}


REWORDINGS: Final[Mapping[Perturbation, Edit]] = {
    "typos": typos,
    "case": case,
    "spacing": spacing,
    "look-alikes": look_alikes,
    "paraphrases": paraphrases,
}
"""Changes after which the words mean what they meant."""


def chance(seed: int, kind: str, name: str) -> Random:
    """The chance of one change of one text: the same for every subject, so that they meet the same words."""
    return Random(f"{seed} {kind} {name}")


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()


def _plain_words(parts: Sequence[str], names: Sequence[str]) -> list[int]:
    """Numbers of the parts that are words of three letters or more and no names."""
    known = {word.casefold() for name in names for word in name.split()}
    found = []
    for number, part in enumerate(parts):
        begins = not any(before.strip() and before[-1] not in ".!?…" for before in parts[max(0, number - 2) : number])
        named = part[:1].isupper() and not begins
        if len(part) > 2 and part.isascii() and part.isalpha() and not named and part.casefold() not in known:
            found.append(number)
    return found


def _with_slip(word: str, random: Random) -> str:
    """One slip: at a Damerau–Levenshtein distance of 1, never the word itself."""
    at = random.randrange(len(word))
    letter = word[at]
    near = _BESIDE.get(letter.lower(), "")
    slips = [word[:at] + word[at + 1 :], word[: at + 1] + word[at:]]
    if near:
        key = random.choice(near)
        slips.append(word[:at] + (key.upper() if letter.isupper() else key) + word[at + 1 :])
    if at + 1 < len(word) and word[at + 1] != letter:
        slips.append(word[:at] + word[at + 1] + letter + word[at + 2 :])
    return random.choice(slips)


def _cased(text: str, *, large: bool) -> str:
    """Letter by letter, leaving those that would become another letter on the way back."""
    turned = ((c, c.upper() if large else c.lower()) for c in text)
    return "".join(new if new.casefold() == old.casefold() else old for old, new in turned)
