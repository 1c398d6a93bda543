"""Tuning in a process of its own: it may crash in llama.cpp, and is ended in the middle by Ctrl+C."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from companion.core.errors import CompanionError, EngineError, ModelError
from companion.core.hardware import probe, usable_threads
from companion.core.measuring_messages import MeasuringFailed, MeasuringProgress
from companion.core.processes import exit_sentence, worker_command
from companion.engine.watched import Watched, begin_watched, leave
from companion.llama.library import Library, supports_gpu
from companion.llama.measure import thread_candidates
from companion.llama.model import Placement
from companion.llama.plan import Plan
from companion.llama.trial import Setting
from companion.llama.tuned import Tuned
from companion.llama.tuner import Order, tune

HANG_SECONDS = 300.0
"""A search that reports nothing for so long hangs."""


class TuneRequest(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    plan: Plan
    draft: str = ""
    quick: bool = False
    exhaustive: bool = False


class TuneDone(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    tuned: Tuned


TuneEvent = MeasuringProgress | TuneDone | MeasuringFailed


def tuned_by_child(request: TuneRequest, tell: Callable[[str, float], None]) -> Tuned:
    """Run the search in a child; whatever ends this ends the child as well. Raises CompanionError."""
    command = worker_command("tuning", msgspec.json.encode(request).decode())
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        watched = Watched(child, HANG_SECONDS)
        try:
            for line in watched.lines():
                event = msgspec.json.decode(line, type=TuneEvent)
                if isinstance(event, TuneDone):
                    return event.tuned
                if isinstance(event, MeasuringFailed):
                    raise ModelError(event.what, event.remedy)
                tell(event.words, event.fraction)
            what = "llama.cpp stopped responding." if watched.hung else exit_sentence("The search", child.wait())
            raise EngineError(what, "Nothing was changed; try again with --quick, or with another model.")
        finally:
            child.kill()


def main(argument: str) -> int:
    """`companion tuning REQUEST`, started by `tune_model`; leaves when the pipe is closed."""
    request = msgspec.json.decode(argument, type=TuneRequest)
    pipe = begin_watched()
    try:
        found = tune(Library(), _order(request), lambda words, share: pipe.send(MeasuringProgress(words=words, fraction=share)))
        pipe.send(TuneDone(tuned=found))
    except CompanionError as error:
        pipe.send(MeasuringFailed(what=error.what, remedy=error.remedy))
    leave()


def _order(request: TuneRequest) -> Order:
    plan = request.plan
    measured = plan.measurement
    gpus = probe().gpus if supports_gpu() else ()
    return Order(
        path=Path(request.path),
        placement=Placement(plan.gpu_layers, plan.extra_buffers),
        begin=Setting(measured.threads, measured.prompt_threads, measured.batch, measured.batch, measured.flash_attention),
        threads=tuple(thread_candidates(usable_threads())),
        memory=psutil.virtual_memory().available,
        gpu_memory=max((gpu.memory_free for gpu in gpus), default=0),
        draft=Path(request.draft) if request.draft else None,
        quick=request.quick,
        exhaustive=request.exhaustive,
    )
