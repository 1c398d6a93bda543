"""The first thing a person reads of a report: who is better, by how much, how surely; or what stands out of one alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from companion.core.figures import SHARE, amount, between, give_or_take, lowered, with_unit
from companion.core.report import FAILURES, Comparison, Measured, Metric, Report, Section

FEW_UNITS = 10
"""Below so many dialogues even what is beyond chance is called a hint."""
PREFERRED = "likelihood.held_out_loss"
"""Which difference is told in numbers, when it is one of those beyond chance."""
_SHOWN = 3
PROVOKED = ("robustness",)
"""Sections whose failures somebody has worked for."""
SEEN_OTHERWISE: Final = {"robustness.obeys_injections": "obeys-injection"}
"""Metrics that are no praise where another part has seen that failure."""


def verdict(report: Report) -> str:
    """Full sentences on one line."""
    if len(report.measured) == 1:
        sentences = _alone(report.measured[0])
    else:
        sentences = [_against(report, later) for later in report.measured[1:]]
    return " ".join([*sentences, *limits(report)])


def _against(report: Report, later: Measured) -> str:
    """What is beyond chance between the first subject and a later one."""
    a, b, metrics = report.measured[0].subject.name, later.subject.name, later.metrics()
    found = [one for one in report.comparisons if one.b == b and one.headline and metrics[one.key].better]
    if not found:
        return f"{b} could not be compared with {a}: no measure that counts was made of both on the same dialogues."
    better, worse = ([one for one in found if one.winner == winner] for winner in ("b", "a"))
    if not better and not worse:
        return _undecided(a, b, found)
    told = _chosen(better or worse)
    if better:
        sentence = f"{b} is better than {a} on {len(better)} of {len(found)}, worse on {len(worse) or 'none'}"
        sentence += f" ({_listed(worse)})" if worse else ""
        gain = f"the gain in {lowered(told.title)} is {_size(told)}"
    else:
        sentence = f"{b} is worse than {a} on {len(worse)} of {len(found)}, better on none"
        gain = f"{lowered(told.title)} is worse by {_size(told)}"
    return f"{sentence}; {gain if told.key == PREFERRED else _instead(told)}.{_few(later, told)}"


def _undecided(a: str, b: str, found: Sequence[Comparison]) -> str:
    measures = "on the one measure" if len(found) == 1 else f"on any of {len(found)} measures"
    told = next((one for one in found if one.key == PREFERRED), min(found, key=lambda one: one.p))
    differs = f"{lowered(told.title)} differs by {_size(told)}"
    return f"{b} and {a} cannot be told apart {measures}: no difference is beyond chance ({differs})."


def _chosen(found: Sequence[Comparison]) -> Comparison:
    """The one that is told in numbers: the held-out loss, else what is surest."""
    return next((one for one in found if one.key == PREFERRED), min(found, key=lambda one: one.corrected_p))


def _instead(one: Comparison) -> str:
    values = f"{with_unit(one.b_value, one.unit)} instead of {with_unit(one.a_value, one.unit)}"
    return f"most clearly in {lowered(one.title)}: {values}, a difference of {_size(one)}"


def _size(one: Comparison) -> str:
    """How large a difference is, without its sign: the sentence says which way it goes."""
    return give_or_take(abs(one.difference), one.interval, one.unit)


def _listed(found: Sequence[Comparison]) -> str:
    names = [lowered(one.title) for one in found]
    return joined([*names[:_SHOWN], *([f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else [])])


def _few(later: Measured, told: Comparison) -> str:
    metric = later.metrics()[told.key]
    if not 0 < metric.count < FEW_UNITS:
        return ""
    return f" That rests on {metric.count} {metric.units or 'cases'} only: take it as a hint."


def _alone(measured: Measured) -> list[str]:
    """What stands out of one subject: its headline numbers, its best and its weakest side, and what goes wrong."""
    name = measured.subject.name
    known = [metric for metric in measured.metrics().values() if metric.headline and metric.value is not None]
    if not known:
        return [f"{name}: nothing that counts could be measured."]
    plain = sorted((metric for metric in known if metric.unit != SHARE), key=lambda metric: metric.key != PREFERRED)
    shares = sorted((metric for metric in known if metric.unit == SHARE and metric.better), key=_goodness)
    told = [f"{name}: {lowered(metric.title)} {_valued(metric)}." for metric in plain[:1]]
    failures = {failure.kind for section in measured.sections for failure in section.failures}
    praised = [metric for metric in shares[1:] if SEEN_OTHERWISE.get(metric.key) not in failures]
    if praised:
        sides = f"est side: {_side(praised[-1])}; weakest side: {_side(shares[0])}."
        told.append(f"B{sides}" if told else f"{name}: b{sides}")
    elif shares:
        told.append(f"{_side(shares[0])[:1].upper()}{_side(shares[0])[1:]}." if told else f"{name}: {_side(shares[0])}.")
    return [*told, *_failing(measured)]


def first_figure(section: Section) -> str:
    """The first figure of a section that counts; empty where none does."""
    first = next((metric for metric in section.metrics if metric.headline and metric.value is not None), None)
    return f"{lowered(first.title)} {with_unit(first.value, first.unit)}" if first is not None and first.value is not None else ""


def _goodness(metric: Metric) -> float:
    value = metric.value or 0.0
    return value if metric.better == "higher" else 1 - value


def _side(metric: Metric) -> str:
    less = ", where less is better" if metric.better == "lower" else ""
    return f"{lowered(metric.title)} {_valued(metric)}{less}"


def _valued(metric: Metric) -> str:
    value, interval = metric.value or 0.0, metric.interval
    if metric.unit != SHARE:
        return give_or_take(value, interval, metric.unit)
    return f"{amount(value, SHARE)}{f' ({between(interval, SHARE)})' if interval is not None else ''}"


def _failing(measured: Measured) -> list[str]:
    told = []
    for begins, provoked in (("Seen to go wrong: she", False), ("When somebody tries to lead her astray, she", True)):
        sections = (section for section in measured.sections if (section.key in PROVOKED) == provoked)
        kinds = dict.fromkeys(failure.kind for section in sections for failure in section.failures)
        if kinds:
            told.append(f"{begins} {joined([FAILURES[kind][1] for kind in kinds])}.")
    return told


def limits(report: Report) -> list[str]:
    """What a reader must know before believing it."""
    told = list(report.cautions)
    failed = dict.fromkeys(section.title for one in report.measured for section in one.sections if section.state == "failed")
    if failed:
        told.append(f"Not measured, because something failed: {joined([lowered(title) for title in failed])}.")
    if not report.finished:
        told.append("This is a part only: the evaluation was ended early.")
    return told


def joined(names: Sequence[str]) -> str:
    """“a”, “a and b”, “a, b and c”."""
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
