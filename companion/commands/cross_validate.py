"""`companion evaluate --cross-validate`: how much a fine-tuning helps on dialogues it never saw, and how much that varies.

Every round is an ordinary job, which `companion jobs` shows too. The same command goes on where it was interrupted.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich.table
from msgspec.structs import replace
from rich.console import Console

from companion.commands.chosen_model import required_model
from companion.commands.evaluate import report_place
from companion.commands.job_files import character_of, data_files, with_replay
from companion.commands.job_view import INTERRUPTED, run_job
from companion.commands.report_view import show_report
from companion.core.errors import JobError, WorkshopError
from companion.core.gguf.header import read_header
from companion.core.hardware import usable_threads
from companion.core.job import JobOrder, OutputWritten
from companion.core.job_folder import JobFolder, create_job, jobs_folder
from companion.core.job_targets import name_after
from companion.core.logs import log_to_file
from companion.core.paths import data_folder, settings_file
from companion.core.recipes.files import read_recipe, with_changes
from companion.core.recipes.fine_tune import FineTune
from companion.core.report import Measured, Report, Section, Table
from companion.core.settings import load_settings

if TYPE_CHECKING:
    from companion.workshop.evaluation.cross_validation import Fold, FoldResult, Plan


def cross_validate(
    *,
    recipe: Path,
    data: Sequence[Path] = (),
    folds: int = 5,
    repeats: int = 1,
    leave_one_out: bool = False,
    model: Path | None = None,
    changes: Sequence[str] = (),
    character: str | None = None,
    json_file: Path | None = None,
    html_file: Path | None = None,
) -> int:
    """Train and measure every round that is not finished yet, then print the result; returns the exit status.

    Raises CompanionError. Ctrl-C pauses the round at work, and the same command goes on from there.
    """
    from companion.workshop.evaluation.cross_validation import lay_out, section
    from companion.workshop.evaluation.folds import Scheme
    from companion.workshop.reports.assemble import deliver

    log_to_file("terminal")
    order = JobOrder(output=report_place(json_file), page=report_place(html_file))
    wanted = _recipe(recipe, data, model, changes, character)
    kept = wanted.data
    scheme = Scheme(
        kind="leave-one-out" if leave_one_out else "folds",
        folds=folds,
        repeats=repeats,
        group_by=kept.group_by,
        stratify_by=kept.stratify_by,
        seed=wanted.training.seed,
    )
    began = time.time()
    try:
        plan = lay_out(wanted, scheme, data_folder() / "cross-validations")
        status, results = _worked(plan)
        found = section(results, scheme)
        report = _report(plan, found, began, finished=len(results) == len(plan.folds))
        files = deliver(report, order, plan.folder) if results else []
    except OSError as error:
        raise WorkshopError(
            f"The cross-validation cannot be written ({error.strerror}).", "Make room on the disk and run the same command again."
        ) from error
    for table in found.tables:
        _show(table)
    if results:
        show_report(report, files)
    if status == INTERRUPTED:
        print(f"{len(results)} of {len(plan.folds)} folds are finished; the same command goes on from here.", file=sys.stderr)
    return status


def _recipe(file: Path, data: Sequence[Path], model: Path | None, changes: Sequence[str], character: str | None) -> FineTune:
    wanted = with_changes(read_recipe(file, FineTune), list(changes))
    base = required_model(
        model or (Path(wanted.model) if wanted.model else None), load_settings(settings_file()).settings
    ).absolute()
    read_header(base)
    return replace(
        wanted,
        model=str(base),
        data_files=data_files(data, wanted.data_files),
        data=with_replay(wanted.data),
        character=character_of(character, wanted.character),
        name=name_after(wanted.name or file.stem, "recipe"),
    )


def _worked(plan: Plan) -> tuple[int, list[FoldResult]]:
    """The exit status, and every result there is then."""
    results: list[FoldResult] = []
    for fold in plan.folds:
        known = fold.result()
        if known is None:
            print(
                f"Fold {fold.number} of {len(plan.folds)}: {fold.learned:,} dialogues to learn from, {fold.held_out:,} held out."
            )
            try:
                status, known = _fold(plan, fold)
            except KeyboardInterrupt:  # while it is measured, where there is no job that could be paused
                status = INTERRUPTED
            if known is None:
                return status, results
        results.append(known)
    return 0, results


def _fold(plan: Plan, fold: Fold) -> tuple[int, FoldResult | None]:
    from companion.workshop.evaluation.cross_validation import measured

    job = _job(plan, fold)
    if job.summary().state != "done" and (status := run_job(job, as_json=False)):
        return status, None
    outcome = next((event for event in reversed(list(job.events())) if isinstance(event, OutputWritten)), None)
    if job.summary().state != "done" or outcome is None or not Path(outcome.file).is_file():
        fold.job_file.unlink(missing_ok=True)
        raise JobError(
            f"The job of fold {fold.number} ended without a result.", "Run the same command again: it begins this fold anew."
        )
    print(f"Measuring the {fold.held_out:,} dialogues that fold {fold.number} did not see.")
    result = measured(plan, fold, Path(outcome.file), outcome.metrics.get("seconds", 0.0))
    fold.keep(result)
    return 0, result


def _job(plan: Plan, fold: Fold) -> JobFolder:
    """The job of a fold: the one that was begun, when it can be gone on with, else a new one."""
    if fold.job_file.is_file():
        job = JobFolder(jobs_folder() / fold.job_file.read_text(encoding="utf-8").strip())
        state = job.summary().state if job.recipe_file.is_file() else "failed"
        if state == "running":
            raise JobError(f"The job “{job.id}” of this fold is running already.", "Wait until it has ended.")
        if state in {"waiting", "interrupted", "done"}:
            return job
    job = create_job(plan.recipe_of(fold), JobOrder())
    fold.job_file.write_text(job.id, encoding="utf-8")
    return job


def _report(plan: Plan, found: Section, began: float, *, finished: bool) -> Report:
    from companion.workshop.evaluation.material import used_file
    from companion.workshop.evaluation.opened import described
    from companion.workshop.reports.surroundings import machine, versions

    subject = replace(described([plan.recipe.model]), name=plan.recipe.name)
    return Report(
        verdict=_verdict(found, len(plan.folds)),
        measured=(Measured(subject=subject, sections=(found,)),),
        seed=plan.scheme.seed,
        data=tuple(map(used_file, plan.recipe.data_files)),
        machine=machine(plan.recipe.machine.threads or usable_threads()),
        versions=versions(),
        command=shlex.join(["companion", *sys.argv[1:]]),
        began=began,
        seconds=found.seconds,
        finished=finished,
    )


def _show(shown: Table) -> None:
    table = rich.table.Table(box=None, padding=(0, 2, 0, 0))
    for name in shown.header:
        table.add_column(name, justify="right")
    for row in shown.rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def _verdict(found: Section, folds: int) -> str:
    """What it comes to, in one sentence."""
    metrics = {metric.key.partition(".")[2]: metric for metric in found.metrics}
    if not metrics:
        return found.why
    gain, after, spread = metrics["gain"], metrics["after"], metrics["spread"]
    if gain.value is None or after.value is None:
        return gain.why
    rounds = f"{gain.count} of {folds} folds" if gain.count < folds else f"{folds} folds"
    varies = f" (standard deviation {spread.value:.3f})" if spread.value is not None else ""
    said = f"Over {rounds} the held-out loss after learning is {after.value:.3f}{varies}"
    interval = gain.interval
    if interval is None:
        return f"{said}, a gain of {gain.value:+.3f} nats per token."
    sure = "beyond chance" if interval.low > 0 or interval.high < 0 else "not beyond chance"
    half = (interval.high - interval.low) / 2
    return f"{said}; the gain is {gain.value:+.3f} ± {half:.3f} nats per token, which is {sure}."
