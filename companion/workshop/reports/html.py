"""The page of a report: one file without scripts or network, light and dark, that a layman can read from the top.

Every text of a person, a model or a file is escaped by the template; only the pictures of `plots` are markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from msgspec.structs import replace

from companion.core.amounts import bytes_text
from companion.core.report import (
    Comparison,
    Curve,
    Failure,
    Measured,
    Metric,
    Report,
    SampleReply,
    Section,
    Subject,
    Table,
    UsedFile,
)
from companion.workshop.reports.figures import NOTHING, SHARE, between, chance, measured, outcome, seconds_text, signed
from companion.workshop.reports.plots import COLOURS, gap, plot, style, whiskers
from companion.workshop.reports.verdict import FAILURES

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

    title: str
    explained: str
    unit: str
    which_way: str
    cells: tuple[Cell, ...]
    differences: tuple[Difference, ...]
    picture: Markup


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
    pictures: tuple[tuple[str, str, Markup], ...]
    """Title, explanation and drawing."""
    tables: tuple[tuple[str, Table], ...]
    """Subject, “” when there is only one, and table."""
    talks: tuple[Talk, ...]
    failures: tuple[Gone, ...]
    notes: tuple[str, ...]
    seconds: str


class FileRow(NamedTuple):
    what: str
    file: UsedFile
    size: str


def page(report: Report) -> str:
    """The whole page as HTML."""
    surroundings = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    subjects = [one.subject for one in report.measured]
    began = datetime.fromtimestamp(report.began, UTC)
    return surroundings.get_template("report.html.jinja").render(
        report=report,
        subjects=subjects,
        names=[subject.name for subject in subjects],
        title=" against ".join(subject.name for subject in subjects) if len(subjects) < 3 else f"{len(subjects)} compared",
        style=Markup(style()),  # noqa: S704 - our own
        colours=COLOURS,
        headline=_rows(report, [one.metrics().values() for one in report.measured], only_headline=True),
        parts=[_part(report, key) for key in _keys(report.measured)],
        files=_files(report),
        began=f"{began:%d %B %Y, %H:%M} UTC" if report.began else "",
        lasted=seconds_text(report.seconds),
        verdict=_first_sentence(report.verdict),
        level=f"{100 * _level(report):g}",
    )


def _first_sentence(text: str) -> tuple[str, str]:
    """What stands large, and what limits it."""
    first, stop, rest = text.partition(". ")
    return first + stop.strip(), rest


def _level(report: Report) -> float:
    intervals = (metric.interval for one in report.measured for metric in one.metrics().values())
    return next((interval.level for interval in intervals if interval is not None), 0.95)


def _keys(found: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(section.key for one in found for section in one.sections))


def _part(report: Report, key: str) -> Part:
    sections = [next((section for section in one.sections if section.key == key), None) for one in report.measured]
    there = [(one.subject, section) for one, section in zip(report.measured, sections, strict=True) if section is not None]
    first = next((section for _, section in there if section.state == "done"), there[0][1])
    alone = len(report.measured) == 1
    names = [one.subject.name for one in report.measured]
    return Part(
        key=key,
        title=first.title,
        explained=first.explained,
        missing=tuple((subject.name, section.state, section.why) for subject, section in there if section.state != "done"),
        rows=_rows(report, [section.metrics if section is not None else () for section in sections]),
        pictures=_pictures([(number, names[number], section.curves) for number, section in enumerate(sections) if section]),
        tables=tuple(("" if alone else subject.name, table) for subject, section in there for table in section.tables),
        talks=_talks([section.samples if section is not None else () for section in sections]),
        failures=tuple(_failures(sections)),
        notes=tuple(dict.fromkeys(note for _, section in there for note in section.notes)),
        seconds=", ".join(seconds_text(section.seconds) for _, section in there),
    )


def _rows(report: Report, found: Sequence[Iterable[Metric]], *, only_headline: bool = False) -> tuple[Row, ...]:
    by_key: list[dict[str, Metric]] = [{metric.key: metric for metric in metrics} for metrics in found]
    keys = dict.fromkeys(key for metrics in by_key for key, metric in metrics.items() if metric.headline or not only_headline)
    rows = []
    for key in keys:
        metrics = [known.get(key) for known in by_key]
        any_metric = next(metric for metric in metrics if metric is not None)
        rows.append(
            Row(
                title=any_metric.title,
                explained=any_metric.explained,
                unit="" if any_metric.unit in {SHARE, "bytes"} else any_metric.unit,
                which_way=_WHICH_WAY[any_metric.better],
                cells=tuple(_cell(metric) for metric in metrics),
                differences=_differences(report, key, any_metric),
                picture=_whiskers(report, any_metric, metrics),
            )
        )
    return tuple(rows)


def _cell(metric: Metric | None) -> Cell:
    if metric is None:
        return Cell(NOTHING, "", "")
    return Cell(measured(metric), between(metric.interval, metric.unit), metric.why)


def _differences(report: Report, key: str, metric: Metric) -> tuple[Difference, ...]:
    by_subject = {one.b: one for one in report.comparisons if one.key == key}
    return tuple(_difference(by_subject.get(later.subject.name), metric) for later in report.measured[1:])


def _difference(one: Comparison | None, metric: Metric) -> Difference:
    if one is None:
        return Difference(NOTHING, "", "", "")
    interval = f"{signed(one.interval.low, one.unit)} to {signed(one.interval.high, one.unit)}"
    told = f"{one.interval.method}; p {chance(one.p)}, corrected {chance(one.corrected_p)}"
    return Difference(signed(one.difference, one.unit), interval, outcome(one, metric.better), told)


def _whiskers(report: Report, metric: Metric, metrics: Sequence[Metric | None]) -> Markup:
    names = [one.subject.name for one in report.measured]
    known = [
        (name, one.value, one.interval)
        for name, one in zip(names, metrics, strict=True)
        if one is not None and one.value is not None
    ]
    complete = len(known) == len(names)  # else the colours would be another's
    return Markup(whiskers(known, metric.title, metric.unit)) if complete else Markup("")  # noqa: S704 - escaped there


def _pictures(found: Sequence[tuple[int, str, Sequence[Curve]]]) -> tuple[tuple[str, str, Markup], ...]:
    """Curves of one title in one picture, unless there are more of them than colours or bars of different widths.

    `found` is number, name and curves of each subject; one that is drawn apart keeps its colour.
    """
    titles = dict.fromkeys(curve.title for _, _, curves in found for curve in curves)
    drawn = []
    for title in titles:
        same = [(number, name, curve) for number, name, curves in found for curve in curves if curve.title == title]
        joined = joined_curves([(name, curve) for _, name, curve in same])
        fits = len(joined.series) <= COLOURS and (joined.kind != "bars" or _on_one_grid([curve for _, _, curve in same]))
        apart = [(number, _named(name, curve)) for number, name, curve in same]
        together = [(same[0][0], joined)] if fits or len(same) == 1 else apart
        drawn += [(curve.title, curve.explained, plot(curve, colour=number)) for number, curve in together]
    return tuple((title, told, Markup(picture)) for title, told, picture in drawn if picture)  # noqa: S704 - escaped there


def _on_one_grid(curves: Sequence[Curve]) -> bool:
    """Whether the bars of all stand at the same distances, and none between those of another."""
    series = {f"{number} {name}": points for number, curve in enumerate(curves) for name, points in curve.series.items()}
    return gap(series) >= 0.99 * max(gap(curve.series) for curve in curves)


def joined_curves(curves: Sequence[tuple[str, Curve]]) -> Curve:
    """One curve of the same of several subjects: what all have in common is drawn once, the rest is called after them."""
    first = curves[0][1]
    if len(curves) == 1:
        return first
    shared = {
        name: points for name, points in first.series.items() if all(curve.series.get(name) == points for _, curve in curves)
    }
    own = {name for _, curve in curves for name in curve.series if name not in shared}
    series = {
        subject if len(own) == 1 else f"{subject}: {name}": points
        for subject, curve in curves
        for name, points in curve.series.items()
        if name not in shared
    }
    return replace(first, series=series | shared)


def _named(subject: str, curve: Curve) -> Curve:
    return replace(curve, title=f"{curve.title}: {subject}")


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


def _files(report: Report) -> list[FileRow]:
    def of(subject: Subject) -> list[FileRow]:
        rows = [FileRow(f"model of {subject.name}", subject.model, bytes_text(subject.model.bytes))]
        for adapter in subject.adapters:
            strength = f", {adapter.scale:g} strong" if adapter.scale != 1 else ""
            rows.append(FileRow(f"adapter of {subject.name}{strength}", adapter, bytes_text(adapter.bytes)))
        return rows

    rows = [row for one in report.measured for row in of(one.subject)]
    rows += of(report.reference) if report.reference is not None else []
    return [*rows, *(FileRow("data", file, bytes_text(file.bytes)) for file in report.data)]
