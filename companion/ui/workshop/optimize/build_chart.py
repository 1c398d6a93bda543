"""Builds as marks: size against divergence, the shape by what they are, and the colour by how fast they write."""

from __future__ import annotations

from typing import Final, NamedTuple

from companion.core.amounts import bytes_text
from companion.core.build_plan import LEAST_DIVERGENCE, BuildPlan, ForeseenBuild
from companion.core.job_words import UNCERTAIN
from companion.core.proven_builds import ProvenBuild
from companion.core.recipes.quantize import Budget
from companion.ui.charts.scatter import Mark, Shape

MEGABYTE: Final = 1e6
FASTER, SLOWER = 1.1, 0.95
"""A build that writes so many times as fast as the source counts as faster, or slower."""
LEGEND: Final = (
    "Further down and to the left is better. Small marks are foreseen: ▲ writes faster than now, ● as fast, ▼ more slowly. "
    "◆ was measured, □ is one of llama.cpp’s own recipes as it is foreseen at best."
)
HAIR: Final = 1 - 1e-6
"""Of its speed that is asked for when a build is chosen: it is not to miss its own."""


class Drawn(NamedTuple):
    marks: list[Mark]
    line: list[tuple[float, float]]
    """Through the foreseen builds that no other beats in size and divergence."""
    budgets: list[Budget]
    """What is asked for when a mark is chosen, by its number."""


def drawn(plan: BuildPlan, proven: tuple[ProvenBuild, ...]) -> Drawn:
    """Foreseen builds come first, in the order of the plan."""
    now = plan.source.write
    marks = [_foreseen(build, now) for build in plan.builds]
    budgets = [Budget(size=build.bytes, speed=build.write * HAIR) for build in plan.builds]
    for build in plan.stock:
        told = (f"{build.name}, llama.cpp’s own recipe, foreseen", *_told(build))
        marks.append(Mark(build.bytes / MEGABYTE, build.divergence, "square", _colour(build.write, now), told, build.name, True))
        budgets.append(Budget(size=build.bytes))
    for made in proven:
        found = made.proven
        heading = f"{made.name or 'A fitted build'}, measured"
        told = (
            heading,
            f"{bytes_text(found.bytes)}, {found.bits_per_weight:.2f} bits per weight",
            f"divergence {found.divergence:.4f}, same likeliest word {found.same_top:.1%}",
            f"writes {found.write:,.0f} tok/s, the source {found.source_write:,.0f}",
            f"reads {found.read:,.0f} tok/s, the source {found.source_read:,.0f}",
            *([UNCERTAIN] if found.is_disturbed else []),
        )
        marks.append(
            Mark(found.bytes / MEGABYTE, found.divergence, "diamond", _colour(found.write, found.source_write), told, made.name)
        )
        budgets.append(Budget(size=found.bytes))
    return Drawn(marks, _envelope(plan), budgets)


def mixture(kinds: dict[str, int]) -> str:
    """“131 × Q4_1, 50 × IQ4_NL”."""
    return ", ".join(f"{count} × {kind}" for kind, count in kinds.items())


def _foreseen(build: ForeseenBuild, now: float) -> Mark:
    shape: Shape = "up" if build.write >= FASTER * now else "down" if build.write < SLOWER * now else "circle"
    told = ("Foreseen", *_told(build))
    return Mark(build.bytes / MEGABYTE, build.divergence, shape, _colour(build.write, now), told, size=3.2)


def _told(build: ForeseenBuild) -> tuple[str, ...]:
    speeds = f"writes {build.write:,.0f} tok/s, reads {build.read:,.0f}"
    kinds = dict(list(build.kinds.items())[:4])
    more = f" and {len(build.kinds) - len(kinds)} more types" if len(build.kinds) > len(kinds) else ""
    return f"{bytes_text(build.bytes)}, divergence {build.divergence:.4f}", speeds, f"{mixture(kinds)}{more}"


def _colour(write: float, now: float) -> str:
    return "green" if write >= FASTER * now else "purple" if write < SLOWER * now else "blue"


def _envelope(plan: BuildPlan) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for build in plan.builds:
        if not found or build.divergence < found[-1][1]:
            found.append((build.bytes / MEGABYTE, build.divergence))
        if build.divergence < LEAST_DIVERGENCE:
            break
    return found
