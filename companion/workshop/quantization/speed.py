"""How fast a build will be before it is built: what each product costs on this machine, and what the rest of a token costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from companion.core.files import read_json, write_atomic
from companion.core.other_load import OtherLoad
from companion.llama.kernels import Kernels, Product
from companion.llama.scoring import Tell
from companion.workshop.quantization.sensitivity import Matrix

PROMPT_TOKENS: Final = 128
"""Read at once when the cost of reading is measured."""
WORKING_SET: Final = 48 << 20
"""Bytes of copies: more than the caches of most processors hold, so that weights come from memory."""
PROMPT_SET: Final = 2 << 20
TIME: Final = 0.04
"""Seconds that one product is measured for."""


class Cost(msgspec.Struct, frozen=True):
    """Seconds of one product with one token, and per token of many."""

    write: float
    read: float


NOTHING: Final = Cost(0.0, 0.0)


class Costs:
    """Costs by type and shape, kept in a file as they are measured: a resumed job does not measure them again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = read_json(file, dict[str, Cost]) or {}

    def of(self, matrix: Matrix, kind: str) -> Cost:
        return NOTHING if matrix.is_table else self._known[_key(kind, matrix.rows, matrix.columns)]

    def told(self) -> dict[str, tuple[float, float]]:
        """All that are known, by type and shape."""
        return {key: (cost.write, cost.read) for key, cost in self._known.items()}

    def take_over(self, told: Mapping[str, tuple[float, float]]) -> None:
        """What another job has measured on this machine, where nothing is known yet."""
        self._known = {key: Cost(*each) for key, each in told.items()} | self._known

    def measure(
        self, matrices: Sequence[Matrix], kinds: Sequence[str], threads: int, tell: Tell, *, again: bool = False
    ) -> float:
        """What is not known yet, by the faster of plain and repacked rows, which is what llama.cpp takes; how many cores other
        programs kept busy meanwhile. With `again` all of it once more: the shorter time is the truer one.
        """
        wanted = {
            (kind.name, matrix.rows, matrix.columns): Product(kind, matrix.rows, matrix.columns)
            for matrix in matrices
            if not matrix.is_table
            for kind in matrix.able(kinds)
        }
        missing = {key: product for key, product in wanted.items() if again or _key(*key) not in self._known}
        others = OtherLoad()
        whole = sum(matrix.nbytes(matrix.kind) for matrix in matrices)
        with Kernels(threads) as kernels:
            for number, (key, product) in enumerate(missing.items(), start=1):
                cost = _cost(kernels, product, whole)
                known = self._known.get(_key(*key), cost)
                self._known[_key(*key)] = Cost(min(cost.write, known.write), min(cost.read, known.read))
                tell(number / len(missing))
        write_atomic(self._file, msgspec.json.encode(self._known))
        return others.cores() if missing else 0.0


def _cost(kernels: Kernels, product: Product, whole: int) -> Cost:
    write = _seconds(kernels, product, min(WORKING_SET, whole))
    read = _seconds(kernels, product._replace(tokens=PROMPT_TOKENS), min(PROMPT_SET, whole))
    return Cost(write, read / PROMPT_TOKENS)


def _seconds(kernels: Kernels, product: Product, working_set: int) -> float:
    """llama.cpp repacks wherever it can."""
    found = kernels.seconds(product, repacked=True, working_set=working_set, budget=TIME)
    if found is None:
        found = kernels.seconds(product, working_set=working_set, budget=TIME)
    if found is None:
        raise MemoryError(f"no memory for a product of {product.nbytes} bytes")
    return found


def _key(kind: str, rows: int, columns: int) -> str:
    return f"{kind} {rows}x{columns}"


class Pace(NamedTuple):
    """Tokens per second."""

    read: float
    write: float


class SpeedModel(NamedTuple):
    """Seconds per token that are the same for every build of a model: attention, norms, and waiting."""

    write_rest: float
    read_rest: float

    @classmethod
    def of(cls, costs: Costs, matrices: Sequence[Matrix], measured: Pace) -> SpeedModel:
        """From what the source was measured to do."""
        write = sum(costs.of(matrix, matrix.kind.name).write for matrix in matrices)
        read = sum(costs.of(matrix, matrix.kind.name).read for matrix in matrices if not matrix.is_output)
        return cls(max(0.0, 1 / measured.write - write), max(0.0, 1 / measured.read - read))

    def pace(self, costs: Costs, matrices: Sequence[Matrix], kinds: Sequence[str]) -> Pace:
        """Of a build with these types."""
        pairs = list(zip(matrices, kinds, strict=True))
        write = self.write_rest + sum(costs.of(matrix, kind).write for matrix, kind in pairs)
        read = self.read_rest + sum(costs.of(matrix, kind).read for matrix, kind in pairs if not matrix.is_output)
        return Pace(1 / max(read, 1e-9), 1 / max(write, 1e-9))
