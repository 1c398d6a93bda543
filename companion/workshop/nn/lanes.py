"""The dialogues of one batch in several lanes at once, each with its own share of the processor's threads.

Within one matrix product two threads wait for each other thousands of times a second, and as soon as another program
takes one core they mostly wait: measured on two cores beside other work, 19 tokens per second that way and 173 with a
lane per core. Lanes meet twice per batch only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from companion.workshop.data.batch import Batch
from companion.workshop.nn.gradients import Ledger, kept_aside, settle

MOST_LANES = 4
"""Each lane needs memory for its own dialogues; further threads share the lanes."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Sums(NamedTuple):
    """What a lane found: the loss, with a graph when one is wanted, and the plain cross-entropy."""

    total: Tensor
    plain: Tensor


def shares(batch: Batch, lanes: int) -> list[Batch]:
    """The dialogues of `batch` dealt out to at most `lanes` batches of about equal length, longest first."""
    lengths = [end - start for start, end in pairwise(batch.starts)]
    if lanes < 2 or len(lengths) < 2:
        return [batch]
    dealt: list[list[int]] = [[] for _ in range(min(lanes, len(lengths)))]
    filled = [0] * len(dealt)
    for dialogue in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        lane = filled.index(min(filled))
        dealt[lane].append(dialogue)
        filled[lane] += lengths[dialogue]
    return [_taken(batch, sorted(chosen)) for chosen in dealt]


def _taken(batch: Batch, dialogues: list[int]) -> Batch:
    spans = [(batch.starts[index], batch.starts[index + 1]) for index in dialogues]
    starts = [0]
    rows: list[Tensor] = []
    targets: list[Tensor] = []
    for start, end in spans:
        inside = (batch.rows >= start) & (batch.rows < end)
        rows.append(batch.rows[inside] - start + starts[-1])
        targets.append(batch.targets[inside])
        starts.append(starts[-1] + end - start)
    return Batch(
        tokens=torch.cat([batch.tokens[start:end] for start, end in spans]),
        positions=torch.cat([batch.positions[start:end] for start, end in spans]),
        starts=tuple(starts),
        rows=torch.cat(rows),
        targets=torch.cat(targets),
    )


class SideBySide(torch.autograd.Function):
    """Sums over all lanes. `anchor` makes autograd ask for the backward; gradients of weights go where they belong."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, lanes: Sequence[Callable[[], Sums]], graph: bool) -> tuple[Tensor, Tensor]:
        def compute(lane: Callable[[], Sums]) -> Sums:
            with torch.set_grad_enabled(graph):
                return lane()

        sums = _at_once(compute, lanes)
        ctx.totals = [lane.total for lane in sums] if graph else []
        plain = torch.stack([lane.plain for lane in sums]).sum()
        ctx.mark_non_differentiable(plain)
        return torch.stack([lane.total.detach() for lane in sums]).sum(), plain

    @staticmethod
    def backward(ctx: Any, d_total: Tensor, _: Tensor) -> tuple[None, None, None]:
        totals: list[Tensor] = ctx.totals
        ctx.totals = []
        ledgers: list[Ledger] = [{} for _ in totals[1:]]

        def compute(lane: int) -> None:
            if lane == 0:
                torch.autograd.backward(totals[lane], d_total)
            else:
                with kept_aside(ledgers[lane - 1]):
                    torch.autograd.backward(totals[lane], d_total)

        _at_once(compute, range(len(totals)))
        for ledger in ledgers:
            settle(ledger)
        return None, None, None


def _at_once(function: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """The results in the order of `items`; raises what one of them raised, after all have ended."""
    threads = torch.get_num_threads()

    def begin() -> None:
        torch.set_num_threads(max(threads // len(items), 1))

    try:
        with ThreadPoolExecutor(len(items), "lane", begin) as pool:
            return [future.result() for future in [pool.submit(function, item) for item in items]]
    finally:
        torch.set_num_threads(threads)
