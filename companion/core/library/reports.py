"""The last report that measured a model or an adapter, found by checksum."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from companion.core.library.origins import Measured
from companion.core.library.report_heads import State, read_head, state_of
from companion.core.paths import models_folder
from companion.core.report import CROSS_VALIDATION


class LastReport(msgspec.Struct, frozen=True, kw_only=True):
    subject: str
    """What the report calls it."""
    verdict: str
    when: float
    """Seconds since the epoch."""
    page: str = ""
    """The page to look at; empty when there is none."""
    came_along: bool = False
    """Whether it was written before the program came here."""


def last_reports(written: Iterable[Measured], known: dict[State, dict[str, LastReport]]) -> dict[str, LastReport]:
    """The newest report by the SHA-256 of what it measured: of a model alone, or of an adapter on it.

    `known` keeps what was read, by the state of each file.
    """
    shipped = [Measured(report=str(file), page=str(file.with_suffix(".html")), when=0.0) for file in _shipped()]
    found: dict[str, LastReport] = {}
    for each in [*shipped, *written]:
        for sha256, report in _read(each, known).items():
            if sha256 not in found or report.when > found[sha256].when:
                found[sha256] = report
    return found


def _shipped() -> list[Path]:
    return sorted(models_folder().glob("*/report.json"))


def _read(written: Measured, known: dict[State, dict[str, LastReport]]) -> dict[str, LastReport]:
    path = Path(written.report)
    state = state_of(path)
    if state is None:
        return {}
    if state in known:
        return known[state]
    report = read_head(path)
    if report is None:
        return {}
    page = written.page if written.page and Path(written.page).is_file() else ""
    came_along = models_folder() in path.parents
    when = report.began or written.when or state[2] / 1e9
    found = {}
    for measured in report.measured:
        subject = measured.subject
        if any(section.key == CROSS_VALIDATION for section in measured.sections):
            continue  # it says whether a recipe helps, nothing of the model as it is
        for file in subject.adapters or (subject.model,):
            found[file.sha256] = LastReport(
                subject=subject.name, verdict=report.verdict, when=when, page=page, came_along=came_along
            )
    known[state] = found
    return found
