"""A job in a terminal that ends in a report: run it, and show what it came to."""

from __future__ import annotations

import sys
from pathlib import Path

from companion.commands.job_view import run_job
from companion.commands.report_view import show_report
from companion.core.errors import CompanionError
from companion.core.job import JobOrder
from companion.core.job_folder import JobFolder
from companion.core.recipes.evaluate import Certainty, Evaluate
from companion.core.report_file import read_report
from companion.workshop.client import JobDied


def run_evaluation(job: JobFolder, *, as_json: bool = False, cancel: bool = False) -> int:
    """Work on the job until it ends; the verdict is the last line. Returns the exit status.

    When the process dies, what it has measured is made a report here, marked as unfinished.
    """
    from companion.workshop.reports.assemble import REPORT_FILE

    try:
        status = run_job(job, as_json=as_json, cancel=cancel, show_end=False)
    except JobDied as death:
        print(death.what, death.remedy, file=sys.stderr)
        if not as_json:
            _show_kept(job)
        return 1
    summary = job.summary()
    if as_json:
        return status
    made = [file for file in summary.outputs if summary.state in {"done", "cancelled"}]
    if made and (job.output / REPORT_FILE).is_file():
        show_report(read_report(job.output / REPORT_FILE), [Path(file) for file in made])
    else:
        print(f"{summary.what} {summary.remedy}".strip(), file=sys.stderr if status == 1 else sys.stdout)
    return status


def _show_kept(job: JobFolder) -> None:
    """The report of what a dead process has measured, in the job's own folder: the job may still go on."""
    from companion.workshop.reports.assemble import deliver, report_of
    from companion.workshop.reports.kept import Kept

    try:
        report = report_of(Kept(job.measured), _certainty(job), finished=False)
        if report is not None:
            show_report(report, deliver(report, JobOrder(), job.output))
    except (CompanionError, OSError) as error:
        print(error, file=sys.stderr)


def _certainty(job: JobFolder) -> Certainty:
    recipe = job.recipe()
    return recipe.certainty if isinstance(recipe, Evaluate) else Certainty()
