"""What builds of a model would be like on this machine, as a job has foreseen them: a window chooses among them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from companion.core.amounts import bytes_text
from companion.core.files import read_json
from companion.core.hardware import fingerprint, probe
from companion.core.paths import cache_folder
from companion.core.recipes.quantize import USUAL_DIVERGENCE, Budget

VERSION: Final = 1
"""Counts up when a plan means something else."""
AS_FAST: Final = 0.97
"""A speed that is so many times another one is the same: more is noise where types are timed."""
LEAST_DIVERGENCE: Final = 1e-4
"""Nats per token: what moves the words less cannot be told from the source by anybody."""


class ForeseenBuild(msgspec.Struct, frozen=True, kw_only=True):
    """One build that could be made. Divergence is mean nats per token from the source, speeds are tokens per second."""

    bytes: int
    divergence: float
    read: float
    write: float
    kinds: dict[str, int]
    """How many matrices have each type, the most frequent first."""
    name: str = ""
    """Of llama.cpp's recipe, such as “Q4_K_M”; empty for a fitted build."""


class MatrixBears(msgspec.Struct, frozen=True, kw_only=True):
    """What one matrix can bear."""

    own: str
    """Its type in the source."""
    damage: dict[str, float]
    """Nats per token by which the next word's chances move when it alone is packed as this type."""
    measured: bool = False
    """Whether a measurement of this very matrix stands behind it, and not only those of its sort."""


class BuildPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was foreseen of one model."""

    version: int = VERSION
    machine: str
    """Fingerprint of the computer whose speeds these are."""
    model: str
    """The file's name."""
    when: float
    """Seconds since the epoch."""
    source: ForeseenBuild
    """The model as it is."""
    builds: tuple[ForeseenBuild, ...]
    """None is beaten by another in size, divergence and speed at once; the smallest first."""
    stock: tuple[ForeseenBuild, ...] = ()
    """llama.cpp's own recipes, as close as they would be if they knew which columns matter."""
    matrices: dict[str, MatrixBears]
    costs: dict[str, tuple[float, float]]
    """Seconds of one product while writing and, per token, while reading, by type and shape; what the speeds come of."""

    def best(self, budget: Budget) -> ForeseenBuild | None:
        """What a job would choose for this budget (`Planner.best`), of those foreseen; None when none keeps within it."""
        divergence = budget.divergence or (0.0 if budget.size or budget.speed else USUAL_DIVERGENCE)
        fitting = [
            build
            for build in self.builds
            if (not budget.size or build.bytes <= budget.size)
            and (not divergence or build.divergence <= divergence)
            and build.write >= budget.speed
        ]
        if not divergence:
            return min(fitting, key=lambda build: (build.divergence, build.bytes), default=None)
        if budget.prefer == "size":
            return min(fitting, key=lambda build: (build.bytes, build.divergence), default=None)
        fastest = max((build.write for build in fitting), default=0.0)
        as_fast = (build for build in fitting if build.write >= AS_FAST * fastest)
        return min(as_fast, key=lambda build: (build.bytes, build.divergence), default=None)

    def is_as_it_is(self, build: ForeseenBuild) -> bool:
        """Whether this build would be the model once more."""
        return build.kinds == self.source.kinds and build.divergence < LEAST_DIVERGENCE

    def refusal(self, budget: Budget) -> str:
        """Why no build keeps within the budget, and what would: two sentences."""
        smallest, fastest = self.builds[0], max(self.builds, key=lambda build: build.write)
        if budget.size and budget.size < smallest.bytes:
            return f"No build is so small. The smallest takes {bytes_text(smallest.bytes)}."
        if budget.speed > fastest.write:
            return f"No build writes so fast here. The fastest writes {fastest.write:,.0f} tokens per second."
        return "No build keeps within all these limits at once. Allow more bytes or more divergence, or less speed."


def plan_file(sha256: str) -> Path:
    """Where the plan for a model of this checksum on this machine is kept."""
    return cache_folder() / "plans" / f"{sha256[:32]}-{fingerprint(probe())}.json"


def read_plan(file: Path) -> BuildPlan | None:
    """None when there is none, it is damaged, or it was made by another version or on another machine."""
    plan = read_json(file, BuildPlan)
    is_ours = plan is not None and plan.builds and (plan.version, plan.machine) == (VERSION, fingerprint(probe()))
    return plan if is_ours else None
