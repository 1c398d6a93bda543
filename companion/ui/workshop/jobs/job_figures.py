"""The numbers of a job at a glance: one large, the others beside it."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.core.amounts import bytes_text, duration_text
from companion.core.job_history import HELD_OUT, JobHistory
from companion.ui.flow_layout import FlowLayout


class Figure(NamedTuple):
    """`change` stands small behind the value; `is_good` colours it, None does not."""

    title: str
    value: str
    change: str = ""
    is_good: bool | None = None


def figures(entry: JobEntry, history: JobHistory) -> list[Figure]:
    """What is to be told of this job now; the first is the one that counts."""
    found = [*_loss(history), *_folds(history), *_builds(history), *_steps(entry)]
    step = history.last_step
    is_live = entry.phase is JobPhase.RUNNING
    if step is not None and (history.is_training or not entry.is_computing):
        found.append(Figure("Speed", f"{step.tokens_per_second:,.0f} tok/s"))
    if is_live and entry.summary.seconds_left and (not entry.summary.steps or entry.summary.step < entry.summary.steps):
        found.append(Figure("Left", f"about {duration_text(entry.summary.seconds_left)}"))
    if found and history.ended is not None and history.seconds >= 1 and not entry.is_computing:
        found.append(Figure("Took", duration_text(history.seconds)))
    return found


def _loss(history: JobHistory) -> list[Figure]:
    curve = history.curve(HELD_OUT)
    if not len(curve):
        step = history.last_step
        return [Figure("Loss", f"{step.loss:.3g}")] if step is not None else []
    best = history.best_held_out or curve.ys[0]
    change = best - curve.ys[0]
    return [Figure("Held-out loss", f"{best:.3g}", *(_change(change) if history.best_held_out else ()))]


def _change(of_loss: float) -> tuple[str, bool]:
    return f"{of_loss:+.2f}".replace("-", "−"), of_loss < 0


def _folds(history: JobHistory) -> list[Figure]:
    """The mean over the folds of a cross-validation that are finished."""
    found = [(part.before, part.after) for part in history.parts if part.before is not None and part.after is not None]
    if not found:
        return []
    before, after = (fmean(losses) for losses in zip(*found, strict=True))
    return [Figure("Held-out loss, mean", f"{after:.3g}", *_change(after - before))]


def _builds(history: JobHistory) -> list[Figure]:
    if not history.builds:
        return []
    found = history.builds[-1].proven
    faster, doubt = (
        (None, "; uncertain, other programs were busy") if found.is_disturbed else (found.write >= found.source_write, "")
    )
    return [
        Figure("Divergence", f"{found.divergence:.3g}"),
        Figure("Size", bytes_text(found.bytes), f"{found.bits_per_weight:.2f} bits per weight"),
        Figure("Writes", f"{found.write:,.0f} tok/s", f"was {found.source_write:,.0f}{doubt}", faster),
    ]


def _steps(entry: JobEntry) -> list[Figure]:
    return [Figure(entry.counted, entry.place.removeprefix(f"{entry.counted} "))] if entry.place else []


class FigureStrip(QWidget):
    """Side by side, and below one another where there is no room."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[Figure] = []
        self._row = FlowLayout(28, 12)
        self.setLayout(self._row)
        self._tiles: list[_Tile] = []

    def show_figures(self, shown: list[Figure]) -> None:
        if shown == self._shown:
            return
        self._shown = shown
        while len(self._tiles) < len(shown):
            self._tiles.append(_Tile(is_first=not self._tiles))
            self._row.addWidget(self._tiles[-1])
        for number, tile in enumerate(self._tiles):
            tile.setVisible(number < len(shown))
            if number < len(shown):
                tile.show_figure(shown[number])
        self.setVisible(bool(shown))
        self.updateGeometry()


class _Tile(QWidget):
    def __init__(self, *, is_first: bool) -> None:
        super().__init__()
        self._title, self._value, self._change = QLabel(), QLabel(), QLabel()
        self._title.setProperty("role", "caption")
        self._value.setProperty("role", "number" if is_first else "title")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._title)
        column.addWidget(self._value)
        column.addWidget(self._change)
        column.addStretch(1)

    def show_figure(self, figure: Figure) -> None:
        self._title.setText(figure.title)
        self._value.setText(figure.value)
        self._change.setText(figure.change)
        self._change.setVisible(bool(figure.change))
        role = {True: "good", False: "problem", None: "caption"}[figure.is_good]
        if self._change.property("role") != role:
            self._change.setProperty("role", role)
            self._change.style().polish(self._change)
        self.setAccessibleName(f"{figure.title}: {figure.value} {figure.change}".strip())
