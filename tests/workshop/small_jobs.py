"""Jobs that take a second: a tiny model, a few dialogues of simple words, one thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from companion.core.job import Evaluated, JobEnded, JobEvent, JobOrder, StepDone
from companion.core.job_folder import JobFolder, create_job
from companion.workshop.job import Wishes, carry_out
from tests.small_recipes import QUICK, WORDS, small_recipe, write_dialogues  # noqa: F401 - the workshop's tests find them here


def small_job(model: Path, data: Path, *changes: str, **order: object) -> JobFolder:
    return create_job(small_recipe(model, data, *changes), JobOrder(**order))


class Ears(list):
    """Whoever listens to a job inside the process of the test; `then` is called with every event."""

    def __init__(self, then: Callable[[JobEvent], None] = lambda event: None) -> None:
        super().__init__()
        self._then = then

    def send(self, event: JobEvent) -> None:
        self.append(event)
        self._then(event)


def work_here(
    job: JobFolder, then: Callable[[JobEvent], None] = lambda event: None, wishes: Wishes | None = None
) -> list[JobEvent]:
    """Everything the job says until it ends, without a process of its own: what starting one costs is torch's import."""
    ears = Ears(then)
    threads = torch.get_num_threads()
    try:
        carry_out(job, ears, wishes or Wishes(job.cancel_mark))
    finally:
        torch.set_num_threads(threads)
    return ears


def ended(events: list[JobEvent]) -> JobEnded:
    assert isinstance(events[-1], JobEnded), events[-1]
    return events[-1]


def of_kind(events: list[JobEvent], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def curve(job: JobFolder) -> list[tuple[object, ...]]:
    """What must not depend on interruptions: step by step the loss, rate and gradient, and what was measured."""
    said = []
    for event in job.events():
        if isinstance(event, StepDone):
            said.append((event.step, event.loss, event.learning_rate, event.gradient_norm, event.tokens, event.epoch))
        elif isinstance(event, Evaluated):
            said.append((event.step, event.loss, event.best, event.samples))
    return said
