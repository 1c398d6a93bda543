"""Rows of dialogues computed in several lanes at once, each with its own share of the processor's threads.

Within one matrix product two threads wait for each other thousands of times a second, and as soon as another program
takes one core they mostly wait: measured on two cores beside other work, 19 tokens per second that way and 173 with a
lane per core. Lanes meet once per step, when their gradients are added up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from companion.workshop.nn.gradients import Ledger, kept_aside, settle

MOST_LANES = 4
"""Each lane needs memory for its own dialogues; further threads share the lanes."""

_Result = TypeVar("_Result")


def deal(sizes: Sequence[int], lanes: int) -> list[list[int]]:
    """Indices of `sizes` in at most `lanes` lists of about equal sums, none of them empty, ascending in each."""
    dealt: list[list[int]] = [[] for _ in range(max(min(lanes, len(sizes)), 1))]
    filled = [0] * len(dealt)
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        lane = filled.index(min(filled))
        dealt[lane].append(index)
        filled[lane] += sizes[index]
    return [sorted(lane) for lane in dealt]


def side_by_side(lanes: Sequence[Callable[[threading.Event], _Result]]) -> list[_Result]:
    """The results in the order of `lanes`; the first runs in the calling thread, and all have their gradients added.

    Each is given an event that says that another has failed, so that it may end early. Raises what the first of them
    raised, after all have ended; gradients are then those of some of them.
    """
    failed = threading.Event()
    threads, graph = torch.get_num_threads(), torch.is_grad_enabled()
    ledgers: list[Ledger] = [{} for _ in lanes[1:]]

    def run(lane: Callable[[threading.Event], _Result]) -> _Result:
        torch.set_num_threads(max(threads // len(lanes), 1))  # of this thread only
        try:
            with torch.set_grad_enabled(graph):
                return lane(failed)
        except BaseException:
            failed.set()
            raise

    def run_beside(lane: Callable[[threading.Event], _Result], ledger: Ledger) -> _Result:
        with kept_aside(ledger):
            return run(lane)

    if len(lanes) == 1:
        return [lanes[0](failed)]
    try:
        with ThreadPoolExecutor(len(lanes) - 1, "lane") as pool:
            others = [pool.submit(run_beside, lane, ledger) for lane, ledger in zip(lanes[1:], ledgers, strict=True)]
            first = run(lanes[0])
        results = [first, *(other.result() for other in others)]
    finally:
        torch.set_num_threads(threads)
    for ledger in ledgers:
        settle(ledger)
    return results
