"""The health check of one model on one rung of the ladder, in a process of its own: it may crash, and that is the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from companion.core.errors import CompanionError
from companion.core.pipes import WorkerPipe
from companion.engine.watched import begin_watched, leave
from companion.llama.health import NONSENSE_KL, Logits, divergence, probe_logits
from companion.llama.library import Library
from companion.llama.measure import Measurement, measure
from companion.llama.model import Model, Placement


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    gpu_layers: int
    extra_buffers: bool
    threads: tuple[int, ...]
    """Counts to measure, ascending."""
    compare: bool
    """Whether the plain CPU path is loaded too, to compare logits with."""
    budget: float
    """Seconds that measuring may take."""


class CheckProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    stage: Literal["reference", "candidate", "measuring"]
    fraction: float


class CheckPassed(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    health: str
    measurement: Measurement


class CheckFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    what: str


CheckEvent = CheckProgress | CheckPassed | CheckFailed


def main(argument: str) -> int:
    """`companion check REQUEST`, started by the engine only; leaves when the engine closes the pipe."""
    request = msgspec.json.decode(argument, type=CheckRequest)
    pipe = begin_watched()
    try:
        pipe.send(_check(request, pipe))
    except CompanionError as error:
        pipe.send(CheckFailed(what=error.what))
    leave()


def _check(request: CheckRequest, pipe: WorkerPipe) -> CheckPassed | CheckFailed:
    library = Library()
    path, threads = Path(request.path), request.threads[-1]
    reference: Logits | None = None
    if request.compare:
        with Model(library, path, Placement(0, extra_buffers=False), _reporting(pipe, "reference")) as model:
            reference = probe_logits(model, threads)
    with Model(library, path, Placement(request.gpu_layers, request.extra_buffers), _reporting(pipe, "candidate")) as model:
        if not model.is_chat_model:
            return CheckFailed(what=f"“{path.name}” is not a model that writes text.")
        candidate = probe_logits(model, threads, reference.followed_by if reference else None)
        distance = divergence(reference.values if reference else candidate.values, candidate.values)
        if not distance <= NONSENSE_KL:
            return CheckFailed(what="the model computes nonsense there.")
        pipe.send(CheckProgress(stage="measuring", fraction=0))
        speeds = measure(
            model,
            request.threads,
            budget=request.budget,
            progress=lambda fraction: pipe.send(CheckProgress(stage="measuring", fraction=fraction)),
        )
    health = f"agrees with the plain CPU path (KL {distance:.1e})" if reference else "answers with sound numbers"
    return CheckPassed(health=health, measurement=speeds)


def _reporting(pipe: WorkerPipe, stage: Literal["reference", "candidate"]) -> Callable[[float], bool]:
    def report(fraction: float) -> bool:
        pipe.send(CheckProgress(stage=stage, fraction=fraction))
        return True

    return report
