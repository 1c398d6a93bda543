"""Tuning a model from beginning to end, for a terminal and for the window: plan, search, keep."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from companion.core.errors import CompanionError
from companion.core.gguf.header import read_header
from companion.core.measuring_messages import MeasuringFailed, MeasuringProgress, ModelTuned
from companion.core.messages import LoadOptions
from companion.core.tuning import TuneWish, TuningFound
from companion.engine.ladder import Ladder
from companion.engine.session import inspect
from companion.engine.tuning import TuneRequest, tuned_by_child
from companion.engine.watched import begin_watched, leave
from companion.llama.library import Library
from companion.llama.plan import Plan, plan_file, remember
from companion.llama.tuned import Tuned

STAGES: Final = {"checking": "checking the model", "measuring": "a first measurement"}


class Outcome(NamedTuple):
    tuned: Tuned
    notice: str
    """Why it was not kept; empty when the engine uses it from the next start of this model on."""


def tune_model(wish: TuneWish, tell: Callable[[str, float], None]) -> Outcome:
    """Takes a minute, 20 seconds when it is quick. Raises CompanionError."""
    path, options = Path(wish.model), LoadOptions(gpu_layers=wish.gpu_layers)
    header = inspect(path, options)
    if wish.draft:
        read_header(Path(wish.draft))
    library = Library()  # says whether there is a graphics card to use
    plan = Ladder().plan(path, header.layers, options, (), lambda stage, share: tell(STAGES.get(stage, stage), 0.1 * share))
    request = TuneRequest(path=str(path), plan=plan, draft=wish.draft, quick=wish.quick, exhaustive=wish.exhaustive)
    found = tuned_by_child(request, lambda what, share: tell(what, 0.1 + 0.9 * share))
    del library
    return Outcome(found, _kept(path, wish.gpu_layers, plan, found))


def main(argument: str) -> int:
    """`companion tune-model WISH`, started by the window; leaves when the pipe is closed, and the search with it."""
    wish = msgspec.json.decode(argument, type=TuneWish)
    pipe = begin_watched()
    try:
        tuned, notice = tune_model(wish, lambda words, share: pipe.send(MeasuringProgress(words=words, fraction=share)))
        found = TuningFound(
            read_before=tuned.read_before,
            write_before=tuned.write_before,
            read=tuned.read,
            write=tuned.write,
            choices=tuned.choices,
            trials=tuned.trials,
            seconds=tuned.seconds,
            notes=tuned.notes,
            notice=notice,
        )
        pipe.send(ModelTuned(found=found))
    except CompanionError as error:
        pipe.send(MeasuringFailed(what=error.what, remedy=error.remedy))
    leave()


def _kept(path: Path, gpu_layers: int | None, plan: Plan, found: Tuned) -> str:
    """Keep what was found for the engine; the sentence says why it could not be."""
    if found.is_disturbed or plan.is_provisional:
        return (
            "Something else kept this computer busy meanwhile, so this was not kept: the engine goes on as before. "
            "Tune again when it is quiet, and she is, too."
        )
    with contextlib.suppress(OSError):
        remember(plan_file(path, gpu_layers), replace(plan, tuned=found))
        return ""
    return "What was found could not be saved: is the disk full?"
