"""The builds of a model that a person may choose among, foreseen and kept: `core/build_plan.py` says what for."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from pathlib import Path

import msgspec

from companion.core.build_plan import BuildPlan, ForeseenBuild, MatrixBears
from companion.core.files import write_atomic
from companion.core.hardware import fingerprint, probe
from companion.workshop.quantization.builds import Foreseen, Planner, stock_sizes
from companion.workshop.quantization.sensitivity import Matrix, Sensitivities


def write_plan(file: Path, source: Path, planner: Planner, matrices: list[Matrix], found: Sensitivities) -> BuildPlan:
    """Raises OSError."""
    stock = []
    for name, size in stock_sizes(source).items():
        with contextlib.suppress(KeyError):  # it uses a type that was not tried
            stock.append(_told(planner.of(size.kinds), name))
    plan = BuildPlan(
        machine=fingerprint(probe()),
        model=source.name,
        when=time.time(),
        source=_told(planner.source()),
        builds=tuple(map(_told, planner.all())),
        stock=tuple(sorted(stock, key=lambda build: build.bytes)),
        matrices={
            matrix.name: MatrixBears(
                own=matrix.kind.name,
                damage={kind: found.damage(matrix.name, kind) for kind in found.predicted[matrix.name]},
                measured=matrix.name in found.anchors,
            )
            for matrix in matrices
        },
        costs=planner.costs,
    )
    write_atomic(file, msgspec.json.encode(plan))
    return plan


def _told(foreseen: Foreseen, name: str = "") -> ForeseenBuild:
    return ForeseenBuild(
        bytes=foreseen.bytes,
        divergence=foreseen.divergence,
        read=foreseen.pace.read,
        write=foreseen.pace.write,
        kinds=dict(Counter(foreseen.kinds.values()).most_common()),
        name=name,
    )
