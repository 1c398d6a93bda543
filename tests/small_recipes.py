"""Recipes and dialogues for jobs that take a second: one thread, simple words. Nothing here knows torch."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import psutil

from companion.core.recipes.files import with_changes
from companion.core.recipes.fine_tune import FineTune

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


def end_jobs() -> None:
    """End the processes of jobs that were let go, also those that have hardly begun and hold no lock yet."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "job" in child.cmdline():
                child.kill()
                child.wait(10)
