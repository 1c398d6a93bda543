"""The charts of a job: those its numbers make, and nothing for numbers it does not have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from companion.core.amounts import bytes_text
from companion.core.curve import Curve
from companion.core.job_history import HELD_OUT, TRIED, JobHistory
from companion.ui.charts.chart import Chart
from companion.ui.charts.export import Takeable
from companion.ui.charts.lines import Line, number_text
from companion.ui.chat.icon_button import IconButton
from companion.ui.theme import Theme

MAIN_HEIGHT = 240
BETWEEN_MS = 20
"""Each chart is painted in a frame of its own: six of 100,000 points at once would hold the window for 40 ms."""
WORTH_TELLING = 0.3
"""Share of a step's time that is spent waiting for data."""
TWO_COLUMNS = 560
"""A narrower page has its small charts below one another; at the usual size of letters."""


class _Kind(NamedTuple):
    """One chart: its title, the curves in it with their names, and how its numbers are told."""

    title: str
    curves: tuple[tuple[str, Line], ...]
    value_text: Callable[[float], str] = number_text
    x_word: str = "step"
    log_x: bool = False


def _line(label: str, colour: str, width: float = 1.5, *, marked: bool = False, dashed: bool = False) -> Line:
    return Line(label, Curve(), colour, width, marked, dashed)


def _percent(value: float) -> str:
    return f"{value:.0f} %"


LOSS: Final = _Kind("Loss", (("loss", _line("training", "blue")), (HELD_OUT, _line("held-out", "vermilion", 3.0, marked=True))))
KINDS: Final = (
    LOSS,
    _Kind("Loss over learning rate", ((TRIED, _line("", "vermilion", 2.0, marked=True)),), x_word="rate", log_x=True),
    _Kind("Learning rate", (("learning_rate", _line("", "green", 2.0)),)),
    _Kind("Gradient norm", (("gradient_norm", _line("", "purple")),)),
    _Kind("Speed, tokens per second", (("tokens_per_second", _line("", "blue")),)),
    _Kind(
        "Memory",
        (("memory_bytes", _line("", "green", 2.0)), ("gpu_memory_bytes", _line("GPU", "purple", 2.0, dashed=True))),
        bytes_text,
    ),
    _Kind(
        "Processor",
        (("cpu_percent", _line("", "blue")), ("gpu_percent", _line("GPU", "purple", dashed=True))),
        _percent,
    ),
    _Kind("Waiting for data, share of time", (("data_share", _line("", "yellow")),)),
)
"""Curves of JobHistory; one that stands in none of them gets a chart of its own."""
_KNOWN = {name for kind in KINDS for name, _ in kind.curves}


class ChartCard(QFrame):
    """A chart with its title and what can be done with it."""

    export_requested = Signal(object, str)
    """The chart, and "png" or "csv"."""

    def __init__(self, theme: Theme, kind: _Kind, height: int) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.kind = kind
        self.chart = Chart(theme, kind.title, x_word=kind.x_word, log_x=kind.log_x, height=height, value_text=kind.value_text)
        title = QLabel(kind.title)
        title.setProperty("role", "caption" if kind is not LOSS else "heading")
        self.whole = IconButton(theme, "undo", f"Show all of “{kind.title}” again")
        self.more = IconButton(theme, "download", f"Save “{kind.title}”")
        self.menu = QMenu(self)
        for form, words in (("png", "Save as picture (PNG)…"), ("csv", "Save the numbers (CSV)…")):
            self.menu.addAction(words).triggered.connect(partial(self._export, form))
        self.more.clicked.connect(self._open_menu)
        self.whole.clicked.connect(self.chart.show_all)
        self.whole.hide()
        self.chart.zoomed.connect(self.whole.setVisible)
        self.chart.setToolTip("Drag to look closer, double-click for all of it. Keys: arrows, +, −, 0.")
        row = QHBoxLayout()
        row.addWidget(title, 1)
        row.addWidget(self.whole)
        row.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 10, 10)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.chart, 1)

    def show_history(self, history: JobHistory) -> bool:
        """Whether there is anything to show."""
        lines = [
            line._replace(curve=history.curves[name])
            for name, line in self.kind.curves
            if name in history.curves and _says_something(name, history.curves[name])
        ]
        self.chart.show_lines(lines)
        return bool(lines)

    def _open_menu(self) -> None:
        self.menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _export(self, form: str, _checked: bool = False) -> None:
        self.export_requested.emit(self.chart, form)


class JobCharts(QWidget):
    """The loss large, the rest small below it. They are painted one after another, so that they never hold the window."""

    export_requested = Signal(object, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.cards: dict[str, ChartCard] = {}
        self._shown: tuple[str, ...] = ()
        self._columns = 0
        self._history = JobHistory()
        self._waiting: list[str] = []
        self._painter = QTimer(self, interval=BETWEEN_MS)
        self._painter.timeout.connect(self._show_next)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)

    def show_history(self, history: JobHistory, *, another: bool) -> None:
        """Draw what has grown; `another` when it is that of another job, or begun anew."""
        self._history = history
        extra = tuple(_extra(name) for name in history.curves if name not in _KNOWN)
        kinds = {kind.title: kind for kind in (*KINDS, *extra)}
        wanted = tuple(title for title, kind in kinds.items() if _has_lines(kind, history))
        for title in wanted:
            if title not in self.cards:
                self._make(kinds[title])
        if wanted != self._shown:
            self._shown = wanted
            self._arrange()
        if another:
            for card in self.cards.values():
                card.chart.show_lines(())
                card.chart.show_all()
        self._waiting += [title for title in wanted if title not in self._waiting]
        self._painter.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _make(self, kind: _Kind) -> None:
        card = ChartCard(self._theme, kind, MAIN_HEIGHT if kind is LOSS else 120)
        card.export_requested.connect(self.export_requested)
        self.cards[kind.title] = card

    def _show_next(self) -> None:
        if not self._waiting:
            self._painter.stop()
            return
        card = self.cards[self._waiting.pop(0)]
        card.show_history(self._history)
        card.chart.repaint()  # now: updates would be gathered and all painted together

    def _arrange(self) -> None:
        columns = 2 if self.width() >= TWO_COLUMNS * max(self._theme.font_size / 14, 1.0) else 1
        shown = [self.cards[title] for title in self._shown]
        if columns == self._columns and [card for card in self.cards.values() if card.isVisibleTo(self)] == shown:
            return
        self._columns = columns
        for card in self.cards.values():
            self._grid.removeWidget(card)
            card.setVisible(card in shown)
        place = 0
        for card in shown:
            if card.kind is LOSS:
                self._grid.addWidget(card, 0, 0, 1, columns)
                place = columns
            else:
                self._grid.addWidget(card, place // columns, place % columns)
                place += 1


def suggested_name(job: str, chart: Takeable, form: str) -> Path:
    """What a saved chart is called unless the person says otherwise."""
    words = "-".join("".join(letter if letter.isalnum() else " " for letter in chart.title.lower()).split())
    return Path(f"{job}-{words}.{form}")


def _extra(name: str) -> _Kind:
    return _Kind(name.replace("_", " ").capitalize(), ((name, _line("", "blue")),))


def _has_lines(kind: _Kind, history: JobHistory) -> bool:
    return any(name in history.curves and _says_something(name, history.curves[name]) for name, _ in kind.curves)


def _says_something(name: str, curve: Curve) -> bool:
    """A machine without a graphics card tells zeros of it, and data that never lets the processor wait is no news."""
    if not len(curve):
        return False
    greatest = curve.extremes(0, len(curve))[1]
    return greatest > WORTH_TELLING if name == "data_share" else greatest != 0 or name not in {"gpu_memory_bytes", "gpu_percent"}
