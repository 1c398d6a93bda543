"""Where the words of a search stand in a line, found as the search found them: without case and accents."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from PySide6.QtGui import QFontMetrics

from companion.core.storage.search_index import fold


class Piece(NamedTuple):
    words: str
    found: bool


def pieces(line: str, searched: tuple[str, ...]) -> list[Piece]:
    """The line cut where what was searched for begins and ends; `searched` are folded words."""
    marks = _marks(line, searched)
    cuts = [0, *(i for i in range(1, len(line)) if marks[i] != marks[i - 1]), len(line)]
    return [Piece(line[a:b], marks[a]) for a, b in pairwise(cuts) if b > a]


def shortened(line: str, searched: tuple[str, ...], metrics: QFontMetrics, width: int) -> str:
    """The line without its beginning when else the first match could not be seen."""
    marks = _marks(line, searched)
    if True not in marks:
        return line
    first = marks.index(True)
    last = next((i for i in range(first, len(line)) if not marks[i]), len(line))
    if metrics.horizontalAdvance(line[:last]) <= width * 0.9:
        return line
    begin = line.rfind(" ", 0, max(first - 12, 0)) + 1
    return "…" + line[max(begin, first - 24) :]


def _marks(line: str, searched: tuple[str, ...]) -> list[bool]:
    """For each character, whether it belongs to a match."""
    folded, origin = "", list[int]()
    for i, character in enumerate(line):
        letters = fold(character)
        folded += letters
        origin += [i] * len(letters)
    marks = [False] * len(line)
    for word in filter(None, searched):
        start = 0
        while (at := folded.find(word, start)) >= 0:
            for i in range(origin[at], origin[at + len(word) - 1] + 1):
                marks[i] = True
            start = at + len(word)
    return marks
