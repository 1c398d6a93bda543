"""From measurements to builds: what a file of these types will be like, which one is wanted, and what it stands against."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Container, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from companion.core.build_limits import METADATA, refuse_too_small
from companion.core.build_plan import AS_FAST
from companion.core.errors import RecipeError
from companion.core.gguf.header import GGUFHeader
from companion.core.gguf.types import TYPES_BY_NAME
from companion.core.recipes.quantize import USUAL_DIVERGENCE, Budget
from companion.llama.quantize import StockSize, stock_size
from companion.workshop.quantization.allocation import (
    Allocation,
    Choice,
    Limits,
    Measure,
    NoAllocation,
    allocate,
    allocation_of,
    supported,
)
from companion.workshop.quantization.sensitivity import Matrix, Sensitivities
from companion.workshop.quantization.speed import Costs, Pace, SpeedModel

SAME: Final = 1e-3
"""Share of its size, divergence and speed by which a build has to differ from another in one of them: less is noise."""
STOCK: Final = (
    "Q2_K",
    "Q3_K_S",
    "Q3_K_M",
    "Q3_K_L",
    "Q4_0",
    "IQ4_NL",
    "Q4_K_S",
    "Q4_K_M",
    "Q5_0",
    "Q5_K_S",
    "Q5_K_M",
    "Q6_K",
    "Q8_0",
)
"""llama.cpp's recipes that need no importance file."""
TYPICAL: Final = (0.003, 0.01, 0.05, 0.1)
"""Divergences that are asked for beside the usual one, in nats per token."""


class Foreseen(NamedTuple):
    """What a build will be like, before it is built."""

    kinds: dict[str, str]
    bytes: int
    divergence: float
    pace: Pace


class Planner:
    """Foresees builds of one source."""

    def __init__(
        self, header: GGUFHeader, matrices: Sequence[Matrix], found: Sensitivities, costs: Costs, speed: SpeedModel
    ) -> None:
        self._matrices, self._found, self._costs, self._speed = matrices, found, costs, speed
        own = sum(_padded(matrix.nbytes(matrix.kind), header.alignment) for matrix in matrices)
        self._rest = header.file_size - own + METADATA
        self._choices = [
            [
                Choice(
                    kind,
                    _padded(_bytes(matrix, kind), header.alignment),
                    found.damage(matrix.name, kind),
                    costs.of(matrix, kind).write,
                )
                for kind in found.predicted[matrix.name]
            ]
            for matrix in matrices
        ]

    @property
    def smallest(self) -> int:
        """Bytes below which no build can be."""
        return self._rest + int(sum(min(choice.bytes for choice in each) for each in self._choices))

    def best(self, budget: Budget, *, correction: float = 1.0) -> Foreseen:
        """The build that the budget asks for. `correction` is what measured divergences were of foreseen ones.

        Raises RecipeError when none keeps within it.
        """
        refuse_too_small(budget.size, self.smallest)
        limits = Limits(
            bytes=budget.size - self._rest if budget.size else None,
            damage=budget.divergence / correction if budget.divergence else None,
            seconds=1 / budget.speed - self._speed.write_rest if budget.speed else None,
        )
        goal: Measure = "damage"
        if limits.damage is not None or limits == Limits():
            goal, limits = (
                "seconds" if budget.prefer == "speed" else "bytes",
                limits._replace(damage=limits.damage or USUAL_DIVERGENCE / correction),
            )
        try:
            found = allocate(self._choices, goal, limits)
        except NoAllocation:
            raise self._impossible(budget) from None
        return self._foreseen(self._smallest_as_fast(found, limits) if goal == "seconds" else found, correction)

    def _smallest_as_fast(self, fastest: Allocation, limits: Limits) -> Allocation:
        """Which of several types is a hundredth faster is a matter of chance where they are timed; how large they are is not."""
        rest = self._speed.write_rest
        seconds = (rest + fastest.seconds) / AS_FAST - rest
        try:
            return allocate(self._choices, "bytes", limits._replace(seconds=seconds))
        except NoAllocation:  # the solver was given too little time
            return fastest

    def front(self, count: int) -> list[Foreseen]:
        """At most `count` builds between the smallest and the source's precision, each with the least divergence of its size."""
        most = self._rest + int(sum(max(choice.bytes for choice in each if choice.damage == 0) for each in self._choices))
        sizes = [self.smallest + (most - self.smallest) * i // max(1, count - 1) for i in range(count)]
        found = [self.best(Budget(size=size + 1)) for size in sizes]
        return list({tuple(each.kinds.items()): each for each in found}.values())  # few kinds: the same for several sizes

    @property
    def costs(self) -> dict[str, tuple[float, float]]:
        """Seconds of every product, as they can be taken over into another plan."""
        return self._costs.told()

    def all(self) -> list[Foreseen]:
        """Some hundred builds of all sizes and speeds, none beaten by another in everything, and those that a job chooses for
        usual divergences, of several as fast the smallest; the smallest first."""
        found = [self._foreseen(allocation, 1.0) for allocation in supported(self._choices)]
        for divergence in (*TYPICAL, USUAL_DIVERGENCE):
            limits = Limits(damage=divergence)
            with contextlib.suppress(NoAllocation):  # nothing keeps so close
                fastest = allocate(self._choices, "seconds", limits)
                found += [self._foreseen(each, 1.0) for each in (fastest, self._smallest_as_fast(fastest, limits))]
        builds = distinct(found)
        return [build for build in builds if not any(_beats(other, build) for other in builds)]

    def source(self) -> Foreseen:
        """The model as it is."""
        return self.of({matrix.name: matrix.kind.name for matrix in self._matrices})

    def of(self, kinds: Mapping[str, str]) -> Foreseen:
        """A build with these types by matrix. Raises KeyError where one of them was not tried."""
        by_kind = [{choice.kind: choice for choice in each} for each in self._choices]
        taken = [each[kinds[matrix.name]] for matrix, each in zip(self._matrices, by_kind, strict=True)]
        return self._foreseen(allocation_of(taken), 1.0)

    def _foreseen(self, allocation: Allocation, correction: float) -> Foreseen:
        kinds = {matrix.name: kind for matrix, kind in zip(self._matrices, allocation.kinds, strict=True)}
        pace = self._speed.pace(self._costs, self._matrices, allocation.kinds)
        return Foreseen(kinds, self._rest + int(allocation.bytes), allocation.damage * correction, pace)

    def _impossible(self, budget: Budget) -> RecipeError:
        fastest = self._foreseen(allocate(self._choices, "seconds", Limits()), 1.0)
        if budget.speed > fastest.pace.write:
            what = f"No build of this model writes {budget.speed:,.0f} tokens per second on this machine."
            return RecipeError(what, f"The fastest writes about {fastest.pace.write:,.0f}.")
        return RecipeError(
            "No build keeps within all these limits at once.", "Allow more bytes or more divergence, or less speed."
        )


def distinct(builds: Sequence[Foreseen]) -> list[Foreseen]:
    """The smallest first, and of those that nobody could tell apart only the one whose words move least."""
    kept: list[Foreseen] = []
    for build in sorted(builds, key=lambda build: (build.divergence, build.bytes)):
        if not any(_are_alike(build, other) for other in kept):
            kept.append(build)
    return sorted(kept, key=lambda build: build.bytes)


def _beats(one: Foreseen, other: Foreseen) -> bool:
    """Whether it is better or the same in everything; speeds that nobody could tell apart are the same."""
    is_no_larger = one.bytes <= other.bytes and one.divergence <= other.divergence
    is_less = one.bytes < other.bytes or one.divergence < other.divergence
    return is_no_larger and is_less and one.pace.write >= (1 - SAME) * other.pace.write


def _are_alike(one: Foreseen, other: Foreseen) -> bool:
    pairs = ((one.bytes, other.bytes), (one.divergence, other.divergence), (one.pace.write, other.pace.write))
    return all(math.isclose(a, b, rel_tol=SAME) for a, b in pairs)


def matrices_of(header: GGUFHeader, measured: Container[str]) -> list[Matrix]:
    """The matrices of the file that were measured, in its order."""
    tied = all(tensor.name != "output.weight" for tensor in header.tensors)
    output = "token_embd.weight" if tied else "output.weight"
    return [
        Matrix(
            tensor.name,
            tensor.shape[1],
            tensor.shape[0],
            tensor.type,
            is_output=tensor.name == output,
            is_table=tensor.name == "token_embd.weight" != output,
        )
        for tensor in header.tensors
        if tensor.name in measured and len(tensor.shape) == 2
    ]


def stock_for(source: Path, size: int, rest: int) -> str:
    """llama.cpp's own recipe that comes closest to a size, at most a hundredth above it; "" when none is so small."""
    fitting = {name: found.bytes for name, found in stock_sizes(source).items() if found.bytes + rest <= size * 1.01}
    return max(fitting, key=lambda name: fitting[name]) if fitting else ""


@cache
def stock_sizes(source: Path) -> dict[str, StockSize]:
    """What each of llama.cpp's recipes would make of it: a process of half a second for each."""
    return {file_type: stock_size(source, file_type) for file_type in STOCK}


def _bytes(matrix: Matrix, kind: str) -> int:
    return matrix.nbytes(TYPES_BY_NAME[kind])


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
