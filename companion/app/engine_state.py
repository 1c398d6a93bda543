"""What the engine is doing, as the window shows it."""

from __future__ import annotations

from enum import Enum


class EngineState(Enum):
    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    ANSWERING = "answering"
    FAILED = "failed"
