"""How far what is talked about has moved in meaning: by the vectors of what she learned about the person.

Only vectors that are there already are used, so that nothing is loaded for it: those of memories, once the person has
chosen an embedding model.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Sequence
from math import sqrt
from operator import add, mul, sub
from pathlib import Path
from typing import Final

from companion.core.monitoring.drift import Drift
from companion.core.monitoring.observed import reading
from companion.core.monitoring.stability import BREATH_SECONDS
from companion.core.storage.memory_vectors import dated_vectors

LEAST_MEMORIES: Final = 20
MOST_MEMORIES: Final = 200
DRAWS: Final = 99

Vector = Sequence[float]


def meaning_drift(database: Path, character: str, model: str, since: float) -> Drift | None:
    """Memories made since a moment beside those before; None when there are too few, or the database cannot be read."""
    if not model:
        return None
    try:
        with contextlib.closing(reading(database)) as connection:
            dated = dated_vectors(connection, character, model, MOST_MEMORIES)
    except sqlite3.Error:  # the replies come from the same file, and that has been told
        return None
    now = [vector for created, vector in dated if created >= since]
    before = [vector for created, vector in dated if created < since]
    if min(len(now), len(before)) < LEAST_MEMORIES or len({len(vector) for vector in (*now, *before)}) != 1:
        return None
    told = "what she hears about you is about other things than before"
    return Drift(name="meaning", title="Meaning", index=distance(_sum(now), _sum(before)), chance=_chance(now, before), told=told)


def distance(one: Vector, other: Vector) -> float:
    """1 − cosine of two vectors; 1 when either has no direction."""
    lengths = sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    return 1.0 - sum(map(mul, one, other)) / lengths if lengths else 1.0


def _chance(now: Sequence[Vector], before: Sequence[Vector]) -> float:
    """As `stability.chance`, memory by memory."""
    everything, deal, hits = [*now, *before], random.Random(1), 0
    whole, found = _sum(everything), distance(_sum(now), _sum(before))
    for _ in range(DRAWS):
        drawn = _sum(deal.sample(everything, len(now)))
        hits += distance(drawn, list(map(sub, whole, drawn))) >= found - 1e-12
        time.sleep(BREATH_SECONDS)
    return (hits + 1) / (DRAWS + 1)


def _sum(vectors: Sequence[Vector]) -> list[float]:
    total = list(vectors[0])
    for vector in vectors[1:]:
        total = list(map(add, total, vector))
    return total
