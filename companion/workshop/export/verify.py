"""What was exported is measured through llama.cpp: the loss there must be the loss that training saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from companion.core.errors import WorkshopError
from companion.llama.adapter import Adapters, Scaled
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.likelihood import ROWS, likelihood
from companion.llama.model import Model, Placement
from companion.workshop.data.batch import Example

TOLERANCE = 0.01
"""Share of torch's loss by which llama.cpp's may differ: it rounds activations to 8 bits and the cache to 16."""
ENOUGH = 100
"""Tokens from which on that share holds. The rounding of one token has little to do with that of the next, so that over n tokens
the means may differ by √(ENOUGH ÷ n) times as much: 25 tokens of a short dialogue were seen to differ by 1.6 %."""
MOST = 0.05
"""The largest share that is ever forgiven: a wrong export is off by more."""
SMALLEST = 0.002
"""Nats that are forgiven in any case: 1 % of a nearly learned text is below that rounding."""

PLACEMENT = Placement(gpu_layers=0, extra_buffers=False)
"""Repacking the weights would take memory that training holds, for one pass."""


class Verified(NamedTuple):
    """Both losses in nats per token, and over how many tokens."""

    loss: float
    expected: float
    tokens: int

    @property
    def difference(self) -> float:
        """As a share of the expected loss."""
        return abs(self.loss - self.expected) / self.expected if self.expected else math.inf


def verify_export(
    model: Path,
    adapter: Path | None,
    examples: Sequence[Example],
    expected: float,
    *,
    library: Library,
    threads: int,
    placement: Placement = PLACEMENT,
    progress: Callable[[float], None] = lambda fraction: None,
) -> Verified:
    """Measure `examples` with `model` (and `adapter` on it) through llama.cpp; `expected` is torch's loss on the same.

    Raises WorkshopError when the two differ by more than `tolerance`, when either is no number, or when no token is
    measured; ModelError when llama.cpp cannot load the files. A file llama.cpp cannot stand ends the process.
    """
    loss, tokens = measured_loss(
        model, adapter, examples, library=library, threads=threads, placement=placement, progress=progress
    )
    verified = Verified(loss, expected, tokens)
    allowed = max(tolerance(tokens) * abs(expected), SMALLEST)
    if not abs(loss - expected) <= allowed:  # not “>”: NaN is as bad
        name = (adapter or model).name
        raise WorkshopError(
            f"“{name}” does not do in llama.cpp what it did in training: {loss:.4f} nats per token there, {expected:.4f} here.",
            "Please report this with the recipe and the model.",
        )
    return verified


def tolerance(tokens: int) -> float:
    """Share of torch's loss by which llama.cpp's may differ over so many tokens."""
    return min(MOST, TOLERANCE * max(1.0, math.sqrt(ENOUGH / max(1, tokens))))


def measured_loss(
    model: Path,
    adapter: Path | None,
    examples: Sequence[Example],
    *,
    library: Library,
    threads: int,
    placement: Placement = PLACEMENT,
    progress: Callable[[float], None] = lambda fraction: None,
) -> tuple[float, int]:
    """Nats per learned token of `examples` through llama.cpp, and how many tokens that were. Raises as `verify_export`."""
    longest = max((len(example.tokens) for example in examples), default=0)
    if not any(any(example.learn[1:]) for example in examples):
        raise WorkshopError("There is nothing to check the export with.", "Hold out at least one dialogue with a reply.")
    nats, tokens = 0.0, 0
    with Model(library, model, placement) as loaded:
        options = ContextOptions(tokens=max(64, longest), threads=threads, batch=ROWS)
        with Context(loaded, options) as context:
            adapters = Adapters(context)
            try:
                adapters.put([Scaled(adapter, 1.0)] if adapter else [])
                for number, example in enumerate(examples, start=1):
                    found = likelihood(context, example.tokens, example.learn)
                    nats, tokens = nats + found.nats, tokens + found.tokens
                    progress(number / len(examples))
            finally:
                adapters.close()
    return nats / tokens, tokens
