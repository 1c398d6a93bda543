"""Signals: shares of her replies that the person had to mend or that went wrong, now, before, and by day or week.

Whether a share has really risen is told by a permutation of whole talks (`stability.chance`), whether one is too high by
the lower end of Wilson's interval (1927) of 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Final, NamedTuple

import msgspec

from companion.core.monitoring.observed import Observed
from companion.core.monitoring.stability import SURE, Counted, chance

DAY: Final = 86400.0
WEEKS_FROM: Final = 21
"""Days from the first reply to the last; where there are more, a period is a week."""
LEAST_IN_PERIOD: Final = 5
"""Replies of a period that says something."""
WORTH_TELLING: Final = 0.05
"""A share that has risen by less is not worth a word."""
_Z: Final = 1.96


class Signal(NamedTuple):
    name: str
    title: str
    sentence: str
    """What is too high, with the share in its place; begins in the middle of a sentence."""
    much: float
    """A share that is too high whatever it was before."""
    holds: Callable[[Observed], bool]
    counts: Callable[[Observed], bool] = lambda _reply: True
    """Which replies could hold it at all."""


def _is_cut(reply: Observed) -> bool:
    return reply.ending in {"length", "context_full"}


SIGNALS: Final = (
    Signal("another", "asked again", "you asked for another reply in {} of the cases", 0.4, lambda reply: reply.is_another),
    Signal("thumbs", "thumbs down", "you put a thumb down on {} of her replies", 0.15, lambda reply: reply.feedback < 0),
    Signal("edits", "written over", "you wrote over {} of her replies", 0.2, lambda reply: reply.was_edited),
    Signal("loops", "loops", "she says the same again and again in {} of her replies", 0.05, lambda reply: reply.is_loop),
    Signal("cut", "without end", "{} of her replies find no end and are cut off", 0.2, _is_cut, lambda reply: bool(reply.ending)),
)  # fmt: skip


class SignalNow(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are 0 to 1; None where too few replies could hold it."""

    name: str
    title: str
    share: float | None
    before: float | None = None
    alert: str = ""
    """A sentence, when the person should hear of it."""


class Period(msgspec.Struct, frozen=True):
    """A day or a week, numbered from 1."""

    number: int
    replies: int
    shares: dict[str, float]
    """By name of the signal."""
    moods: dict[str, float]
    """Shares of the moods that were read."""


class _Share(NamedTuple):
    held: int
    of: int


def signals_now(now: Sequence[Observed], before: Sequence[Observed], least: int) -> tuple[SignalNow, ...]:
    """Each signal of the newest replies beside those before; `least` replies are needed on a side to say anything."""
    return tuple(_signal_now(signal, now, before, least) for signal in SIGNALS)


def _signal_now(signal: Signal, now: Sequence[Observed], before: Sequence[Observed], least: int) -> SignalNow:
    here, there = _counted(signal, now), _counted(signal, before)
    current, earlier = _share(here), _share(there)
    if current.of < least:
        return SignalNow(name=signal.name, title=signal.title, share=None)
    share = current.held / current.of
    told = signal.sentence.format(_percent(share))
    told = told[0].upper() + told[1:]
    is_much = lower_end(current.held, current.of) > signal.much
    if earlier.of < least:
        return SignalNow(name=signal.name, title=signal.title, share=share, alert=f"{told}." if is_much else "")
    previous = earlier.held / earlier.of
    is_more = share - previous >= WORTH_TELLING
    alert = ""
    if is_much or (is_more and chance(here, there, 2, _difference) <= SURE):
        alert = f"{told}; before it was {_percent(previous)}." if is_more else f"{told}."
    return SignalNow(name=signal.name, title=signal.title, share=share, before=previous, alert=alert)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _counted(signal: Signal, replies: Sequence[Observed]) -> list[Counted]:
    return [Counted(reply.block, {int(signal.holds(reply)): 1}) for reply in replies if signal.counts(reply)]


def _share(counted: Sequence[Counted]) -> _Share:
    return _Share(sum(each.counts.get(1, 0) for each in counted), len(counted))


def _difference(now: Sequence[float], before: Sequence[float]) -> float:
    return now[1] / max(sum(now), 1.0) - before[1] / max(sum(before), 1.0)


def lower_end(held: int, of: int) -> float:
    """The lower end of Wilson's interval of a share."""
    share, squared = held / of, _Z * _Z / of
    return (share + squared / 2 - _Z * sqrt(share * (1 - share) / of + squared / of / 4)) / (1 + squared)


def periods(replies: Sequence[Observed]) -> tuple[int, tuple[Period, ...]]:
    """How many days one period has, and those that have enough replies, oldest first."""
    if not replies:
        return 1, ()
    first = replies[0].created
    days = 7 if replies[-1].created - first > WEEKS_FROM * DAY else 1
    by_number: dict[int, list[Observed]] = {}
    for reply in replies:
        by_number.setdefault(1 + int((reply.created - first) / (days * DAY)), []).append(reply)
    return days, tuple(_period(number, some) for number, some in sorted(by_number.items()) if len(some) >= LEAST_IN_PERIOD)


def _period(number: int, replies: Sequence[Observed]) -> Period:
    shares = {}
    for signal in SIGNALS:
        found = _share(_counted(signal, replies))
        if found.of:
            shares[signal.name] = found.held / found.of
    read = [reply.mood for reply in replies if reply.mood]
    return Period(number, len(replies), shares, {mood: read.count(mood) / len(read) for mood in sorted(set(read))})
