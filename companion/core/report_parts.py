"""A report as a person reads it, whether on its page or in the window: what counts, and part by part, in words and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from companion.core.figures import NOTHING, SHARE, between, chance, measured, outcome, seconds_text, signed
from companion.core.report import FAILURES, Comparison, Failure, Metric, Report, SampleReply, Section, Table

_WHICH_WAY = {"higher": "more is better", "lower": "less is better", "": ""}


class Cell(NamedTuple):
    """The value of one subject."""

    value: str
    interval: str
    why: str


class Difference(NamedTuple):
    """A later subject against the first. `word` says whether that is beyond chance."""

    value: str
    interval: str
    word: str
    told: str


class Row(NamedTuple):
    """One metric of all subjects."""

    key: str
    title: str
    explained: str
    unit: str
    which_way: str
    cells: tuple[Cell, ...]
    differences: tuple[Difference, ...]


class Talk(NamedTuple):
    """What all subjects answered to one prompt; empty where one has no such reply."""

    name: str
    prompt: str
    reference: str
    replies: tuple[str, ...]


class Gone(NamedTuple):
    """One kind of failure of one subject."""

    subject: int
    title: str
    told: str
    examples: tuple[Failure, ...]


class Part(NamedTuple):
    """One section of all subjects."""

    key: str
    title: str
    explained: str
    missing: tuple[tuple[str, str, str], ...]
    """Subject, state and why."""
    rows: tuple[Row, ...]
    tables: tuple[tuple[str, Table], ...]
    """Subject, “” when there is only one, and table."""
    talks: tuple[Talk, ...]
    failures: tuple[Gone, ...]
    notes: tuple[str, ...]
    seconds: str


class LaidOut(NamedTuple):
    """A report with everything that is shown of it."""

    report: Report
    headline: tuple[Row, ...]
    parts: tuple[Part, ...]


_Comparisons = Mapping[str, Mapping[str, Comparison]]
"""By metric, then by the later subject."""


def laid_out(report: Report) -> LaidOut:
    """What the window shows: of a large report worth a thread."""
    return LaidOut(report, headline(report), tuple(parts(report)))


def title_of(report: Report) -> str:
    """“starter against starter + hoshi”, or how many were compared."""
    names = [one.subject.name for one in report.measured]
    return " against ".join(names) if len(names) < 3 else f"{len(names)} compared"


def first_sentence(text: str) -> tuple[str, str]:
    """What of a verdict stands large, and what limits it."""
    first, stop, rest = text.partition(". ")
    return first + stop.strip(), rest


def level_of(report: Report) -> float:
    """How surely the true values lie in the intervals, 0 to 1."""
    intervals = (metric.interval for one in report.measured for metric in one.metrics().values())
    return next((interval.level for interval in intervals if interval is not None), 0.95)


def headline(report: Report) -> tuple[Row, ...]:
    """The metrics that the verdict counts."""
    metrics = [one.metrics().values() for one in report.measured]
    return _rows(report, _compared(report), metrics, only_headline=True)


def parts(report: Report) -> Iterator[Part]:
    """The families of metrics in their order."""
    compared = _compared(report)
    for key in dict.fromkeys(section.key for one in report.measured for section in one.sections):
        yield _part(report, compared, key)


def sections_of(report: Report, key: str) -> list[Section | None]:
    """One part of each subject, None where it was not measured."""
    return [next((section for section in one.sections if section.key == key), None) for one in report.measured]


def _part(report: Report, compared: _Comparisons, key: str) -> Part:
    sections = sections_of(report, key)
    there = [(one.subject, section) for one, section in zip(report.measured, sections, strict=True) if section is not None]
    first = next((section for _, section in there if section.state == "done"), there[0][1])
    alone = len(report.measured) == 1
    return Part(
        key=key,
        title=first.title,
        explained=first.explained,
        missing=tuple((subject.name, section.state, section.why) for subject, section in there if section.state != "done"),
        rows=_rows(report, compared, [section.metrics if section is not None else () for section in sections]),
        tables=tuple(("" if alone else subject.name, table) for subject, section in there for table in section.tables),
        talks=_talks([section.samples if section is not None else () for section in sections]),
        failures=tuple(_failures(sections)),
        notes=tuple(dict.fromkeys(note for _, section in there for note in section.notes)),
        seconds=", ".join(seconds_text(section.seconds) for _, section in there),
    )


def _compared(report: Report) -> _Comparisons:
    found: dict[str, dict[str, Comparison]] = {}
    for one in report.comparisons:
        found.setdefault(one.key, {})[one.b] = one
    return found


def _rows(
    report: Report, compared: _Comparisons, found: Sequence[Iterable[Metric]], *, only_headline: bool = False
) -> tuple[Row, ...]:
    by_key: list[dict[str, Metric]] = [{metric.key: metric for metric in metrics} for metrics in found]
    keys = dict.fromkeys(key for metrics in by_key for key, metric in metrics.items() if metric.headline or not only_headline)
    rows = []
    for key in keys:
        metrics = [known.get(key) for known in by_key]
        any_metric = next(metric for metric in metrics if metric is not None)
        rows.append(
            Row(
                key=key,
                title=any_metric.title,
                explained=any_metric.explained,
                unit="" if any_metric.unit in {SHARE, "bytes"} else any_metric.unit,
                which_way=_WHICH_WAY[any_metric.better],
                cells=tuple(_cell(metric) for metric in metrics),
                differences=_differences(report, compared.get(key, {}), any_metric),
            )
        )
    return tuple(rows)


def _cell(metric: Metric | None) -> Cell:
    if metric is None:
        return Cell(NOTHING, "", "")
    return Cell(measured(metric), between(metric.interval, metric.unit), metric.why)


def _differences(report: Report, by_subject: Mapping[str, Comparison], metric: Metric) -> tuple[Difference, ...]:
    return tuple(_difference(by_subject.get(later.subject.name), metric) for later in report.measured[1:])


def _difference(one: Comparison | None, metric: Metric) -> Difference:
    if one is None:
        return Difference(NOTHING, "", "", "")
    interval = f"{signed(one.interval.low, one.unit)} to {signed(one.interval.high, one.unit)}"
    told = f"{one.interval.method}; p {chance(one.p)}, corrected {chance(one.corrected_p)}"
    return Difference(signed(one.difference, one.unit), interval, outcome(one, metric.better), told)


def _talks(found: Sequence[Sequence[SampleReply]]) -> tuple[Talk, ...]:
    by_name = [{sample.name: sample for sample in samples} for samples in found]
    talks = []
    for name in dict.fromkeys(name for samples in by_name for name in samples):
        sample = next(samples[name] for samples in by_name if name in samples)
        replies = tuple(samples[name].reply if name in samples else "" for samples in by_name)
        talks.append(Talk(name, sample.prompt, sample.reference, replies))
    return tuple(talks)


def _failures(sections: Sequence[Section | None]) -> list[Gone]:
    found = []
    for number, section in enumerate(sections):
        if section is None:
            continue
        for kind, (title, told) in FAILURES.items():
            if examples := tuple(failure for failure in section.failures if failure.kind == kind):
                found.append(Gone(number, title, f"She {told}.", examples))
    return found
