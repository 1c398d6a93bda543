"""Drift: whether her replies, and what is talked about, have left what she learned from, trait by trait."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Final, NamedTuple

import msgspec

from companion.core.monitoring.observed import Observed
from companion.core.monitoring.stability import (
    LARGE,
    SOME,
    SURE,
    Counted,
    blocks_of,
    chance,
    histogram,
    stability_index,
)
from companion.core.storage.memory_words import STOP_WORDS
from companion.core.words import words_of

LEAST_REPLIES: Final = 50
"""On either side; below it nothing is compared."""
LEAST_BLOCKS: Final = 5
"""Talks or dialogues on either side: replies of one talk are alike, and one talk says little."""
LENGTH_BINS: Final = 10
STYLE_WORDS: Final = 24
"""The most frequent words tell a style, whatever is talked about (Burrows 2002)."""
TOPIC_WORDS: Final = 20
LEAST_TOPIC_WORD: Final = 4
"""Letters; shorter words rarely name a topic."""
MOODS: Final = 8


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """One trait of the newest replies beside the reference."""

    name: str
    title: str
    index: float
    """The population stability index, or for meaning the cosine distance."""
    chance: float
    """How often chance alone makes as much."""
    told: str = ""
    """What is different, in words."""

    @property
    def level(self) -> str:
        """“steady”, “some change” or “large change”; “not sure” for what chance could have made."""
        if self.index < SOME:
            return "steady"
        if self.chance > SURE:
            return "not sure"
        return "large change" if self.index >= LARGE else "some change"

    @property
    def is_alert(self) -> bool:
        return self.index >= SOME and self.chance <= SURE


class _Trait(NamedTuple):
    """Bins for both sides, made from both, so that dealing blocks out anew is fair."""

    name: str
    title: str
    bins: Callable[[Sequence[Observed], Sequence[Observed]], tuple[str, ...]]
    place: Callable[[Observed, tuple[str, ...]], dict[int, int]]
    tell: Callable[[Sequence[Observed], Sequence[Observed], Sequence[float], Sequence[float], tuple[str, ...]], str]


def drifts(now: Sequence[Observed], reference: Sequence[Observed]) -> tuple[Drift, ...]:
    """Of every trait that both sides have enough of."""
    return tuple(found for trait in TRAITS if (found := _drift(trait, now, reference)) is not None)


def _drift(trait: _Trait, now: Sequence[Observed], reference: Sequence[Observed]) -> Drift | None:
    if trait.name == "moods":
        now, reference = ([reply for reply in side if reply.mood] for side in (now, reference))
    if min(len(now), len(reference)) < LEAST_REPLIES:
        return None
    bins = trait.bins(now, reference)
    here, there = ([Counted(reply.block, trait.place(reply, bins)) for reply in side] for side in (now, reference))
    if min(blocks_of(here), blocks_of(there)) < LEAST_BLOCKS or len(bins) < 2:
        return None
    counts, before = histogram(here, len(bins)), histogram(there, len(bins))
    index = stability_index(counts, before)
    could_be_chance = chance(here, there, len(bins)) if index >= SOME else 1.0
    told = trait.tell(now, reference, counts, before, bins)
    return Drift(name=trait.name, title=trait.title, index=index, chance=could_be_chance, told=told)


# Bins are the texts they stand for; of lengths, the words at which a bin begins.


def _length_bins(now: Sequence[Observed], reference: Sequence[Observed]) -> tuple[str, ...]:
    """Tenths of the reference, as is usual for numbers."""
    lengths = sorted(len(words_of(reply.text)) for reply in reference)
    edges = {lengths[round(part * (len(lengths) - 1) / LENGTH_BINS)] for part in range(1, LENGTH_BINS)}
    return ("0", *(str(edge) for edge in sorted(edges - {0})))


def _place_length(reply: Observed, bins: tuple[str, ...]) -> dict[int, int]:
    return {bisect_right([int(edge) for edge in bins], len(words_of(reply.text))) - 1: 1}


def _tell_length(now: Sequence[Observed], reference: Sequence[Observed], *_rest: object) -> str:
    lengths = [fmean(len(words_of(reply.text)) for reply in side) for side in (now, reference)]
    word = "longer" if lengths[0] > lengths[1] else "shorter"
    return f"her replies are {word}: {lengths[0]:.0f} words instead of {lengths[1]:.0f}"


def _place_question(reply: Observed, _bins: tuple[str, ...]) -> dict[int, int]:
    return {int(reply.text.rstrip(" *\"'”’)\n").endswith(("?", "？", "؟"))): 1}


def _tell_question(_now: object, _reference: object, counts: Sequence[float], before: Sequence[float], _bins: object) -> str:
    here, there = (side[1] / max(sum(side), 1.0) for side in (counts, before))
    word = "more" if here > there else "less"
    return f"she ends with a question {word} often: {_percent(here)} of the time instead of {_percent(there)}"


def _style_bins(now: Sequence[Observed], reference: Sequence[Observed]) -> tuple[str, ...]:
    return (*_commonest((words_of(reply.text) for reply in (*now, *reference)), STYLE_WORDS), "other words")


def _place_style(reply: Observed, bins: tuple[str, ...]) -> dict[int, int]:
    return _counts(words_of(reply.text), bins)


def _topic_bins(now: Sequence[Observed], reference: Sequence[Observed]) -> tuple[str, ...]:
    """Words that many talks have in common count for more than those of one long talk."""
    by_block: dict[str, set[str]] = {}
    for reply in (*now, *reference):
        by_block.setdefault(reply.block, set()).update(_topic_words(reply))
    return (*_commonest(by_block.values(), TOPIC_WORDS), "other things")


def _place_topics(reply: Observed, bins: tuple[str, ...]) -> dict[int, int]:
    places = {bins.index(word) for word in _topic_words(reply) if word in bins}
    return dict.fromkeys(places or {len(bins) - 1}, 1)


def _topic_words(reply: Observed) -> set[str]:
    said = words_of(f"{reply.asked} {reply.text}")
    return {
        word for word in said if (len(word) >= LEAST_TOPIC_WORD or not word.isascii()) and not STOP_WORDS & {*word.split("'")}
    }


def _mood_bins(now: Sequence[Observed], reference: Sequence[Observed]) -> tuple[str, ...]:
    return (*_commonest(([reply.mood] for reply in (*now, *reference)), MOODS), "other moods")


def _place_mood(reply: Observed, bins: tuple[str, ...]) -> dict[int, int]:
    return _counts([reply.mood], bins)


def _teller(sentence: str) -> Callable[..., str]:
    """Tells of the bin that has contributed most."""

    def tell(_now: object, _reference: object, counts: Sequence[float], before: Sequence[float], bins: tuple[str, ...]) -> str:
        here, there = ([part / max(sum(side), 1.0) for part in side] for side in (counts, before))
        named = range(len(bins) - 1)
        place = max(named, key=lambda at: abs(here[at] - there[at]), default=0)
        word = "more" if here[place] > there[place] else "less"
        return sentence.format(bins[place], word, _percent(here[place]), _percent(there[place]))

    return tell


def _counts(words: Iterable[str], bins: tuple[str, ...]) -> dict[int, int]:
    places = {word: place for place, word in enumerate(bins)}
    return Counter(places.get(word, len(bins) - 1) for word in words)


def _commonest(texts: Iterable[Iterable[str]], most: int) -> tuple[str, ...]:
    return tuple(word for word, _ in Counter(word for words in texts for word in words).most_common(most))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.1f} %"


TRAITS: Final = (
    _Trait("length", "Length", _length_bins, _place_length, _tell_length),
    _Trait("questions", "Questions", lambda *_: ("no question", "question"), _place_question, _tell_question),
    _Trait("words", "Words", _style_bins, _place_style, _teller("she says “{}” {} often: {} of her words instead of {}")),
    _Trait("moods", "Moods", _mood_bins, _place_mood, _teller("her mood is “{}” {} often: {} of the time instead of {}")),
    _Trait("topics", "Topics", _topic_bins, _place_topics, _teller("“{}” comes up {} often: {} of the time instead of {}")),
)
