"""Names that people tell apart."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(names: Sequence[str]) -> list[str]:
    """The same names, each once: one that came before gets a number behind it, such as "dialogues (2)"."""
    found: list[str] = []
    for name in names:
        number, free = 2, name
        while free in found:
            number, free = number + 1, f"{name} ({number})"
        found.append(free)
    return found
