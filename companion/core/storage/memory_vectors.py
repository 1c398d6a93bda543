"""Memories as vectors, compared without any library: 10,000 of them, of 384 numbers each, in 3 ms on a slow core.

Each number's sign alone, one bit, is compared first, for all memories (Hamming distance of two integers); the 64 nearest
are then compared in full.
"""

from __future__ import annotations

import sqlite3
import sys
from array import array
from collections.abc import Sequence
from math import isfinite, sqrt
from operator import itemgetter, mul

_SIGNS = "SELECT memory, signs FROM memory_vectors INDEXED BY memory_vectors_signs WHERE model = ?"
_ALIVE = "SELECT id FROM memories WHERE character = ? AND deleted IS NULL"
_DATED = (
    "SELECT m.created, v.vector FROM memories m JOIN memory_vectors v ON v.memory = m.id"
    " WHERE m.character = ? AND m.deleted IS NULL AND v.model = ? ORDER BY m.created DESC LIMIT ?"
)
_NEAREST = 64
_NEAR = 0.1
"""How far below the nearest one's cosine a memory may lie: there is always a nearest one, and models differ in scale."""
_RELATED = 0.2
"""No model calls texts related whose cosine is below this."""


Signs = dict[int, int]
"""The signs of every memory of one character, by memory."""


def read_signs(connection: sqlite3.Connection, character: str, model: str) -> Signs:
    alive = {row[0] for row in connection.execute(_ALIVE, (character,))}  # twice as fast as a join: both indexes cover
    rows = connection.execute(_SIGNS, (model,))
    return {memory: int.from_bytes(signs, "little") for memory, signs in rows if memory in alive}


def by_vector(connection: sqlite3.Connection, known: Signs, model: str, vector: Sequence[float]) -> list[tuple[int, float]]:
    """Memories that mean nearly the same with their cosine, the nearest first; none when nothing comes near."""
    query = unit(vector)
    if query is None or not known:
        return []
    signs = int.from_bytes(signs_of(query), "little")
    distances = [(signs ^ other).bit_count() for other in known.values()]
    bound = sorted(distances)[:_NEAREST][-1]
    near = [memory for distance, memory in zip(distances, known, strict=True) if distance <= bound][: 4 * _NEAREST]
    marks = ", ".join("?" * len(near))
    rows = connection.execute(
        f"SELECT memory, vector FROM memory_vectors WHERE model = ? AND memory IN ({marks})",  # noqa: S608
        (model, *near),
    )
    cosines = [(memory, sum(map(mul, query, _unpacked(blob)))) for memory, blob in rows if len(blob) == 4 * len(query)]
    cosines.sort(key=itemgetter(1), reverse=True)
    least = max(_RELATED, cosines[0][1] - _NEAR) if cosines else 0.0
    return [(memory, cosine) for memory, cosine in cosines if cosine >= least]


def dated_vectors(connection: sqlite3.Connection, character: str, model: str, most: int) -> list[tuple[float, array[float]]]:
    """When each of the newest memories was made, in seconds since the epoch, with its vector; the newest first."""
    rows = connection.execute(_DATED, (character, model, most))
    return [(created, _unpacked(blob)) for created, blob in rows]


def unit(vector: Sequence[float]) -> array[float] | None:
    """The vector at length 1; None when it has no direction."""
    length = sqrt(sum(map(mul, vector, vector)))
    return array("f", [value / length for value in vector]) if length and isfinite(length) else None


def signs_of(vector: Sequence[float]) -> bytes:
    bits = "".join(["1" if value > 0 else "0" for value in reversed(vector)])
    return int("0" + bits, 2).to_bytes((len(vector) + 7) // 8, "little")


def packed(vector: array[float]) -> bytes:
    """Little-endian on every machine, so that the file can move."""
    if sys.byteorder == "big":
        vector = array("f", vector)
        vector.byteswap()
    return vector.tobytes()


def _unpacked(blob: bytes) -> array[float]:
    vector = array("f")
    vector.frombytes(blob)
    if sys.byteorder == "big":
        vector.byteswap()
    return vector
