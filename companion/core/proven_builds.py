"""Builds of a model that earlier jobs have made and measured, from the folders of those jobs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from companion.core.errors import CompanionError
from companion.core.job import BuildProven, OutputWritten, Proven
from companion.core.job_folder import JobFolder, all_jobs
from companion.core.recipes.quantize import Quantize


class ProvenBuild(msgspec.Struct, frozen=True, kw_only=True):
    """One that was measured; only the one that a job delivered still lies anywhere."""

    name: str
    """Of llama.cpp's recipe, such as “Q4_0”; empty for one that was fitted."""
    kinds: dict[str, int]
    """How many matrices have each type."""
    proven: Proven
    file: str = ""
    """Where it was delivered; empty for those that were only measured."""


def proven_builds(model: Path) -> tuple[ProvenBuild, ...]:
    """Of quantizations of exactly this file, with no adapter worked in; the latest jobs first."""
    return tuple(build for job in all_jobs() for build in _of_job(job, model))


def _of_job(job: JobFolder, model: Path) -> list[ProvenBuild]:
    try:
        recipe = job.recipe()
    except CompanionError:
        return []
    if not isinstance(recipe, Quantize) or recipe.adapter or Path(recipe.model).resolve() != model.resolve():
        return []
    events = list(job.events())
    files = {
        int(event.metrics.get("bytes", 0)): event.file
        for event in events
        if isinstance(event, OutputWritten) and event.kind == "model"
    }
    return [
        ProvenBuild(
            name="" if event.foreseen_divergence or event.name == "build" else event.name,
            kinds=event.kinds,
            proven=event.proven,
            file=files.get(event.proven.bytes, ""),
        )
        for event in events
        if isinstance(event, BuildProven)
    ]
