"""What a model would take, asked of llama.cpp in a process of its own: a damaged file may end it, and nothing is loaded."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from companion.core.errors import CompanionError
from companion.core.processes import worker_command
from companion.llama.context import ContextOptions
from companion.llama.library import Library
from companion.llama.memory import MemoryNeed
from companion.llama.model import DEFAULT_PLACEMENT, Placement
from companion.llama.simulation import foreseen

PATIENCE_SECONDS = 20.0
"""Laying out a model takes 0.1 s, and a second with a vocabulary of 250,000."""


class Question(msgspec.Struct, frozen=True):
    path: str
    placement: Placement
    contexts: tuple[ContextOptions, ...]


def foresee(
    path: Path, contexts: Sequence[ContextOptions], placement: Placement = DEFAULT_PLACEMENT
) -> tuple[MemoryNeed | None, ...]:
    """The need with each of these contexts; None for what llama.cpp cannot make, or cannot say."""
    question = msgspec.json.encode(Question(str(path), placement, tuple(contexts))).decode()
    try:
        done = subprocess.run(
            worker_command("foresee", question),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
        return msgspec.json.decode(done.stdout, type=tuple[MemoryNeed | None, ...])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return (None,) * len(contexts)


def main(argument: str) -> int:
    """`companion foresee QUESTION`, started by the engine and by `companion tune`."""
    question = msgspec.json.decode(argument, type=Question)
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an abort would start a debugger first, for a second or more
    try:
        answer = tuple(foreseen(Library(), Path(question.path), question.placement, question.contexts))
    except CompanionError:
        return 1
    print(msgspec.json.encode(answer).decode(), flush=True)
    return 0
