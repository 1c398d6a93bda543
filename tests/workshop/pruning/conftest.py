"""What the tests of pruning share."""

from __future__ import annotations

from tests.workshop.nn.conftest import one_thread

__all__ = ["one_thread"]
