"""What she is to learn: four steps that open as one goes, and the start. Earlier steps stay and can be changed."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.app.teaching import Teaching
from companion.ui.cards import plain_label, say
from companion.ui.scroll_page import scroll_page
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.recipe.recipe_page import TONIGHT
from companion.ui.workshop.teach.choices_step import EffortStep, GoalStep
from companion.ui.workshop.teach.found_step import FoundStep
from companion.ui.workshop.teach.sources_step import SourcesStep

WIDEST = 760


class LessonForm(QWidget):
    """Cards of others may stand below the steps (`add_card`)."""

    def __init__(self, desk: Desk, teaching: Teaching) -> None:
        super().__init__()
        self._desk, self._teaching = desk, teaching
        self.sources = SourcesStep(teaching, desk.datasets)
        self.found = FoundStep(desk.theme)
        self.goal = GoalStep()
        self.effort = EffortStep(desk.theme)
        self.problem = plain_label("problem")
        self.start_button, self.tonight_button = QPushButton("Start"), QPushButton("Start tonight")
        self.last_button = QPushButton("What she learned last")
        self.start_note = plain_label("muted")
        self._title = QLabel()
        self._cards = QVBoxLayout()
        self._start = QWidget()
        self.setAcceptDrops(True)
        self._build()
        self.sources.picked.connect(teaching.pick)
        self.found.cleaning_changed.connect(teaching.set_cleans)
        self.goal.chosen.connect(teaching.choose_goal)
        self.effort.chosen.connect(teaching.choose_effort)
        self.effort.measuring_wanted.connect(lambda wanted: teaching.measure() if wanted else teaching.stop_measuring())
        self.start_button.clicked.connect(teaching.start)
        self.tonight_button.clicked.connect(lambda: teaching.start(tonight=True))

    def add_card(self, card: QWidget) -> None:
        """Below the steps."""
        self._cards.addWidget(card)

    def begin(self) -> None:
        """Lead to the first step."""
        self._scroll.verticalScrollBar().setValue(0)

    def refresh(self) -> None:
        teaching, computing = self._teaching, self._desk.jobs.in_the_way
        waits_for = f"“{computing.title}” is done" if computing is not None else ""
        self._title.setText(f"Teach {teaching.her}")
        self.sources.refresh()
        self.found.refresh(teaching)
        self.found.setVisible(teaching.found is not None or bool(teaching.sources and not teaching.problem))
        self.goal.refresh(teaching)
        self.goal.setVisible(teaching.found is not None)
        self.effort.refresh(teaching, waits_for)
        is_ready = teaching.found is not None and teaching.goal is not None
        self.effort.setVisible(is_ready)
        self._start.setVisible(is_ready)
        say(self.problem, teaching.problem)
        is_starting = teaching.is_starting
        for button in (self.start_button, self.tonight_button):
            button.setEnabled(not is_starting)
        self.start_button.setText("Start" if computing is None else "Start after that one")
        note = f"{teaching.progress} …" if is_starting else f"“{computing.title}” is under way." if computing is not None else ""
        self.start_note.setText(note or "You can go on talking with her meanwhile, pause it, or stop it and keep the best.")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        self._teaching.pick((*self._teaching.sources, *files))

    def _build(self) -> None:
        self._title.setProperty("role", "title")
        self.start_button.setProperty("role", "primary")
        self.last_button.setProperty("role", "quiet")
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self.last_button)
        row = QHBoxLayout(self._start)
        row.setContentsMargins(0, 4, 0, 4)
        row.setSpacing(16)
        self.tonight_button.setToolTip(TONIGHT)
        row.addWidget(self.start_note, 1)
        row.addWidget(self.tonight_button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.start_button, 0, Qt.AlignmentFlag.AlignVCenter)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(14)
        column.addLayout(top)
        for widget in (self.sources, self.found, self.goal, self.effort, self.problem, self._start):
            column.addWidget(widget)
        column.addLayout(self._cards)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._scroll = scroll_page(column, WIDEST)
        outer.addWidget(self._scroll)
