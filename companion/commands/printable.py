"""Text of a card or a model on its way to a terminal."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Text without the control characters by which a card or a model could steer the terminal."""
    return "".join(c for c in text if c in "\n\t" or not unicodedata.category(c).startswith("C") or c in "\u200d\u200c")
