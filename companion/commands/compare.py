"""`companion compare`: which of several models, adapters or reports is better, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.commands import subjects
from companion.commands.evaluate import measure, report_place, with_suite
from companion.commands.report_view import show_report
from companion.core.errors import RecipeError, WorkshopError
from companion.core.logs import log_to_file
from companion.core.names import numbered
from companion.core.paths import settings_file
from companion.core.recipes.evaluate import Certainty
from companion.core.report import Measured
from companion.core.report_file import read_report
from companion.core.settings import load_settings


def compare(
    *,
    named: Sequence[str],
    suite: str,
    data: Sequence[Path],
    changes: Sequence[str],
    json_file: Path | None,
    html_file: Path | None,
) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    reports = [name for name in named if name.lower().endswith(".json")]
    if len(named) < 2 and not reports:
        raise RecipeError("Nothing can be compared with itself.", "Name two or more: companion compare A B.")
    if len({Path(name).absolute() for name in reports}) < len(reports):
        raise RecipeError("The same report is named twice.", "Name two that were measured of different subjects.")
    if reports and len(reports) < len(named):
        what = "Reports can be compared with reports only, as they were measured before."
        raise RecipeError(what, "Measure the others first: companion evaluate --json FILE.")
    if reports:
        return _compare_reports([Path(name) for name in reports], json_file, html_file)
    settings = load_settings(settings_file()).settings
    wanted = tuple(subjects.parse(name, settings) for name in named)
    if len(set(wanted)) < len(wanted):
        raise RecipeError("The same is named twice.", "Name two that differ in their model, adapter or scale.")
    return measure(replace(with_suite(suite, data, changes), subjects=wanted), json_file, html_file)


def _compare_reports(paths: Sequence[Path], json_file: Path | None, html_file: Path | None) -> int:
    """Nothing is measured anew: what both reports have of the same dialogues is paired."""
    from companion.core.job import JobOrder
    from companion.workshop.reports.assemble import assembled, deliver
    from companion.workshop.reports.kept import About

    read = [read_report(path) for path in paths]
    measured = _distinct([(path, one) for path, report in zip(paths, read, strict=True) for one in report.measured])
    if len(measured) < 2:
        raise WorkshopError("These reports hold fewer than two subjects.", "Name reports of finished evaluations.")
    first = read[0]
    about = About(
        subjects=tuple(one.subject for one in measured),
        reference=first.reference,
        suite=first.suite if all(report.suite == first.suite for report in read) else "",
        seed=first.seed,
        data=tuple(dict.fromkeys(file for report in read for file in report.data)),
        machine=first.machine if all(report.machine == first.machine for report in read) else {},
        versions=first.versions if all(report.versions == first.versions for report in read) else {},
        command=f"companion compare {' '.join(path.name for path in paths)}",
        began=max(report.began for report in read),
    )
    report = assembled(about, measured, Certainty(seed=first.seed), finished=all(one.finished for one in read))
    files = deliver(report, JobOrder(output=report_place(json_file), page=report_place(html_file)))
    show_report(report, files)
    return 0


def _distinct(found: Sequence[tuple[Path, Measured]]) -> list[Measured]:
    """With names that differ: the same name of two reports gets that of its file behind it."""
    names = [one.subject.name for _, one in found]
    told = [f"{name} ({path.stem})" if names.count(name) > 1 else name for name, (path, _) in zip(names, found, strict=True)]
    return [replace(one, subject=replace(one.subject, name=name)) for name, (_, one) in zip(numbered(told), found, strict=True)]
