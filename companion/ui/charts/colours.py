"""The colours of charts: Okabe and Ito's (2008), told apart by people with every kind of colour blindness."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QColor

from companion.ui.palette import Palette

COLOURS: Final[dict[str, tuple[str, str]]] = {
    "blue": ("#0072B2", "#56B4E9"),
    "vermilion": ("#D55E00", "#D55E00"),
    "green": ("#009E73", "#009E73"),
    "purple": ("#AA5585", "#CC79A7"),
    "yellow": ("#8F8200", "#F0E442"),
}
"""On a light and on a dark ground, each at least 3 : 1 against it. The light theme's purple and yellow are darkened: the
originals reach 2.97 and 1.3 on white. Sky blue stands for blue in the dark."""


def chart_colour(name: str, palette: Palette) -> QColor:
    return QColor(COLOURS[name][palette.name == "dark"])
