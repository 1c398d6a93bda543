"""The small charts of the card: what went wrong by day or week, and her moods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QLabel, QVBoxLayout, QWidget

from companion.core.curve import Curve
from companion.core.monitoring.quality import Quality
from companion.core.monitoring.signals import SIGNALS, Period
from companion.ui.charts.chart import Chart
from companion.ui.charts.lines import Line
from companion.ui.theme import Theme

HEIGHT: Final = 130
LEAST_PERIODS: Final = 2
"""One point is no line."""
MOODS: Final = 3
SIDE_BY_SIDE: Final = 560
"""A narrower card has them below one another; at the usual size of letters."""
_COLOURS: Final = ("blue", "vermilion", "green", "purple", "yellow")


class QualityCharts(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.charts: dict[str, Chart] = {}
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        self._titles: dict[str, QLabel] = {}
        self._days = 0

    def show_quality(self, found: Quality) -> None:
        if found.days != self._days:
            self._days = found.days
            self._make("week" if found.days > 1 else "day")
        self.charts["signals"].show_lines(_signal_lines(found.periods))
        self.charts["moods"].show_lines(_mood_lines(found.periods))
        for name, chart in self.charts.items():
            for widget in (chart, self._titles[name]):
                widget.setVisible(bool(chart.lines))
        self.setVisible(any(chart.lines for chart in self.charts.values()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = self.width() >= SIDE_BY_SIDE * max(self._theme.font_size / 14, 1.0)
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom)

    def _make(self, word: str) -> None:
        """Days have become weeks, or this is the first time."""
        while (item := self._row.takeAt(0)) is not None:
            if (layout := item.layout()) is not None:
                layout.deleteLater()
        for old in (*self.charts.values(), *self._titles.values()):
            old.deleteLater()
        titles = {"signals": f"What went wrong, share of replies by {word}", "moods": f"Her moods, share of replies by {word}"}
        for name, title in titles.items():
            self.charts[name] = Chart(self._theme, title, x_word=word, height=HEIGHT, value_text=_percent)
            self._titles[name] = QLabel(title)
            self._titles[name].setProperty("role", "caption")
            self._titles[name].setWordWrap(True)
            column = QVBoxLayout()
            column.setSpacing(0)
            column.addWidget(self._titles[name])
            column.addWidget(self.charts[name], 1)
            self._row.addLayout(column, 1)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 or not share else f"{100 * share:.1f} %"


def _signal_lines(periods: tuple[Period, ...]) -> list[Line]:
    """Those that have ever been more than nothing."""
    lines = [
        Line(signal.title, _curve(periods, lambda period: period.shares.get(signal.name)), colour, 2.0, marked=True)  # noqa: B023
        for signal, colour in zip(SIGNALS, _COLOURS, strict=True)
    ]
    return [line for line in lines if len(line.curve) >= LEAST_PERIODS and line.curve.extremes(0, len(line.curve))[1] > 0]


def _mood_lines(periods: tuple[Period, ...]) -> list[Line]:
    """The moods she was in most, but for the one that is none."""
    weights: dict[str, float] = {}
    for period in periods:
        for mood, share in period.moods.items():
            weights[mood] = weights.get(mood, 0.0) + share * period.replies
    weights.pop("neutral", None)
    commonest = sorted(weights, key=lambda mood: -weights[mood])[:MOODS]
    read = tuple(period for period in periods if period.moods)
    lines = [
        Line(mood, _curve(read, lambda period: period.moods.get(mood, 0.0)), colour, 2.0, marked=True)  # noqa: B023
        for mood, colour in zip(commonest, _COLOURS, strict=False)
    ]
    return [line for line in lines if len(line.curve) >= LEAST_PERIODS]


def _curve(periods: tuple[Period, ...], share: Callable[[Period], float | None]) -> Curve:
    curve = Curve()
    for period in periods:
        if (value := share(period)) is not None:
            curve.add(period.number, value)
    return curve
