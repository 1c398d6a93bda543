"""The page of a report: one file without scripts or network, light and dark, that a layman can read from the top.

Every text of a person, a model or a file is escaped by the template; only the pictures of `plots` are markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from msgspec.structs import replace

from companion.core.amounts import bytes_text
from companion.core.figures import seconds_text
from companion.core.report import Curve, Report, Subject, UsedFile
from companion.core.report_parts import first_sentence, headline, level_of, parts, sections_of, title_of
from companion.workshop.reports.plots import COLOURS, gap, plot, style, whiskers


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
        title=title_of(report),
        style=Markup(style()),  # noqa: S704 - our own
        colours=COLOURS,
        headline=headline(report),
        parts=list(parts(report)),
        whiskers_of=lambda key: _whiskers(report, key),
        pictures_of=lambda key: _pictures_of(report, key),
        files=_files(report),
        began=f"{began:%d %B %Y, %H:%M} UTC" if report.began else "",
        lasted=seconds_text(report.seconds),
        verdict=first_sentence(report.verdict),
        level=f"{100 * level_of(report):g}",
    )


def _whiskers(report: Report, key: str) -> Markup:
    """Values and intervals of one metric of all subjects."""
    metrics = [one.metrics().get(key) for one in report.measured]
    any_metric = next(metric for metric in metrics if metric is not None)
    names = [one.subject.name for one in report.measured]
    known = [
        (name, one.value, one.interval)
        for name, one in zip(names, metrics, strict=True)
        if one is not None and one.value is not None
    ]
    complete = len(known) == len(names)  # else the colours would be another's
    return Markup(whiskers(known, any_metric.title, any_metric.unit)) if complete else Markup("")  # noqa: S704 - escaped there


def _pictures_of(report: Report, key: str) -> tuple[tuple[str, str, Markup], ...]:
    """Title, explanation and drawing."""
    sections = zip(report.measured, sections_of(report, key), strict=True)
    return _pictures([(number, one.subject.name, made.curves) for number, (one, made) in enumerate(sections) if made])


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
