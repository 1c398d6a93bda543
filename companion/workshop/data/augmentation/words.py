"""Words of a turn that may be changed: never names, numbers, links, code, or what stands between asterisks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_PARTS: Final = re.compile(r"```.*?```|`[^`\n]*`|https?://\S+|\S+@\S+|\*[^*\n]+\*|\w+(?:['’]\w+)*|\s+|[^\w\s]", re.DOTALL)
_WORD: Final = re.compile(r"\w+(?:['’]\w+)*")
_SENTENCE_END: Final = frozenset(".!?…:\n")
_STOP_WORDS: Final = (
    "a about after again all also am an and any are as at be because been before being but by can could did do does doing down "
    "for from had has have having he her here hers him his how i if in into is it its just like me more most my no nor not now "
    "of off on once only or other our out over own same she should so some such than that the their them then there these they "
    "this those through to too under until up us very was we were what when where which while who why will with would yes you "
    "your yours okay ok oh well im dont cant isnt didnt "
    "thing things something anything everything nothing someone somebody anyone everyone"
)
STOP_WORDS: Final = frozenset(_STOP_WORDS.split())
"""Words that carry the grammar of a sentence; negations above all must stay."""


def parts_of(text: str) -> list[str]:
    """Words and what stands between them; joined they are the text."""
    return _PARTS.findall(text)


def changeable(parts: list[str], names: Iterable[str] = ()) -> list[int]:
    """Numbers of the parts that are ordinary words: not `names`, and nothing written large, which may be one."""
    known = STOP_WORDS | {word.casefold() for name in names for word in _WORD.findall(name)}
    return [
        number
        for number, part in enumerate(parts)
        if len(part) > 2 and part.isalpha() and not part[0].isupper() and part.casefold() not in known
    ]


def facts_of(text: str, names: Iterable[str] = ()) -> set[str]:
    """Names and numbers of a text, in small letters: what must be said in every version of it."""
    parts = parts_of(text)
    known = {word.casefold() for name in names for word in _WORD.findall(name)}
    found: set[str] = set()
    begins = True
    for part in parts:
        if _WORD.fullmatch(part):
            folded = part.casefold()
            name = part[:1].isupper() and not begins and folded not in STOP_WORDS and folded.split("'")[0] != "i"
            if any(character.isdigit() for character in part) or folded in known or name:
                found.add(folded)
        if part.strip() or "\n" in part:
            begins = part[-1] in _SENTENCE_END or "\n" in part
    return found
