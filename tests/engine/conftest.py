from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.messages import Turn
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient

HELLO = (Turn("user", "Hello there."),)
LONG = Sampling(max_tokens=30_000, temperature=1.5)


@pytest.fixture
def engine() -> Iterator[EngineClient]:
    with EngineClient() as client:
        yield client


@pytest.fixture
def ready(engine: EngineClient, tiny_model: Path) -> EngineClient:
    """An engine with the tiny model loaded: it answers with noise, quickly."""
    engine.load(tiny_model)
    return engine


@pytest.fixture
def endless(engine: EngineClient, talkative_model: Path) -> EngineClient:
    """An engine whose replies to `LONG` go on until they are stopped."""
    engine.load(talkative_model)
    return engine
