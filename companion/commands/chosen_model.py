"""Which model a command works with: the one that was named, else the one the person chats with, else the starter."""

from __future__ import annotations

from pathlib import Path

from companion.core.errors import ModelError
from companion.core.paths import starter_model
from companion.core.settings import Settings


def chosen_model(named: Path | None, settings: Settings) -> Path | None:
    """None when no model is installed; whether the file is there is for its reader to see."""
    return named or (Path(settings.model) if settings.model else starter_model())


def required_model(named: Path | None, settings: Settings) -> Path:
    """As `chosen_model`; raises ModelError instead of returning None."""
    path = chosen_model(named, settings)
    if path is None:
        raise ModelError("No model is installed.", "Run packaging/start.py again, or name one with --model FILE.")
    return path
