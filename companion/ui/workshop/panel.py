"""The workshop as one panel: its navigation, and the page that is shown; each is made when it is first asked for."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from companion.app.job_entry import JobPhase
from companion.ui.section_bar import SectionBar
from companion.ui.stage.stage import Stage
from companion.ui.theme import Theme
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.navigation import Navigation
from companion.ui.workshop.sections import SECTIONS

FOLD_BELOW = 1036
"""A narrower panel has its navigation in a row above the page."""
STAGE_HEIGHT, STAGE_FROM = 220, 700
"""She stands below the navigation when the panel is at least so high."""


class WorkshopPanel(QWidget):
    """`show_page` brings a page to the front."""

    page_changed = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._theme = desk.theme
        self._desk = desk
        self.page = ""
        self.pages: dict[str, QWidget] = {}
        self.navigation = Navigation(desk.theme)
        self.bar = SectionBar(desk.theme, tuple(section.title for section in SECTIONS.values()), 2000)
        self.stage = Stage(desk.theme)
        self.stage.setFixedHeight(STAGE_HEIGHT)
        self.navigation.below.addWidget(self.stage)
        self.stack = QStackedWidget()
        self._top = _Top(desk.theme, self.bar)
        self._build()
        self.navigation.chosen.connect(self.show_page)
        self.bar.chosen.connect(lambda number: self.show_page(list(SECTIONS)[number]))
        desk.jobs.changed.connect(self._count_jobs)
        self._count_jobs()

    def show_page(self, name: str) -> None:
        """One of SECTIONS."""
        page = self.pages.get(name)
        if page is None:
            page = self.pages[name] = SECTIONS[name].make(self._desk)
            self.stack.addWidget(page)
        changed, self.page = name != self.page, name
        self.stack.setCurrentWidget(page)
        self.navigation.set_page(name)
        self.bar.mark(list(SECTIONS).index(name))
        if changed:
            self.page_changed.emit(name)

    def foot_height(self) -> int:
        """Pixels at the bottom of the page that no notice may cover."""
        foot = getattr(self.stack.currentWidget(), "foot", None)
        return foot.height() if isinstance(foot, QWidget) and not foot.isHidden() else 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_narrow = self.width() < FOLD_BELOW
        self.navigation.setVisible(not is_narrow)
        self._top.setVisible(is_narrow)
        self.stage.setVisible(self.height() >= STAGE_FROM)

    def _count_jobs(self) -> None:
        """Below the title of their page."""
        entries = self._desk.jobs.entries
        running = sum(entry.is_computing for entry in entries)
        waiting = sum(entry.phase is JobPhase.WAITING for entry in entries)
        told = [f"{count} {word}" for count, word in ((running, "running"), (waiting, "waiting")) if count]
        self.navigation.set_note("jobs", ", ".join(told))
        self.bar.set_note(list(SECTIONS).index("jobs"), running or waiting, ", ".join(told))

    def _build(self) -> None:
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self._top)
        right.addWidget(self.stack, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.navigation)
        row.addLayout(right, 1)
        self._top.hide()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)


class _Top(QWidget):
    """The row above a page, with a line below it."""

    def __init__(self, theme: Theme, bar: SectionBar) -> None:
        super().__init__()
        self._theme = theme
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 9)
        row.addWidget(bar)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)  # a page that wants more room gets none of it
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, self._theme.colour("line"))
        painter.end()
