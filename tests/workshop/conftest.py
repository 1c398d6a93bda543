"""What the tests of the workshop share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop.small_jobs import write_dialogues


@pytest.fixture(scope="session")
def dialogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dozen short dialogues of simple words."""
    return write_dialogues(tmp_path_factory.mktemp("dialogues") / "dialogues.jsonl")
