"""Work of one subject in several lanes: contexts side by side, each with its own share of the processor's threads.

Two threads of one small product mostly wait for each other, and when another program takes a core they do nothing else
(`workshop/nn/lanes.py`). Large models are read from memory faster than they are computed, and share one context.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import pairwise
from threading import Event
from typing import Final, TypeVar

from companion.llama.context import Context
from companion.workshop.evaluation.family import Tell
from companion.workshop.evaluation.opened import Opened
from companion.workshop.nn.lanes import MOST_LANES, side_by_side

LARGE: Final = 1 << 30
"""Bytes of weights from which on lanes would only compete for the memory."""

_Thing = TypeVar("_Thing")
_Result = TypeVar("_Result")


class _OtherFailed(Exception):
    """A lane gives up because another one has."""


def lanes_for(opened: Opened, things: int) -> int:
    """How many lanes are worth it. The same on the same machine, so that the same command gives the same report."""
    if opened.model.placement.gpu_layers or opened.model.weight_bytes >= LARGE:
        return 1
    return max(1, min(opened.threads, MOST_LANES, things))


def in_lanes(
    opened: Opened,
    things: Sequence[_Thing],
    lanes: int,
    open_context: Callable[[Opened, Sequence[_Thing]], AbstractContextManager[Context]],
    work: Callable[[Context, Sequence[_Thing], Tell], list[_Result]],
    tell: Tell,
) -> list[_Result]:
    """`work` on as many runs of neighbouring `things` as there are lanes, each in its own context; results in their order.

    `tell` is called from this thread with the progress of its lane. Raises what a lane raised, after all have ended.
    """
    bounds = [round(len(things) * lane / lanes) for lane in range(lanes + 1)]
    parts = [things[begin:end] for begin, end in pairwise(bounds)]
    share = opened._replace(threads=max(1, opened.threads // lanes))

    def run(context: Context, part: Sequence[_Thing], first: bool, failed: Event) -> list[_Result]:
        def told(done: float) -> None:
            if failed.is_set():
                raise _OtherFailed
            if first:
                tell(done)

        try:
            return work(context, part, told)
        except BaseException as error:
            if not isinstance(error, _OtherFailed):
                causes.append(error)
            raise

    causes: list[BaseException] = []
    with ExitStack() as stack:
        contexts = [stack.enter_context(open_context(share, part)) for part in parts]
        calls = [partial(run, context, part, lane == 0) for lane, (context, part) in enumerate(zip(contexts, parts, strict=True))]
        try:
            found = side_by_side(calls)
        except _OtherFailed:
            raise causes[0] from None
    return [result for results in found for result in results]
