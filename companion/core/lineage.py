"""Where an adapter came from: the job that trained it, the adapter that one went on from, and what each held back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from companion.core.adapter import AdapterInfo, read_adapter
from companion.core.errors import CompanionError
from companion.core.job import DataReady
from companion.core.job_folder import JobFolder, all_jobs
from companion.core.recipes.files import AdapterRecipe, LearningRecipe

MOST_ANCESTORS = 50


def training_of(adapter: AdapterInfo) -> JobFolder | None:
    """The job that trained it, by the fingerprint of what it learned from; None when that job is gone."""
    if not adapter.dataset_fingerprint:
        return None
    for job in all_jobs():
        ready = next((event for event in job.events() if isinstance(event, DataReady)), None)
        if ready is not None and ready.fingerprint == adapter.dataset_fingerprint:
            return job
    return None


def trainings(adapter: Path) -> Iterator[JobFolder]:
    """The job of this adapter, then that of the one it went on from, and so on, as far as they are known."""
    for _ in range(MOST_ANCESTORS):
        try:
            job = training_of(read_adapter(adapter))
            recipe = job.recipe() if job is not None else None
        except CompanionError:
            return
        if job is None or not isinstance(recipe, LearningRecipe):
            return
        yield job
        if not isinstance(recipe, AdapterRecipe) or not recipe.start_adapter:
            return
        adapter = Path(recipe.start_adapter)
