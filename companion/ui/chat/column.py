"""Where the reading column stands: the messages, and the composer below them."""

from __future__ import annotations

WIDEST = 720
MARGIN, COMPACT_MARGIN = 24, 16


def column(width: int, compact: bool) -> tuple[int, int]:
    """Left edge and width of the column in a page of this width."""
    wide = max(min(WIDEST, width - 2 * (COMPACT_MARGIN if compact else MARGIN)), 120)
    return max((width - wide) // 2, 0), wide
