"""A cross-validation, from top to bottom: check, divide; of each fold its training and what it comes to; report.

Every fold is a job of its own below this one, carried out in this process. A finished fold keeps its numbers only, and what
ends the work early leaves a report of those there are.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from companion.core.adapter import read_adapter
from companion.core.amounts import counted
from companion.core.errors import CompanionError, ModelError, WorkshopError
from companion.core.gguf.header import read_header
from companion.core.hardware import usable_threads
from companion.core.job import CrossValidation, JobEnded, OutputWritten, PartMeasured, StageBegan
from companion.core.recipes.evaluate import Certainty
from companion.core.recipes.fine_tune import FineTune
from companion.core.report import Measured
from companion.workshop.evaluation.cross_validation import FoldResult, held_out_losses, section, verdict
from companion.workshop.evaluation.material import used_file
from companion.workshop.evaluation.opened import described
from companion.workshop.job import Job, Stopped
from companion.workshop.nn.config import refuse_unless_supported
from companion.workshop.recipes.fold_jobs import Fold, Folds, are_laid_out, lay_out
from companion.workshop.recipes.fold_listener import FoldListener, Pace
from companion.workshop.reports.assemble import assembled, deliver
from companion.workshop.reports.kept import About, Kept
from companion.workshop.reports.surroundings import machine, versions
from companion.workshop.training.steps import free_memory

FOLDS_FOLDER: Final = "folds"
NOTHING_MEASURED: Final = "The cross-validation was cancelled before a fold was finished."


def cross_validate(job: Job, recipe: FineTune, asked: CrossValidation) -> JobEnded:
    """Carry it out from wherever the job stands. Raises CompanionError, and Stopped when nothing is to be said."""
    folder = job.folder.path / FOLDS_FOLDER
    if job.wish == "cancel":  # somebody wants what there is, perhaps of a job that cannot go on
        return _cancelled(job, lay_out(recipe, asked, folder) if are_laid_out(folder) else None)
    kept = Kept(job.folder.measured)
    job.stage("checking", f"Checking the model “{Path(recipe.model).stem}”")
    refuse_unless_supported(read_header(Path(recipe.model)))
    _refuse_other_model(job, recipe, kept)
    job.stage("data", "Dividing the dialogues")
    folds = lay_out(recipe, asked, folder)
    pace = Pace(job, len(folds.rounds), folds.results())
    told = {event.part for event in job.folder.events() if isinstance(event, PartMeasured)}
    try:
        for fold in folds.rounds:
            result = _carry_out(job, recipe, folds, fold, pace)
            if fold.number not in told:
                job.tell(_part(result, len(folds.rounds)))
    except Stopped as stopped:
        return _cancelled(job, folds) if stopped.wish == "cancel" else _paused(job, folds)
    except CompanionError:
        if folds.results():
            _deliver(job, folds)
        raise
    job.has_result = True
    try:
        job.stage("exporting", "Writing the report")
    except Stopped:  # it was told to pause in the last moment: the next run has only this to do
        return _paused(job, folds)
    what = _deliver(job, folds)
    folds.free()
    return JobEnded(state="done", what=what)


def _refuse_other_model(job: Job, recipe: FineTune, kept: Kept) -> None:
    """All folds are of one model: what it is, is kept when the job begins. Raises ModelError when it is another one now."""
    subject = replace(described([recipe.model]), name=recipe.name or Path(recipe.model).stem)
    about = kept.about()
    if about is None:
        data = tuple(map(used_file, recipe.data_files))
        about = About(
            subjects=(subject,),
            seed=recipe.training.seed,
            data=data,
            machine=machine(recipe.machine.threads or usable_threads()),
            versions=versions(),
            command=job.order.command,
            began=round(time.time(), 3),
            cautions=_cautions(recipe, {file.sha256: file.name for file in data if file.sha256}),
        )
        kept.keep_about(about)
    elif about.subjects != (subject,):
        what = f"“{Path(recipe.model).name}” is not the file that this job began with."
        raise ModelError(what, "Put the old file back, or start a new job for the new one.")


def _cautions(recipe: FineTune, files: dict[str, str]) -> tuple[str, ...]:
    """`files` are the names of what is divided, by SHA-256."""
    learned = read_adapter(Path(recipe.start_adapter)).dataset_files if recipe.start_adapter else ()
    same = [f"“{files[sha256]}”" for sha256 in learned if sha256 in files]
    if not same:
        return ()
    return (f"The adapter that it goes on from has learned from {' and '.join(same)}, so nothing there is new to it.",)


def _carry_out(job: Job, recipe: FineTune, folds: Folds, fold: Fold, pace: Pace) -> FoldResult:
    """Train and measure one fold, unless that was done before. Raises Stopped, CompanionError and OSError."""
    listener = FoldListener(job, fold, pace)
    result = fold.result()
    if result is None:
        result = _result(job, recipe, folds, fold, listener)
        fold.keep(result)
        pace.finished(result)
    else:
        listener.tell_troubles()
    fold.free()
    return result


def _result(job: Job, recipe: FineTune, folds: Folds, fold: Fold, listener: FoldListener) -> FoldResult:
    job.check()
    folds.prepare(fold, recipe)
    began = time.monotonic()
    if fold.outcome() is None:
        ended = job.carry_out_part(fold.job, listener)
        free_memory()
        job.check()
        if ended.state != "done":
            raise WorkshopError(f"Fold {fold.number} could not be finished. {ended.what}", ended.remedy)
    else:
        listener.tell_troubles()
    outcome = fold.outcome()
    if outcome is None:
        raise WorkshopError(f"What fold {fold.number} has learned is gone.", "Start a new cross-validation.")
    listener.tell_stage("measuring", f"measuring {counted(fold.held_out, 'dialogue')} that it did not see")
    try:
        losses = held_out_losses(recipe, fold.unseen_file, outcome, fold.unseen_folder, listener.measured)
    except CompanionError as error:
        raise WorkshopError(f"Fold {fold.number} could not be measured. {error.what}", error.remedy) from error
    return FoldResult(
        number=fold.number,
        learned=fold.learned,
        held_out=fold.held_out,
        tokens=losses.tokens,
        before=losses.before,
        after=losses.after,
        seconds=round(listener.seconds_before + time.monotonic() - began, 3),
    )


def _part(result: FoldResult, rounds: int) -> PartMeasured:
    return PartMeasured(
        subject=f"learned from {counted(result.learned, 'dialogue')}",
        title=f"Fold {result.number}",
        state="done",
        part=result.number,
        parts=rounds,
        seconds=result.seconds,
        before=result.before,
        after=result.after,
    )


def _deliver(job: Job, folds: Folds) -> str:
    """Write the report of the folds that are finished; returns its verdict. Raises WorkshopError and OSError."""
    about = Kept(job.folder.measured).about()
    if about is None:
        raise WorkshopError("What this cross-validation began with cannot be read any more.", "Start a new one.")
    results, rounds = folds.results(), len(folds.rounds)
    found = section(results, folds.scheme)
    if folds.left_out:
        without = counted(folds.left_out, "dialogue was", "dialogues were")
        found = replace(found, notes=(*found.notes, f"{without} left out, without a reply to learn from."))
    measured = (Measured(subject=about.subjects[0], sections=(found,)),)
    report = assembled(about, measured, Certainty(), finished=len(results) == rounds)
    report = replace(report, verdict=" ".join([verdict(found, rounds), *about.cautions]))
    job.refuse_deleted()
    for file in deliver(report, job.order, job.folder.output):
        job.tell(OutputWritten(file=str(file), kind="report"))
    return report.verdict


def _cancelled(job: Job, folds: Folds | None) -> JobEnded:
    """What there is, as a report."""
    if folds is None or not folds.results():
        if folds is not None:
            folds.free()
        return JobEnded(state="cancelled", what=NOTHING_MEASURED)
    job.has_result = True
    job.tell(StageBegan(stage="exporting", sentence="Writing the report"))
    what = _deliver(job, folds)
    folds.free()
    return JobEnded(state="cancelled", what=what)


def _paused(job: Job, folds: Folds) -> JobEnded:
    done, rounds = len(folds.results()), len(folds.rounds)
    finished = f"{done} of {rounds} folds {'is' if done == 1 else 'are'} finished" if done else "no fold is finished yet"
    return JobEnded(
        state="interrupted",
        what=f"The cross-validation was paused; {finished}.",
        remedy=f"Go on with: companion jobs resume {job.folder.id}",
    )
