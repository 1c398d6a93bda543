"""The curves for TensorBoard too, when they are asked for and it is installed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from companion.core.job import Evaluated, StepDone

MISSING = "TensorBoard is not installed, so its curves are left out; “pip install tensorboard” brings it."


class Curves:
    """Does nothing unless it was wanted and could be opened."""

    def __init__(self, folder: Path, wanted: bool, step: int) -> None:
        """`step` is where a resumed run goes on: what was drawn behind it is drawn again."""
        self._writer: Any = None
        if not wanted:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:  # the plan has said so
            return
        with contextlib.suppress(OSError):
            self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, event: StepDone | Evaluated) -> None:
        if self._writer is None:
            return
        values = {"loss/held_out": event.loss}
        if isinstance(event, StepDone):
            values = {
                "loss/training": event.loss,
                "learning_rate": event.learning_rate,
                "gradient_norm": event.gradient_norm,
                "tokens_per_second": event.tokens_per_second,
                "memory_bytes": float(event.memory_bytes),
            }
        with contextlib.suppress(OSError):
            for name, value in values.items():
                self._writer.add_scalar(name, value, event.step)

    def close(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._writer.close()
