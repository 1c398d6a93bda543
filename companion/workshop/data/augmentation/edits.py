"""Small edits of a turn (after EDA, Wei and Zou 2019): other words, fewer words, another order. All seeded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

from companion.core.moods import split_sentences
from companion.workshop.data.augmentation.words import changeable, parts_of

Edit = Callable[[str, Sequence[str], Random], str]
"""Text, names that must stay, and chance; returns the text itself when nothing could be done."""
Neighbours = Callable[[str], Sequence[str]]
"""Words that may stand for a word in small letters, the best first; none when nobody knows."""


def replace_words(share: float, neighbours: Neighbours) -> Edit:
    """`share` of the ordinary words become a neighbour each, at least one."""

    def edit(text: str, names: Sequence[str], random: Random) -> str:
        parts = parts_of(text)
        able = changeable(parts, names)
        random.shuffle(able)
        wanted = max(1, round(share * len(able)))
        for number in able:
            if not wanted:
                break
            others = neighbours(parts[number].lower())
            if others:
                parts[number] = random.choice(others[:2])
                wanted -= 1
        return "".join(parts)

    return edit


def delete_words(share: float) -> Edit:
    """Each ordinary word goes with this probability; two thirds of them stay in any case."""

    def edit(text: str, names: Sequence[str], random: Random) -> str:
        parts = parts_of(text)
        able = changeable(parts, names)
        gone = [number for number in able if random.random() < share][: len(able) // 3]
        for number in gone:
            parts[number] = ""
            if number and parts[number - 1].isspace():
                parts[number - 1] = ""
        return "".join(parts).strip() or text

    return edit


def swap_words(share: float) -> Edit:
    """Neighbouring ordinary words change places, for this share of them."""

    def edit(text: str, names: Sequence[str], random: Random) -> str:
        parts = parts_of(text)
        able = changeable(parts, names)
        pairs = [(a, b) for a, b in pairwise(able) if b - a == 2 and parts[a + 1].isspace()]
        random.shuffle(pairs)
        used: set[int] = set()
        for a, b in pairs[: max(1, round(share * len(able)))]:
            if used.isdisjoint((a, b)):
                parts[a], parts[b] = parts[b], parts[a]
                used |= {a, b}
        return "".join(parts)

    return edit


def shuffle_sentences(text: str, names: Sequence[str], random: Random) -> str:
    """The sentences of a turn in another order; one of fewer than three stays as it is, and so does its last one, which is
    what is answered."""
    sentences = split_sentences(text)
    if len(sentences) < 3 or "\n" in text:
        return text
    *first, last = sentences
    order = list(first)
    for _ in range(8):
        random.shuffle(order)
        if order != first:
            break
    return " ".join((*order, last))
