"""`companion jobs`: the work that was done, is being done, or waits to go on."""

from __future__ import annotations

import shutil
import sys
import time
from datetime import datetime

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from companion.commands.evaluation import run_evaluation
from companion.commands.job_view import duration, lines, run_job
from companion.core.amounts import bytes_text
from companion.core.errors import JobError
from companion.core.job import (
    CROSS_VALIDATION,
    REPORTING,
    AdapterProven,
    BuildProven,
    DataReady,
    Evaluated,
    JobEnded,
    JobStarted,
    OutputWritten,
    PartMeasured,
    PlanMade,
    Trouble,
)
from companion.core.job_folder import UNKNOWN_KIND, JobFolder, JobSummary, all_jobs, find_job
from companion.core.job_queue import forget_wanted
from companion.core.logs import log_to_file

CANCEL_SECONDS = 600.0
POLL_SECONDS = 0.2


def list_jobs(*, as_json: bool) -> int:
    """Print every job, the newest first."""
    found = [job.summary() for job in all_jobs()]
    if as_json:
        print(msgspec.json.encode(found).decode())
        return 0
    if not found:
        print("There are no jobs yet. “companion fine-tune --data FILE” begins one.")
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("job", no_wrap=True)  # half of a name could not be typed
    for title in ("kind", "state", "how far"):  # when it began is in its name
        table.add_column(title, no_wrap=True)
    for job in found:
        table.add_row(job.id, job.kind, job.state, _losses(job) or _steps(job))
    Console(highlight=False).print(table)
    return 0


def show_job(text: str, *, as_json: bool) -> int:
    """Print the history of one job, or all its events as JSON lines. Raises JobError."""
    job = find_job(text)
    if as_json:
        for event in job.events():
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
        return 0
    console, summary = Console(highlight=False), job.summary()
    told = ", ".join(filter(None, (summary.kind, summary.state, _steps(summary))))
    console.print(f"[bold]{escape(job.id)}[/]: {told}")
    console.print(escape(str(job.path)), style="dim")
    for note in summary.notes:
        console.print(f"[yellow]{escape(note)}[/]")
    kept = (
        JobStarted,
        DataReady,
        PlanMade,
        Evaluated,
        PartMeasured,
        BuildProven,
        AdapterProven,
        Trouble,
        OutputWritten,
        JobEnded,
    )
    for event in job.events():
        if not isinstance(event, kept):
            continue
        if isinstance(event, JobStarted):
            where = f", from step {event.resumed_step:,}" if event.resumed_step else ""
            console.print(f"{_when(event.time)}: began{where}")
        for line in lines(event):
            console.print(line)
    if summary.state == "running":
        left = f"{duration(summary.seconds_left)} left. " if summary.step else ""
        console.print(f"{left}End it with: companion jobs cancel {escape(job.id)}")
    elif summary.state in {"interrupted", "waiting"} and not summary.remedy and summary.kind != UNKNOWN_KIND:
        console.print(f"Go on with: companion jobs resume {escape(job.id)}")
    return 0


def resume_job(text: str, *, as_json: bool) -> int:
    """Go on with a job from its last checkpoint; returns the exit status. Raises JobError or RecipeError."""
    log_to_file("terminal")
    job = find_job(text)
    summary = job.summary()
    state = summary.state
    if state == "running":
        raise JobError(f"The job “{job.id}” is running already.", f"Watch it with: companion jobs show {job.id}")
    if summary.is_over:
        raise JobError(f"The job “{job.id}” has ended ({state}); there is nothing to go on with.", "Start a new one.")
    job.recipe()  # raises the sentence of a recipe that cannot be gone on with
    for note in summary.notes:
        print(note, file=sys.stderr)
    forget_wanted(job)  # from here on this terminal sees to it, not a window
    run = run_evaluation if summary.kind in REPORTING else run_job
    return run(job, as_json=as_json)


def cancel_job(text: str, *, as_json: bool) -> int:
    """End a job with its best checkpoint, whether it runs now or not. Raises JobError."""
    log_to_file("terminal")
    job = find_job(text)
    summary = job.summary()
    if summary.state in {"done", "cancelled"}:
        raise JobError(f"The job “{job.id}” has ended already ({summary.state}).")
    if summary.state != "running":
        run = run_evaluation if summary.kind in REPORTING else run_job
        return run(job, as_json=as_json, cancel=True)
    try:
        job.cancel_mark.touch()
    except OSError as error:
        raise JobError(
            f"The job “{job.id}” cannot be told to end ({error.strerror}).", "End the program that runs it."
        ) from error
    summary = _ended(job)
    print(msgspec.json.encode(summary).decode() if as_json else f"{summary.what} {summary.remedy}".strip())
    return 0 if summary.state != "failed" else 1


def delete_job(text: str) -> int:
    """Delete the folder of a job that does not run. Raises JobError."""
    job = find_job(text)
    if job.summary().state == "running":
        raise JobError(f"The job “{job.id}” is running.", f"End it first: companion jobs cancel {job.id}")
    size = sum(file.stat().st_size for file in job.path.rglob("*") if file.is_file())
    try:
        shutil.rmtree(job.path)
    except OSError as error:
        raise JobError(f"“{job.path}” could not be deleted ({error.strerror}).", "Delete the folder by hand.") from error
    print(f"Deleted {job.id}, {bytes_text(size)}.")
    return 0


def _ended(job: JobFolder) -> JobSummary:
    """Wait until its process has left."""
    until = time.monotonic() + CANCEL_SECONDS
    while job.worker():
        if time.monotonic() > until:
            raise JobError(
                f"The job “{job.id}” was told to end and is still at it.", "Look again in a while: companion jobs list"
            )
        time.sleep(POLL_SECONDS)
    return job.summary()


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}" if seconds else "–"


def _steps(job: JobSummary) -> str:
    """“12 of 50 steps”; empty for what does not go in steps."""
    unit = "folds" if job.kind == CROSS_VALIDATION else "parts" if job.kind in REPORTING else "steps"
    return f"{job.step:,} of {job.steps:,} {unit}" if job.steps else ""


def _losses(job: JobSummary) -> str:
    """Held-out, before and at best; empty where nothing was held out."""
    best = f" → {job.best_held_out:.3f}" if job.best_held_out else ""
    return f"loss {job.first_held_out:.3f}{best}" if job.first_held_out else ""
