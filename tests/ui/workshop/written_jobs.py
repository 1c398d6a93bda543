"""Folders of jobs as processes leave them, written line by line: what a page shows of a job is in its folder only."""

from __future__ import annotations

import math
from pathlib import Path

from companion.core.job import (
    CheckpointWritten,
    DataReady,
    Evaluated,
    JobEnded,
    JobEvent,
    JobOrder,
    JobStarted,
    OutputWritten,
    PlanMade,
    Sample,
    StageBegan,
    StepDone,
    Trouble,
)
from companion.core.job_folder import JobFolder, create_job
from companion.core.messages import encode
from companion.core.recipes.files import Recipe
from companion.core.recipes.fine_tune import FineTune

NOON = 1_790_000_000.0


def write(job: JobFolder, *events: JobEvent) -> None:
    with job.events_file.open("ab") as file:
        file.write(b"".join(map(encode, events)))


def job(name: str, *events: JobEvent, recipe: Recipe | None = None, order: JobOrder | None = None) -> JobFolder:
    made = create_job(recipe or FineTune(name=name), order or JobOrder())
    write(made, *events)
    return made


def step(number: int, steps: int, **more: float) -> StepDone:
    facts = {"loss": 1.2 + 2 * math.exp(-3 * number / steps), "memory_bytes": 1_800_000_000, "cpu_percent": 94.0} | more
    return StepDone(
        step=number, steps=steps, epoch=2 * number / steps, learning_rate=3e-4 * (1 - number / steps), gradient_norm=0.8,
        tokens=512 * number, tokens_per_second=480.0, data_share=0.01, seconds_left=1.5 * (steps - number),
        time=NOON + 60 + number, **facts,
    )  # fmt: skip


def evaluated(number: int, loss: float, reply: str, *, best: bool = True) -> Evaluated:
    samples = (Sample(prompt="I failed my exam.", reply=reply),)
    return Evaluated(step=number, loss=loss, best=best, samples=samples, time=NOON + 60 + number)


def learning(steps: int = 40, reached: int = 40) -> list[JobEvent]:
    """A fine-tuning up to the step it has reached."""
    return [
        JobStarted(pid=1, time=NOON),
        StageBegan(stage="data", sentence="Reading the dialogues", time=NOON + 1),
        DataReady(dialogues=90, held_out=10, tokens=9000, supervised_tokens=4000, fingerprint="0", time=NOON + 2),
        PlanMade(
            device="cpu", weights="packed", compute="bfloat16", micro_batch_tokens=512, steps=steps, tokens_per_second=480,
            seconds=60, memory_bytes=1_900_000_000, sentences=("bfloat16: this processor multiplies it fast.",), time=NOON + 3,
        ),
        evaluated(0, 1.9, "As an AI language model, I am sorry to hear that.", best=False),
        StageBegan(stage="training", sentence="Learning from 90 dialogues", time=NOON + 4),
        *(event for number in range(1, reached + 1) for event in _events(number, steps)),
    ]  # fmt: skip


def finished(output: Path) -> list[JobEvent]:
    return [
        *learning(),
        OutputWritten(file=str(output), kind="adapter", metrics={"held_out_loss": 1.41, "seconds": 75.0}, time=NOON + 130),
        JobEnded(state="done", what="All 40 steps are done; the adapter is that of step 40.", seconds=130.0, time=NOON + 131),
    ]


def trouble(number: int) -> Trouble:
    return Trouble(step=number, kind="overfitting", what="She learns the dialogues by heart.", remedy="More dialogues help.")


def _events(number: int, steps: int) -> list[JobEvent]:
    if number % 10:
        return [step(number, steps)]
    loss = 1.41 + 0.5 * (1 - number / steps)
    return [
        step(number, steps),
        evaluated(number, loss, f"Oh no. Come here, sit. Which part went wrong? ({number})"),
        CheckpointWritten(step=number, file=f"step-{number}.pt", time=NOON + 61 + number),
    ]
