"""Whether a new adapter takes the old one's place: better at what it was made for, and surely not worse at the rest.

“Surely not worse” is a test of non-inferiority: the whole interval of a difference must lie within what is accepted, so
that too little data speaks against a change and not for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from companion.core.figures import amount, give_or_take, lowered
from companion.core.recipes.evaluate import Gate
from companion.core.report import GATE, Comparison, Measured, Report, Section, Table
from companion.workshop.evaluation import forgetting
from companion.workshop.reports.verdict import PREFERRED, joined, limits

CHARACTER: Final = ("overlap", "talk", "persona", "recall", "safety", "mood")
"""Sections whose headline numbers are the character suite."""
PERPLEXITY: Final = "likelihood.perplexity"
_SAME: Final = 0.02
"""Nats per token that count as no loss on one's own dialogues, where something else is gained."""
_NATS: Final = "nats per token"


class Criterion(NamedTuple):
    """One thing that is asked of the new one."""

    name: str
    passed: bool
    gained: bool
    said: str
    """What was found, as a part of a sentence."""


def gated(report: Report, gate: Gate) -> Report:
    """The report with the decision as its verdict and a section of its own. It compares the last subject with the first."""
    if len(report.measured) < 2 or not report.finished:
        what = "Keep the old one: it was not measured to the end whether the new one is better."
        return replace(report, verdict=" ".join([what, *limits(report)]))
    before, after = report.measured[0], report.measured[-1]
    sections = tuple(
        forgetting.with_transfer(section, before.metrics()) if section.key == forgetting.KEY else section
        for section in after.sections
    )
    found = list(_criteria(report, gate))
    adopted = all(one.passed for one in found) and any(one.gained for one in found)
    decided = replace(after, sections=(_section(found, adopted), *sections))
    verdict = " ".join([_sentence(found, before, adopted), *limits(report)])
    return replace(report, verdict=verdict, measured=(*report.measured[:-1], decided))


def _criteria(report: Report, gate: Gate) -> Iterator[Criterion]:
    after = report.measured[-1]
    those = {one.key: one for one in report.comparisons if one.b == after.subject.name}
    yield _own(
        those.get(PREFERRED), learned=any(said.startswith(f"{after.subject.name} learned from") for said in report.cautions)
    )
    yield _within("general dialogue", those.get(forgetting.GENERAL), gate.general)
    if (text := those.get(PERPLEXITY)) is not None:
        yield _within("plain text", _in_nats(text), gate.general)
    for key, one in those.items():
        if key.startswith(forgetting.EARLIER):
            yield _within(f"what it learned earlier ({key.removeprefix(forgetting.EARLIER)})", one, gate.earlier)
    keys = {metric.key for section in after.sections if section.key in CHARACTER for metric in section.metrics}
    yield _character([one for key, one in those.items() if key in keys and one.headline])


def _own(one: Comparison | None, *, learned: bool) -> Criterion:
    """The held-out loss on the person's own dialogues."""
    name = "your dialogues"
    if learned:
        return Criterion(name, False, False, "it was measured on dialogues that it learned from, which proves nothing")
    if one is None:
        return Criterion(name, False, False, "there are too few of your dialogues to tell whether it is better at them")
    size = give_or_take(abs(one.difference), one.interval, _NATS)
    if one.winner == "b":
        return Criterion(name, True, True, f"the loss on your dialogues fell by {size}")
    worse = one.winner == "a"
    said = f"the loss on your dialogues rose by {size}" if worse else f"it is not beyond chance better at your dialogues ({size})"
    return Criterion(name, not worse and one.interval.high <= _SAME, False, said)


def _within(name: str, one: Comparison | None, most: float) -> Criterion:
    """Not worse by more than `most` nats per token, however the interval is read."""
    accepted = f"{most:g} is accepted"
    if one is None:
        return Criterion(name, False, False, f"{name} could not be compared")
    change = f"{'+' if one.difference >= 0 else '−'}{abs(one.difference):.3f} {_NATS}"
    at_most = f"at most {one.interval.high:+.3f}, {accepted}".replace("-", "−")
    if one.interval.high <= most:
        return Criterion(name, True, False, f"{name} changed by {change} ({at_most})")
    verb = "got worse" if one.interval.low > 0 else "may have got worse"
    return Criterion(name, False, False, f"{name} {verb}: {change} ({at_most})")


def _in_nats(one: Comparison) -> Comparison:
    """A difference of perplexities as one of the losses they are the exponentials of."""

    def nats(difference: float) -> float:
        return math.log(max(one.a_value + difference, 1e-9) / one.a_value)

    interval = replace(one.interval, low=nats(one.interval.low), high=nats(one.interval.high))
    return replace(one, difference=nats(one.difference), interval=interval, unit=_NATS)


def _character(those: list[Comparison]) -> Criterion:
    """None of the character suite's headline numbers is worse beyond chance."""
    name = "the character"
    if not those:
        return Criterion(name, True, False, "nothing of the character was measured")
    worse, better = ([one for one in those if one.winner == winner] for winner in ("a", "b"))
    if worse:
        named = joined(
            [
                f"{lowered(one.title)} ({amount(one.b_value, one.unit)} instead of {amount(one.a_value, one.unit)})"
                for one in worse
            ]
        )
        return Criterion(name, False, False, f"the character got worse in {named}")
    said = f"no measure of the character is worse ({len(those)} compared, {len(better) or 'none'} better)"
    return Criterion(name, True, bool(better), said)


def _sentence(found: list[Criterion], before: Measured, adopted: bool) -> str:
    if adopted:
        return f"Adopt: {joined([one.said for one in found])}."
    old = "the old one" if before.subject.adapters else "the model as it is"
    failed = [one.said for one in found if not one.passed]
    return f"Keep {old}: {joined(failed) if failed else found[0].said}."


def _section(found: list[Criterion], adopted: bool) -> Section:
    rows = tuple((one.name, "yes" if one.passed else "no", one.said) for one in found)
    return Section(
        key=GATE,
        title="Whether to adopt it",
        explained="A new adapter takes the old one's place only when nothing speaks against it and something for it.",
        tables=(Table(title="What was asked", header=("asked of", "passed", "found"), rows=rows),),
        notes=(f"It is {'adopted' if adopted else 'not adopted'}.",),
    )
