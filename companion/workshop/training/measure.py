"""Trying how many tokens to compute at once: tokens per second against memory, with the job's own dialogues."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from companion.workshop.data.batch import Batch
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.training.machine_use import peak_memory
from companion.workshop.training.objective import Objective, trained_weights
from companion.workshop.training.source import Source
from companion.workshop.training.steps import free_memory, is_out_of_memory

SIZES = (512, 1024, 2048, 4096, 8192, 16_384)
WORTH = 1.08
"""A larger row must be faster by this to be worth its memory: for the starter model some 600 MB each time it doubles."""
LONG_PASS = 4.0
"""Seconds; a shorter pass is timed twice and the better time counts, since other programs disturb."""
ENOUGH_SECONDS = 20.0
"""No further size is tried once measuring has taken so long."""


class Speed(NamedTuple):
    """What was measured with one size of row."""

    tokens: int
    """Asked for; the row holds whole dialogues that fill it about."""
    per_second: float
    memory: int
    """Bytes at the peak so far: of the process on a CPU, of the card otherwise."""


def measure_rows(
    decoder: Decoder,
    data: Source,
    objective: Objective,
    seed: int,
    sizes: list[int],
    check: Callable[[], None],
) -> list[Speed]:
    """Speeds of the sizes, smallest first, until one does not fit, is not faster, or time is up; empty when none fits.

    Weights are not changed. `check` may raise to give up.
    """
    speeds: list[Speed] = []
    began = time.perf_counter()
    decoder.train()
    for size in sizes:
        check()
        try:
            batches = _batches(decoder, data, size, seed, objective.lanes(decoder))
            if not speeds:
                _pass(decoder, batches, objective)  # the first one also fetches pages and makes room
            seconds = _pass(decoder, batches, objective)
            if seconds < LONG_PASS:
                seconds = min(seconds, _pass(decoder, batches, objective))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            free_memory()
            break
        finally:
            for weight in trained_weights(decoder, objective).values():
                weight.grad = None
        tokens = sum(len(batch.tokens) for batch in batches)
        speeds.append(Speed(size, tokens / max(seconds, 1e-9), _memory(decoder.device)))
        slower = len(speeds) > 1 and speeds[-1].per_second < speeds[-2].per_second
        if slower or time.perf_counter() - began > ENOUGH_SECONDS:
            break
    return speeds


def fastest(speeds: list[Speed]) -> Speed:
    """The smallest row that is about as fast as the fastest."""
    best = max(speed.per_second for speed in speeds)
    return next(speed for speed in speeds if speed.per_second * WORTH >= best)


def speed_sentence(speeds: list[Speed]) -> str:
    """“1,024 tokens: 880 tok/s, 512: 790.”, the chosen one first."""
    chosen = fastest(speeds)
    others = [speed for speed in speeds if speed is not chosen]
    parts = [f"{chosen.tokens:,} tokens at once: {chosen.per_second:,.0f} tokens/s"]
    return ", ".join([*parts, *(f"{speed.tokens:,}: {speed.per_second:,.0f}" for speed in others)]) + "."


def _pass(decoder: Decoder, batches: list[Batch], objective: Objective) -> float:
    """Seconds for a forward and a backward of a batch per lane."""

    def learn(batch: Batch, _: threading.Event) -> None:
        result = objective.row(decoder, (), batch, 0)
        torch.autograd.backward(result.total / max(objective.count((), batch), 1))

    began = time.perf_counter()
    side_by_side([partial(learn, batch) for batch in batches])
    if decoder.device.type == "cuda":
        torch.cuda.synchronize()
    elif decoder.device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter() - began


def _batches(decoder: Decoder, data: Source, tokens: int, seed: int, lanes: int) -> list[Batch]:
    """The first dialogues of the first epoch that fill so many tokens, a batch per lane; more only if one alone is longer."""
    chosen: list[int] = []
    filled = 0
    for index in data.order(0, seed).tolist():
        length = int(data.lengths[index])
        if chosen and filled + length > tokens:
            break
        chosen.append(index)
        filled += length
    dealt = deal([int(data.lengths[index]) for index in chosen], lanes)
    return [data.batch([chosen[place] for place in lane]).to(decoder.device) for lane in dealt]


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    return int(torch.mps.driver_allocated_memory()) if device.type == "mps" else peak_memory()
