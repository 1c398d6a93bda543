from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "companion.sqlite3")
    yield opened
    opened.close()
