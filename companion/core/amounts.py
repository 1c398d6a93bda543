"""Amounts as a person reads them."""

from __future__ import annotations


def bytes_text(count: float) -> str:
    """Bytes in decimal units with at most three figures: “980 MB”, “8.03 GB”, “41.2 GB”."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB" if count < 999.5 else f"{count:,.0f} TB"
