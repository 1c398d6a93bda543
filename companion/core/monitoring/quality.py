"""How she does: signals, drift and alerts of one character, from the database of conversations and the jobs' folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from companion.core.amounts import counted
from companion.core.monitoring.drift import LEAST_BLOCKS, LEAST_REPLIES, Drift, drifts
from companion.core.monitoring.meaning import meaning_drift
from companion.core.monitoring.observed import Observed, observed_replies
from companion.core.monitoring.reference import Reference, learned_reference
from companion.core.monitoring.signals import Period, SignalNow, periods, signals_now

CURRENT: Final = 200
"""Of her newest replies, so many are now."""
THE_PERSONS: Final = frozenset({"topics", "meaning"})
"""What the person talks about may change as they like; only what she never learned about is a reason to teach."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose talk is looked at, and with what she talks."""

    database: Path
    character: str
    """Identifier of the character, as conversations hold it."""
    name: str
    adapters: tuple[str, ...] = ()
    """Paths of those that count now."""
    adopted: float = 0.0
    """When they began to, in seconds since the epoch: replies from before are not theirs. 0 when unknown."""
    embedding_model: str = ""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the card shows."""

    name: str
    replies: int = 0
    """How many are known."""
    current: int = 0
    """How many of them are now."""
    signals: tuple[SignalNow, ...] = ()
    days: int = 1
    """Of one period."""
    periods: tuple[Period, ...] = ()
    compared_with: str = ""
    """What the drift is measured from; empty when there is none to measure."""
    drifts: tuple[Drift, ...] = ()
    alerts: tuple[str, ...] = ()
    """Sentences, the plainest first."""
    too_little: str = ""
    """What is missing to say more, one sentence; empty when nothing is."""


def quality(asked: Asked) -> Quality:
    """A fifth of a second of work for 3,000 replies, in portions between which another thread may work. Raises StoreError."""
    replies = observed_replies(asked.database, asked.character)
    own = [reply for reply in replies if reply.created >= asked.adopted]
    now = own[-CURRENT:]
    if len(now) < LEAST_REPLIES:
        return Quality(name=asked.name, replies=len(replies), current=len(now), too_little=_too_few(asked, len(now)))
    earlier = replies[: len(replies) - len(now)]
    signals = signals_now(now, earlier, LEAST_REPLIES)
    days, some = periods(replies)
    reference = _reference(asked, earlier)
    found: tuple[Drift, ...] = ()
    if reference is not None:
        found = drifts(now, reference.replies)
        moved = meaning_drift(asked.database, asked.character, asked.embedding_model, now[0].created)
        found = found if moved is None else (*found, moved)
    alerts = [signal.alert for signal in signals if signal.alert]
    told = [each for each in found if each.is_alert and (each.name not in THE_PERSONS or (reference and reference.is_learned))]
    alerts += [f"{each.told[0].upper()}{each.told[1:]}." for each in told]
    return Quality(
        name=asked.name,
        replies=len(replies),
        current=len(now),
        signals=signals,
        days=days,
        periods=some,
        compared_with=reference.words if reference is not None and found else "",
        drifts=found,
        alerts=tuple(alerts),
        too_little="" if found else _nothing_to_compare(len(earlier)),
    )


def _reference(asked: Asked, earlier: Sequence[Observed]) -> Reference | None:
    learned = learned_reference(asked.adapters)
    if learned is not None and len(learned.replies) >= LEAST_REPLIES:
        return learned
    first = tuple(earlier[:CURRENT])
    return Reference(first, f"her first {len(first)} replies", is_learned=False) if len(first) >= LEAST_REPLIES else None


def _too_few(asked: Asked, count: int) -> str:
    since = " since she was taught last" if asked.adopted else ""
    return (
        f"{asked.name} has written {counted(count, 'reply', 'replies')}{since}; from {LEAST_REPLIES} on it is measured here what"
        " you ask for again, put a thumb down on or write over."
    )


def _nothing_to_compare(earlier: int) -> str:
    missing = LEAST_REPLIES - earlier
    if missing > 0:
        return f"Whether she changes can be told after {counted(missing, 'more reply', 'more replies')}."
    return f"Whether she changes can be told after talks on {LEAST_BLOCKS} days or in {LEAST_BLOCKS} conversations."
