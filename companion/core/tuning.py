"""What tuning a model for this machine tries and finds, for whoever shows it."""

from __future__ import annotations

from typing import Literal

import msgspec

Load = Literal["idle", "one core busy"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One setting: what was chosen, and why, in one sentence."""

    name: str
    value: str
    reason: str


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that was tried; speeds in tokens per second, 0 where they were not measured."""

    name: str
    value: str
    load: Load = "idle"
    read: float = 0.0
    write: float = 0.0
    memory: int = 0
    """Bytes foreseen with it, and a context of 8,192 tokens where nothing else is said."""
    divergence: float | None = None
    """Nats per token from a cache in F16, where it was measured."""
    note: str = ""


class TuneWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which model is to be tuned, and how thoroughly. Paths are absolute."""

    model: str
    gpu_layers: int | None = None
    """As the person's settings say; None leaves it to the search."""
    draft: str = ""
    quick: bool = False
    exhaustive: bool = False


class TuningFound(msgspec.Struct, frozen=True, kw_only=True):
    """Speeds in tokens per second in the middle of a conversation, at rest; 0 where a plan of before does not know them."""

    read: float
    write: float
    read_before: float = 0.0
    write_before: float = 0.0
    """With what the model ran with before."""
    choices: tuple[Choice, ...]
    trials: tuple[Trial, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    notice: str = ""
    """Why it was not kept; empty when the engine uses it."""
