"""What the folders of jobs say of files: which job made one, of which model and adapter, and what it measured."""

from __future__ import annotations

from typing import Literal

import msgspec

from companion.core.errors import CompanionError
from companion.core.job import BuildProven, JobEnded, JobStarted, OutputWritten, Proven
from companion.core.job_folder import JobFolder, all_jobs
from companion.core.recipes.files import Recipe

Relation = Literal["adapter", "build", "merge", "training"]
"""How a file came of its base: trained beside it, packed anew, with an adapter worked in, or with all its weights trained."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """How a job made one file."""

    job: str
    """Its id."""
    kind: str
    """Of the recipe, such as "quantize"."""
    name: str = ""
    """What the person called the job."""
    when: float
    """Seconds since the epoch."""
    relation: Relation | Literal[""] = ""
    base: str = ""
    """Path of the model it was made of; empty for what was made from nothing."""
    adapter: str = ""
    """Path of the adapter that was worked in."""
    proven: Proven | None = None
    """What was measured of a build."""
    metrics: dict[str, float] = msgspec.field(default_factory=dict)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A report that a job wrote."""

    report: str
    page: str
    when: float


class JobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one job left, by the path of each file."""

    made: dict[str, Made] = msgspec.field(default_factory=dict)
    reports: tuple[Measured, ...] = ()


def job_facts(known: dict[tuple[str, int, int], JobFacts] | None = None) -> JobFacts:
    """Of all jobs together, those begun last first. `known` keeps what was read, by the state of each history."""
    made: dict[str, Made] = {}
    reports: list[Measured] = []
    for job in all_jobs():
        try:
            status = job.events_file.stat()
        except OSError:
            continue
        state = (job.id, status.st_size, status.st_mtime_ns)
        facts = known.get(state) if known is not None else None
        if facts is None:
            facts = facts_of(job)
            if known is not None:
                known[state] = facts
        made = facts.made | made
        reports += facts.reports
    return JobFacts(made=made, reports=tuple(reports))


def facts_of(job: JobFolder) -> JobFacts:
    """What one job left; nothing when its recipe cannot be read."""
    try:
        recipe = job.recipe()
    except CompanionError:
        return JobFacts()
    outputs: list[OutputWritten] = []
    proven: dict[str, Proven] = {}
    when = 0.0
    for event in job.events():
        if isinstance(event, OutputWritten):
            outputs.append(event)
        elif isinstance(event, BuildProven):
            proven[event.name] = event.proven
        elif isinstance(event, JobStarted | JobEnded):
            when = event.time or when
    made: dict[str, Made] = {}
    trained = next((event.file for event in outputs if event.kind == "adapter"), "")
    for event in outputs:
        if event.kind in ("adapter", "model"):
            each = _made(job, recipe, event, trained, when, _proof_of(event, proven))
            made[event.file] = each
            made.setdefault(str(job.output / f"{getattr(recipe, 'name', '') or event.kind}.gguf"), each)  # what it is a copy of
    reports = [event.file for event in outputs if event.kind == "report"]
    pages = [file for file in reports if file.endswith(".html")]
    told = tuple(
        Measured(report=file, page=pages[0] if pages else "", when=when) for file in reports if not file.endswith(".html")
    )
    return JobFacts(made=made, reports=told)


def _made(job: JobFolder, recipe: Recipe, event: OutputWritten, trained: str, when: float, proven: Proven | None) -> Made:
    base, adapter = getattr(recipe, "model", ""), getattr(recipe, "adapter", "")
    adapter = adapter if isinstance(adapter, str) else ""
    relation: Relation | Literal[""] = ""
    if event.kind == "adapter":
        relation = "adapter"
    elif recipe.kind == "fine-tune":
        relation, adapter = ("merge", trained) if trained else ("training", "")
    elif recipe.kind == "quantize":
        relation = "merge" if adapter else "build"
    elif base:
        relation = "training"
    return Made(
        job=job.id,
        kind=recipe.kind,
        name=getattr(recipe, "name", ""),
        when=when,
        relation=relation,
        base=base,
        adapter=adapter,
        proven=proven,
        metrics=event.metrics,
    )


def _proof_of(event: OutputWritten, proven: dict[str, Proven]) -> Proven | None:
    """Of the build that was kept: it has that size."""
    size = event.metrics.get("bytes", 0.0)
    return next((each for each in proven.values() if size and each.bytes == int(size)), None)
