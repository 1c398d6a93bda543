"""An evaluation, from top to bottom: check, material, subjects; then of each its replies and section by section; report.

Every finished section is kept in the job's folder, so that a resumed job goes on after it, and whatever ends the work
early leaves a report of what is there. Who cancels it in the middle of the very first section gets that one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from msgspec.structs import replace

from companion.core.adapter import read_adapter
from companion.core.errors import CompanionError, DatasetError, ModelError, RecipeError
from companion.core.job import FINISHES_PART, JobEnded, OutputWritten, PartMeasured, StageBegan, StageProgress
from companion.core.logs import log_file
from companion.core.recipes.evaluate import Evaluate
from companion.core.report import Section, UsedFile
from companion.workshop.evaluation.families import Kind, wanted
from companion.workshop.evaluation.family import Material, Reply, Situation, Tell
from companion.workshop.evaluation.gate import gated
from companion.workshop.evaluation.material import licences, read_material
from companion.workshop.evaluation.opened import Opened, open_subjects, reference_for
from companion.workshop.evaluation.outlook import ANSWERING, Outlook
from companion.workshop.evaluation.replies import answer
from companion.workshop.job import Job, Stopped
from companion.workshop.reports.assemble import deliver, report_of, sound
from companion.workshop.reports.kept import About, Kept, KeptReply
from companion.workshop.reports.surroundings import machine, versions
from companion.workshop.reports.verdict import first_figure

log = logging.getLogger(__name__)
MOST_DEATHS = 2
"""After its process was lost so often in one section, that section is given up and the others go on."""
NOTHING_MEASURED = "The evaluation was cancelled before anything was measured."
REPLIES_KEPT = "What was answered is kept: resume it to go on."


def evaluate(job: Job, recipe: Evaluate) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError, and Stopped when nothing is to be said."""
    kept = Kept(job.folder.measured)
    finished = False
    try:
        if job.wish != "cancel":  # else somebody wants what there is, perhaps of a job that cannot go on
            _measure(job, recipe, kept)
            finished = True
    except Stopped as stopped:
        if stopped.wish == "pause":
            return _paused(job)
    return _reported(job, recipe, kept, finished=finished)


def _measure(job: Job, recipe: Evaluate, kept: Kept) -> None:
    job.stage("checking", "Checking the files")
    if not recipe.subjects:
        raise RecipeError("There is nothing to evaluate.", "Name a model with --model FILE.")
    data = licences(recipe)
    job.stage("data", "Reading what is measured with")
    material = read_material(recipe, job.progress)
    job.stage("loading", f"Loading {'the model' if len(recipe.subjects) == 1 else f'{len(recipe.subjects)} subjects'}")
    with open_subjects(recipe) as (subjects, reference):
        kinds = wanted(recipe)
        about = About(
            subjects=tuple(opened.subject for opened in subjects),
            reference=reference.subject if reference is not None else None,
            parts=tuple(kind.key for kind in kinds),
            suite=recipe.suite,
            seed=recipe.certainty.seed,
            data=data,
            machine=machine(subjects[0].threads),
            versions=versions(),
            command=job.order.command,
            began=round(time.time(), 3),
            cautions=_cautions(subjects, data),
        )
        _refuse_other_files(kept.about() or about, about)
        if kept.about() is None:
            kept.keep_about(about)
        outlook = _outlook(recipe, kept, kinds, material, subjects[0])
        for number, opened in enumerate(subjects):
            left = [kind for kind in kinds if kept.section(number, kind.key) is None]
            asked = any(kind.needs_replies for kind in left)
            replies = _replies(job, recipe, kept, number, opened, material, outlook) if asked else []
            tell = _patient(job, kept, outlook) if kept.is_empty(about) else _telling(job, outlook)
            situation = Situation(recipe, opened, material, replies, reference_for(opened, reference), tell)
            for kind in left:
                _measure_part(job, kept, number, kind, situation, outlook)


def _outlook(recipe: Evaluate, kept: Kept, kinds: Sequence[Kind], material: Material, first: Opened) -> Outlook:
    """Without what an earlier run of this job has done."""
    asked = any(kind.needs_replies for kind in kinds)
    made = Outlook(recipe, [kind.key for kind in kinds], len(material.prompts) if asked else 0, first.subject.model.bytes)
    for number in range(len(recipe.subjects)):
        known = {reply.name for reply in kept.replies(number) or ()}
        done = [kind.key for kind in kinds if kept.section(number, kind.key) is not None]
        for step in (*done, *([ANSWERING] if known.issuperset(prompt.name for prompt in material.prompts) else [])):
            made.skip(number, step)
    return made


def _telling(job: Job, outlook: Outlook) -> Tell:
    return lambda fraction: job.progress(*outlook.at(fraction))


def _cautions(subjects: Sequence[Opened], data: Sequence[UsedFile]) -> tuple[str, ...]:
    """Which subjects are measured on what they learned from."""
    told = []
    for opened in subjects:
        learned = {sha256 for adapter in opened.adapters for sha256 in read_adapter(adapter.path).dataset_files}
        if same := [file.name for file in data if file.sha256 and file.sha256 in learned]:
            names = " and ".join(f"“{name}”" for name in same)
            told.append(f"{opened.subject.name} learned from {names}: what is measured there says little about new dialogues.")
    return tuple(told)


def _replies(
    job: Job, recipe: Evaluate, kept: Kept, number: int, opened: Opened, material: Material, outlook: Outlook
) -> list[Reply]:
    """Those of before, or new ones: several families look at the same."""
    known = {reply.name: reply for reply in kept.replies(number) or ()}
    prompts = material.prompts
    if not all(prompt.name in known for prompt in prompts):
        outlook.begin(number, ANSWERING)
        job.stage("measuring", f"{opened.subject.name}: answering {len(prompts):,} times", *outlook.at(0.0))
        made = answer(opened, prompts, recipe.replies, recipe.certainty.seed, _telling(job, outlook))
        told = [
            KeptReply(name=reply.prompt.name, text=reply.text, tokens=reply.tokens, ended=reply.ended, seconds=reply.seconds)
            for reply in made
        ]
        job.refuse_deleted()
        kept.keep_replies(number, told)
        known = {reply.name: reply for reply in told}
    return [
        Reply(prompt, reply.text, reply.tokens, reply.ended, reply.seconds)
        for prompt, reply in ((prompt, known[prompt.name]) for prompt in prompts)
    ]


def _measure_part(job: Job, kept: Kept, number: int, kind: Kind, situation: Situation, outlook: Outlook) -> None:
    """One section, kept as soon as it is there; what goes wrong in it is its own."""
    subject = situation.opened.subject.name
    outlook.begin(number, kind.key)
    job.stage("measuring", f"{subject}: {kind.title}", *outlook.at(0.0))
    began = time.monotonic()
    deaths = kept.begin(number, kind.key)
    try:
        section = _given_up(kind, deaths) if deaths >= MOST_DEATHS else _section(kind, situation)
    finally:
        kept.end(number, kind.key)
    certainty = situation.recipe.certainty
    section = replace(sound(section, certainty), key=kind.key, seconds=round(time.monotonic() - began, 3))
    job.refuse_deleted()
    kept.keep_section(number, section)
    about = kept.about()
    parts = about.parts if about is not None else ()
    total = len(parts) * len(situation.recipe.subjects)
    done = sum(kept.section(at, key) is not None for at in range(len(situation.recipe.subjects)) for key in parts)
    job.tell(
        PartMeasured(
            subject=subject,
            title=section.title,
            state=section.state,
            part=done,
            parts=total,
            seconds=section.seconds,
            found=first_figure(section),
            why=section.why,
        )
    )


def _patient(job: Job, kept: Kept, outlook: Outlook) -> Tell:
    """Progress that lets a cancel wait until one section is there: whoever asks for a report is given one."""
    about, told = kept.about(), False

    def tell(fraction: float) -> None:
        nonlocal told
        if job.wish != "cancel" or about is None or not kept.is_empty(about):
            job.progress(*outlook.at(fraction))
            return
        job.refuse_deleted()
        if not told:
            told = True
            job.tell(StageBegan(stage="measuring", sentence=FINISHES_PART))
        ahead = outlook.at(fraction)
        job.tell(StageProgress(fraction=ahead.fraction, seconds_left=ahead.seconds_left))

    return tell


def _section(kind: Kind, situation: Situation) -> Section:
    """What the family found, or why it found nothing."""
    try:
        return kind.measure(situation)
    except (Stopped, OSError):
        raise
    except CompanionError as error:
        why = f"{error.what} {error.remedy}".strip()
    except MemoryError:
        why = "There is not enough memory for this. Close other programs, or take a smaller model."
    except Exception as error:
        log.exception("the family %s failed", kind.key)
        why = f"Something went wrong in it ({type(error).__name__}). The details are in “{log_file('job')}”."
    return Section(key=kind.key, title=kind.title, state="failed", why=why)


def _given_up(kind: Kind, deaths: int) -> Section:
    why = f"The process was lost {deaths} times in the middle of this, so it is left out. Look into the log: {log_file('job')}"
    return Section(key=kind.key, title=kind.title, state="failed", why=f"{why}.")


def _reported(job: Job, recipe: Evaluate, kept: Kept, *, finished: bool) -> JobEnded:
    """The last word, with a report when anything was measured."""
    report = report_of(kept, recipe.certainty, finished=finished)
    if report is None:
        return JobEnded(state="cancelled", what=NOTHING_MEASURED, remedy=REPLIES_KEPT if kept.replies(0) else "")
    if recipe.gate.enabled:
        report = gated(report, recipe.gate)
    job.has_result = True
    try:
        job.stage("exporting", "Writing the report")
    except Stopped:  # it was told to pause in the last moment: the next run has only this to do
        return _paused(job)
    for file in deliver(report, job.order, job.folder.output):
        metrics = {key: metric.value for key, metric in report.measured[-1].metrics().items() if metric.headline}
        values = {key: value for key, value in metrics.items() if value is not None}
        job.tell(OutputWritten(file=str(file), kind="report", metrics=values))
    return JobEnded(state="done" if finished else "cancelled", what=report.verdict)


def _paused(job: Job) -> JobEnded:
    what = "The evaluation was paused; what is measured is kept."
    return JobEnded(state="interrupted", what=what, remedy=f"Go on with: companion jobs resume {job.folder.id}")


def _refuse_other_files(known: About, about: About) -> None:
    """A report is of one set of files: raises ModelError or DatasetError when one is another than when it began."""
    if (known.subjects, known.reference) != (about.subjects, about.reference):
        what = "A model or an adapter is not the file that this evaluation began with."
        raise ModelError(what, "Put the old file back, or start a new evaluation.")
    if known.data != about.data:
        what = "The dialogues or texts are not those that this evaluation began with."
        raise DatasetError(what, "Put the old files back, or start a new evaluation.")
