"""The folders of jobs: making, finding and reading them. What state a job is in follows from its events and its process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from companion.core.errors import CompanionError, JobError
from companion.core.files import read_json, write_atomic
from companion.core.job import (
    CROSS_VALIDATION,
    JOBS_FOLDER,
    WANTED_FILE,
    DataReady,
    Evaluated,
    JobEnded,
    JobEvent,
    JobOrder,
    JobStarted,
    JobState,
    OutputWritten,
    PartMeasured,
    PlanMade,
    StageProgress,
    StepDone,
    decode_job_event,
)
from companion.core.job_lock import holder
from companion.core.paths import data_folder
from companion.core.recipes.files import Recipe, decode_recipe, encode_recipe

MAX_NAME = 40
CANCEL_MARK, PAUSE_MARK = "cancel-requested", "pause-requested"
"""Files whose presence asks the running process to end or to pause: any other process may write them."""
PROGRESS_FILE = "progress.json"

HELD_OUT_FILE = "held-out.jsonl"
"""The dialogues that a training held back, to be measured with later."""

UNKNOWN_KIND = "unknown"
"""Of a job whose recipe cannot be read."""

_STEP = re.compile(r"step-(\d+)\.pt")


class JobFolder:
    """One job. Nothing is read until it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe_file = path / "recipe.json"
        self.order_file = path / "order.json"
        self.events_file = path / "events.jsonl"
        self.checkpoints = path / "checkpoints"
        self.output = path / "output"
        self.measured = path / "measured"
        self.held_out_file = path / HELD_OUT_FILE
        self.lock_file = path / "lock"
        self.cancel_mark = path / CANCEL_MARK
        self.pause_mark = path / PAUSE_MARK
        self.progress_file = path / PROGRESS_FILE
        self.wanted_file = path / WANTED_FILE

    @property
    def id(self) -> str:
        return self.path.name

    def recipe(self) -> Recipe:
        """Without the fields that only another version knows. Raises RecipeError or JobError."""
        return decode_recipe(self._content(self.recipe_file)).recipe

    def names(self, file: str) -> bool:
        """Whether the recipe names this file, perhaps with how strongly it is used, or this folder or something in it; False for
        a recipe that cannot be read."""
        name = msgspec.json.encode(file)[:-1]
        try:
            recipe = self._content(self.recipe_file)
        except JobError:
            return False
        return any(name + end in recipe for end in (b'"', b":", b"/", b"\\\\"))

    def order(self) -> JobOrder:
        """Raises JobError."""
        if not self.order_file.exists():
            return JobOrder()
        try:
            return msgspec.json.decode(self._content(self.order_file), type=JobOrder)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise JobError(f"The job “{self.id}” is damaged: its order cannot be read.", "Start a new job.") from error

    def events(self) -> Iterator[JobEvent]:
        """What has happened so far, oldest first; a line that a kill cut short, or that cannot be read, is left out."""
        try:
            with self.events_file.open("rb") as file:
                for line in file:
                    try:
                        yield decode_job_event(line)
                    except msgspec.DecodeError:
                        continue
        except OSError:
            return

    def progress(self) -> StageProgress:
        """How much of the present stage is done."""
        told = read_json(self.progress_file, StageProgress)
        return told or StageProgress(fraction=0.0)  # none yet, or being written at this moment

    def worker(self) -> int:
        """The number of the process that works on it now, 0 when none does."""
        return holder(self.lock_file)

    def resumable_step(self) -> int:
        """The step that work can go on from, -1 when there is no checkpoint."""
        steps = (_STEP.fullmatch(path.name) for path in self.checkpoints.glob("step-*.pt"))
        return max((int(found[1]) for found in steps if found), default=-1)

    def checkpoint_file(self, step: int) -> Path:
        return self.checkpoints / f"step-{step}.pt"

    def is_deleted(self) -> bool:
        """Whether somebody deleted the folder of a job that had begun, all or most of it."""
        return not any(file.exists() for file in (self.recipe_file, self.order_file, self.lock_file))

    def summary(self) -> JobSummary:
        """Read the whole history; what is damaged or of another version is left out, and told in `notes`."""
        try:
            kept = decode_recipe(self._content(self.recipe_file))
        except CompanionError as error:
            return _summary(self, UNKNOWN_KIND, "", (f"{error.what} The job can be looked at and cancelled, not resumed.",))
        left_out = ", ".join(f"“{name}”" for name in kept.unknown)
        note = f"Its recipe was written by another version of Companion; this is left out of it: {left_out}."
        return _summary(self, self._kind(kept.recipe), kept.recipe.name, (note,) if left_out else ())

    def _kind(self, recipe: Recipe) -> str:
        try:
            asked = self.order()
        except JobError:  # told when somebody works on it
            return recipe.kind
        return CROSS_VALIDATION if asked.cross_validation is not None else recipe.kind

    def _content(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise JobError(f"“{file}” cannot be read ({error.strerror}).", "Start a new job.") from error


class JobSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of jobs shows of one. Losses are nats per supervised token, 0 when there is none yet."""

    id: str
    kind: str
    name: str
    state: JobState
    began: float = 0.0
    """Seconds since the epoch."""
    step: int = 0
    """Of an evaluation: the parts that are measured; of a cross-validation: the folds."""
    steps: int = 0
    loss: float = 0.0
    first_held_out: float = 0.0
    best_held_out: float = 0.0
    dialogues: int = 0
    tokens_per_second: float = 0.0
    seconds_left: float = 0.0
    outputs: tuple[str, ...] = ()
    what: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    """Sentences about what of the folder could not be read."""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to go on with; an evaluation that was cancelled before its report keeps what it has."""
        return self.state == "done" or (self.state == "cancelled" and (self.kind != "evaluate" or bool(self.outputs)))


def jobs_folder() -> Path:
    return data_folder() / JOBS_FOLDER


def create_job(recipe: Recipe, order: JobOrder, folder: Path | None = None) -> JobFolder:
    """A new job that nobody works on yet, below `folder` (the person's jobs otherwise). Raises JobError."""
    name = re.sub(r"[^\w]+", "-", recipe.name or recipe.kind).strip("-")[:MAX_NAME] or recipe.kind
    stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    parent = jobs_folder() if folder is None else folder
    try:
        parent.mkdir(parents=True, exist_ok=True)
        path, number = parent / stem, 2
        while not _made(path):
            path, number = parent / f"{stem}-{number}", number + 1
        return fill_job(path, recipe, order)
    except OSError as error:
        raise JobError(
            f"The job cannot be written to “{parent}” ({error.strerror}).", "Make room there, or make the folder writable."
        ) from error


def fill_job(path: Path, recipe: Recipe, order: JobOrder) -> JobFolder:
    """What a job begins with, in a folder that may be there. Raises OSError."""
    job = JobFolder(path)
    job.checkpoints.mkdir(parents=True, exist_ok=True)
    job.output.mkdir(exist_ok=True)
    write_atomic(job.order_file, msgspec.json.encode(order))
    write_atomic(job.recipe_file, encode_recipe(recipe))  # last: a folder without it is no job
    return job


def all_jobs() -> list[JobFolder]:
    """Every job, the newest first; one that has begun is a job even without its recipe."""
    found = {path.parent for name in ("recipe.json", "events.jsonl") for path in jobs_folder().glob(f"*/{name}")}
    return [JobFolder(path) for path in sorted(found, reverse=True)]


def find_job(text: str) -> JobFolder:
    """The job with this id, or the only one whose id contains `text`; “last” is the newest. Raises JobError."""
    jobs = all_jobs()
    if text == "last" and jobs:
        return jobs[0]
    matching = [job for job in jobs if job.id == text] or [job for job in jobs if text and text in job.id]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise JobError(
            f"“{text}” could be {len(matching)} jobs.", f"Say more of it: {', '.join(job.id for job in matching[:4])}."
        )
    raise JobError(f"There is no job “{text}”.", "“companion jobs list” shows them all.")


def _made(path: Path) -> bool:
    try:
        path.mkdir()
    except FileExistsError:
        return False
    return True


def _summary(job: JobFolder, kind: str, name: str, notes: tuple[str, ...]) -> JobSummary:
    facts: dict[str, object] = {}
    ended: JobEnded | None = None
    outputs: list[str] = []
    began = first = best = 0.0
    for event in job.events():
        if isinstance(event, JobStarted):
            began, ended = began or event.time, None
        elif isinstance(event, StepDone):
            facts |= {"step": event.step, "steps": event.steps, "loss": event.loss, "seconds_left": event.seconds_left}
            facts["tokens_per_second"] = event.tokens_per_second
        elif isinstance(event, Evaluated):
            first, best = first or event.loss, event.loss if event.best else best
        elif isinstance(event, PlanMade):
            facts["steps"] = event.steps
        elif isinstance(event, DataReady):
            facts["dialogues"] = event.dialogues
        elif isinstance(event, PartMeasured):
            facts |= {"step": event.part, "steps": event.parts}
        elif isinstance(event, OutputWritten):
            outputs.append(event.file)
        elif isinstance(event, JobEnded):
            ended = event
    state: JobState = "interrupted" if began else "waiting"
    if job.worker():
        state = "running"
    elif ended is not None:
        state = ended.state
        facts |= {"what": ended.what, "remedy": ended.remedy}
    facts |= {"began": began, "first_held_out": first, "best_held_out": best, "outputs": tuple(dict.fromkeys(outputs))}
    return msgspec.convert({"id": job.id, "kind": kind, "name": name, "state": state, "notes": notes, **facts}, JobSummary)
