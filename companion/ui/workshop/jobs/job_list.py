"""The list of jobs: what each is called, in which state it is, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.core.amounts import duration_text
from companion.ui.theme import Theme
from companion.ui.workshop.jobs.phase_chip import COLOURS, MARKS
from companion.ui.workshop.jobs.words import when

Index = QModelIndex | QPersistentModelIndex
PADDING, GAP, BAR = 12, 4, 4
ENTRY: Final = Qt.ItemDataRole.UserRole + 1
_NOWHERE = QModelIndex()


def state_text(entry: JobEntry) -> str:
    """“12 of 50, 2 min left”, “done, today 14:03”."""
    summary = entry.summary
    if entry.phase is JobPhase.RUNNING and summary.steps and summary.step:
        left = f", {duration_text(summary.seconds_left)} left" if summary.seconds_left else ""
        return f"{summary.step:,} of {summary.steps:,}{left}"
    return ", ".join(filter(None, (entry.state_words, when(summary.began))))


class JobListModel(QAbstractListModel):
    """A row per JobEntry, in the order it is given; rows that stay are changed where they are."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[JobEntry, ...] = ()

    def show_entries(self, entries: Sequence[JobEntry]) -> None:
        new = tuple(entries)
        if [entry.id for entry in new] != [entry.id for entry in self.entries]:
            self.beginResetModel()
            self.entries = new
            self.endResetModel()
            return
        before, self.entries = self.entries, new
        for row, (old, entry) in enumerate(zip(before, new, strict=True)):
            if old != entry:
                self.dataChanged.emit(self.index(row), self.index(row))

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role == ENTRY:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(dict.fromkeys((entry.title, entry.kind_words, entry.state_words, *state_text(entry).split(", "))))
        return None

    def row_of(self, job: str) -> int:
        return next((row for row, entry in enumerate(self.entries) if entry.id == job), -1)


class JobDelegate(QStyledItemDelegate):
    """A title with its mark, a line of state, and how far it is while it runs."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        title, caption = QFontMetrics(self._theme.font()).height(), QFontMetrics(self._theme.font(12)).height()
        return QSize(160, title + caption + 22 + BAR + GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: JobEntry = index.data(ENTRY)
        card = QRectF(option.rect).adjusted(0, 0, 0, -GAP)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(option.rect)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            ground = self._theme.colour("raised")
            ground.setAlphaF(1.0 if chosen else 0.5)
            painter.setBrush(ground)
            has_focus = chosen and bool(option.state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(QPen(self._theme.colour("accent"), 2) if has_focus else Qt.PenStyle.NoPen)
            painter.drawRoundedRect(card.adjusted(1, 1, -1, -1), 10, 10)
        self._paint_words(painter, card, entry, chosen)
        painter.restore()

    def _paint_words(self, painter: QPainter, card: QRectF, entry: JobEntry, chosen: bool) -> None:
        font, small = self._theme.font(14, 600 if chosen else 400), self._theme.font(12)
        metrics, captions = QFontMetrics(font), QFontMetrics(small)
        left, top = card.left() + PADDING, card.top() + 9
        mark = MARKS.get(entry.phase, "○")
        indent = QFontMetrics(self._theme.font()).horizontalAdvance("●") + 8
        painter.setFont(font)
        painter.setPen(self._theme.colour(COLOURS[entry.phase]))
        painter.drawText(round(left), round(top + metrics.ascent()), mark)
        painter.setPen(self._theme.colour("text"))
        room = round(card.width() - 2 * PADDING - indent)
        words = metrics.elidedText(entry.title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(round(left + indent), round(top + metrics.ascent()), words)
        painter.setFont(small)
        painter.setPen(self._theme.colour("muted"))
        line = top + metrics.height() + 2
        caption = captions.elidedText(state_text(entry), Qt.TextElideMode.ElideRight, room)
        painter.drawText(round(left + indent), round(line + captions.ascent()), caption)
        if entry.is_computing and entry.fraction:
            bar = QRectF(left + indent, line + captions.height() + 3, room, BAR)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("line"))
            painter.drawRoundedRect(bar, BAR / 2, BAR / 2)
            bar.setWidth(bar.width() * entry.fraction)
            painter.setBrush(self._theme.colour("accent"))
            painter.drawRoundedRect(bar, BAR / 2, BAR / 2)


class JobList(QListView):
    """Which job is looked at; the one that was stays, wherever the others go."""

    chosen = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.jobs = JobListModel()
        self._job = ""
        self.setModel(self.jobs)
        self.setItemDelegate(JobDelegate(theme, self))
        self.setProperty("role", "cards")
        self.setAccessibleName("Jobs")
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self.jobs.layoutChanged)

    @property
    def job(self) -> str:
        """Id of the one that is chosen, empty without any."""
        return self._job

    def show_entries(self, entries: Sequence[JobEntry]) -> None:
        row = self.currentIndex().row()
        self.jobs.show_entries(entries)
        if self.jobs.row_of(self._job) != self.currentIndex().row() or not self.currentIndex().isValid():
            there = self.jobs.row_of(self._job)
            self.choose_row(there if there >= 0 else min(max(row, 0), len(entries) - 1))

    def choose(self, job: str) -> None:
        """One that is not listed yet is chosen as soon as it is."""
        self._job = job
        if (row := self.jobs.row_of(job)) >= 0:
            self.choose_row(row)

    def choose_row(self, row: int) -> None:
        self.setCurrentIndex(self.jobs.index(row))

    def _current_changed(self, current: QModelIndex, _before: QModelIndex) -> None:
        job = self.jobs.entries[current.row()].id if current.isValid() else ""
        if current.isValid() and job != self._job:
            self._job = job
        if current.isValid():
            self.chosen.emit(job)
