"""From measured sections to a report: comparisons, verdict, files. Neither torch nor llama.cpp is needed for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from companion.core.errors import WorkshopError
from companion.core.files import write_atomic
from companion.core.job import JobOrder
from companion.core.recipes.evaluate import Certainty
from companion.core.report import Comparison, Measured, Metric, Report, Section
from companion.workshop.evaluation import certainty
from companion.workshop.reports.html import page
from companion.workshop.reports.kept import About, Kept
from companion.workshop.reports.verdict import verdict

REPORT_FILE, PAGE_FILE = "report.json", "report.html"


def sound(section: Section, options: Certainty) -> Section:
    """A section as it is kept: with intervals, and without a value that is no number."""
    return replace(section, metrics=tuple(_sound(metric, options) for metric in section.metrics))


def report_of(kept: Kept, options: Certainty, *, finished: bool) -> Report | None:
    """The report of what is measured; None when that is nothing yet."""
    about = kept.about()
    measured = kept.measured(about) if about is not None else ()
    return assembled(about, measured, options, finished=finished) if about is not None and measured else None


def assembled(about: About, measured: Sequence[Measured], options: Certainty, *, finished: bool) -> Report:
    """The report, with every later subject compared with the first, and the verdict."""
    report = Report(
        verdict="",
        measured=tuple(measured),
        comparisons=compared(measured, options),
        reference=about.reference,
        suite=about.suite,
        seed=about.seed,
        data=about.data,
        machine=about.machine,
        versions=about.versions,
        command=about.command,
        began=about.began,
        seconds=round(sum(section.seconds for one in measured for section in one.sections), 3),
        finished=finished,
        cautions=about.cautions,
    )
    return replace(report, verdict=verdict(report))


def compared(measured: Sequence[Measured], options: Certainty) -> tuple[Comparison, ...]:
    """Every later subject against the first, metric by metric; `winner` says what is beyond chance after the correction."""
    found = []
    for later in measured[1:]:
        first, second = measured[0].metrics(), later.metrics()
        names = measured[0].subject.name, later.subject.name
        pairs = [(first[key], metric) for key, metric in second.items() if key in first]
        found += [one for a, b in pairs if (one := certainty.compare(a, b, *names, options)) is not None]
    return tuple(certainty.corrected(found, options))


def _contents(report: Report) -> tuple[bytes, bytes]:
    return msgspec.json.encode(report) + b"\n", page(report).encode()


def deliver(report: Report, order: JobOrder, folder: Path | None = None) -> list[Path]:
    """Write the report and its page to `folder`, and where the person wants them; returns where the person finds them.

    Raises OSError for the folder, WorkshopError for a place that the person named.
    """
    found = []
    places = zip((REPORT_FILE, PAGE_FILE), (order.output, order.page), _contents(report), strict=True)
    for name, wanted, content in places:
        if folder is not None:
            write_atomic(folder / name, content)
        if wanted:
            target = _free(Path(wanted))
            try:
                write_atomic(target, content)
            except OSError as error:
                kept = f"; the report is in “{folder / name}”" if folder is not None else ""
                what = f"“{target}” could not be written ({error.strerror}){kept}."
                raise WorkshopError(what, "Choose another place.") from error
            found.append(target)
        elif folder is not None:
            found.append(folder / name)
    return found


def _free(wanted: Path) -> Path:
    """`wanted`, or a name beside it when something that is no report has come to be there."""
    path, number = wanted, 2
    while path.exists() and not is_report(path):
        path, number = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}"), number + 1
    return path


def is_report(path: Path) -> bool:
    """Whether a file is a report or its page, and may be replaced by a newer one."""
    try:
        with path.open("rb") as file:
            beginning = file.read(4096)
    except OSError:
        return False
    return beginning.startswith((b'{"schema"', b'{"verdict"')) or b'content="Companion report"' in beginning


def _sound(metric: Metric, options: Certainty) -> Metric:
    if metric.value is not None and not math.isfinite(metric.value):
        metric = replace(metric, value=None, why="This came out as no number.", items=None, interval=None)
    return certainty.with_interval(metric, options) if metric.items is not None and metric.interval is None else metric
