"""The front of builds as a picture: size against divergence, llama.cpp's own recipes among them."""

from __future__ import annotations

from collections.abc import Mapping

from companion.core.job import Proven
from companion.core.report import Curve
from companion.workshop.reports.plots import plot

OURS = "fitted"
MEGABYTE = 1e6


def front_picture(found: Mapping[str, Proven], source_bytes: int) -> str:
    """An SVG file. Builds of the front are named “front …”, all others are llama.cpp's."""
    ours = sorted((_point(each) for name, each in found.items() if name.startswith("front ")), reverse=True)
    series = {OURS: tuple(reversed(ours))}
    series |= {name: (_point(each),) for name, each in found.items() if not name.startswith("front ")}
    curve = Curve(
        title="Builds of all sizes",
        x_label=f"megabytes (the source has {source_bytes / MEGABYTE:,.0f})",
        y_label="divergence, nats per token",
        series=series,
        kind="dots",
        explained="Lower and further to the left is better.",
    )
    return plot(curve, alone=True)


def _point(proven: Proven) -> tuple[float, float]:
    return proven.bytes / MEGABYTE, proven.divergence
