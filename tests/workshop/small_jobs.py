"""Jobs that take a second: a tiny model, a few dialogues of simple words, one thread."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import torch

from companion.core.job import Evaluated, JobEnded, JobEvent, JobOrder, StepDone
from companion.core.job_folder import JobFolder, create_job
from companion.core.recipes.files import with_changes
from companion.core.recipes.fine_tune import FineTune
from companion.workshop.job import Wishes, carry_out

TEXT = "the and you that hello what is are not with my name love about think how can tell me night star good"
WORDS = TEXT.split()
QUICK = (
    "machine.threads=1",
    "machine.compute=float32",
    "machine.micro_batch_tokens=256",
    "training.tokens_per_step=256",
    "training.epochs=2",
    "optimizer.learning_rate=0.01",
    "watch.evaluations=3",
    "watch.samples=1",
    "watch.sample_tokens=3",
)


def write_dialogues(path: Path, count: int = 24, seed: int = 1) -> Path:
    chance = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            said = [
                {"role": role, "content": " ".join(chance.choices(words, k=chance.randint(2, 8)))}
                for _ in range(chance.randint(1, 3))
                for role, words in (("user", WORDS), ("assistant", WORDS[:6]))
            ]
            file.write(json.dumps({"messages": said}) + "\n")
    return path


def small_recipe(model: Path, data: Path, *changes: str) -> FineTune:
    return with_changes(FineTune(model=str(model), data_files=(str(data),), name="small"), [*QUICK, *changes])


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
