"""What the list at the left shows: evaluations that are under way, then reports, then blind tests."""

from __future__ import annotations

from collections.abc import Iterable

from companion.app.evaluations import Found
from companion.app.job_entry import JobEntry
from companion.core.amounts import counted
from companion.core.job import REPORTING
from companion.core.library.report_list import FoundReport
from companion.ui.card_list import CardRow
from companion.ui.workshop.jobs.words import when


def rows_of(jobs: Iterable[JobEntry], found: Found) -> list[CardRow]:
    under_way = [entry for entry in jobs if entry.summary.kind in REPORTING and (entry.is_computing or entry.is_ours)]
    return [
        *(CardRow(entry.id, entry.title, (_progress(entry),)) for entry in under_way),
        *(CardRow(each.file, each.name, (_about(each),)) for each in found.reports),
        *(
            CardRow(str(each.folder), each.title, (f"blind test, {counted(each.verdicts, 'verdict')}",))
            for each in found.contests
        ),
    ]


def _progress(entry: JobEntry) -> str:
    """“running, 40%”, “waiting”."""
    return f"{entry.phase.value}, {entry.fraction:.0%}" if entry.is_computing and entry.fraction else entry.state_words


def _about(report: FoundReport) -> str:
    """“against starter, standard, today 14:03”, “cross-validation, today 14:03”."""
    first = f"against {report.subjects[0].name}" if len(report.subjects) == 2 else ""
    kind = "included" if report.is_shipped else when(report.when)
    what = "gate" if report.has_gate else "cross-validation" if report.is_cross_validation else report.suite
    return ", ".join(filter(None, (first, what, kind)))
