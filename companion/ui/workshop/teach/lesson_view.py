"""Her learning: what goes on, how long it takes, the loss as it falls and what she would say; then what came of it."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QPushButton, QVBoxLayout, QWidget

from companion.app.job_entry import OVER, JobPhase
from companion.app.taught import Lesson, Taught
from companion.core.job_history import HELD_OUT, JobHistory
from companion.core.teaching.advice import TROUBLES, advice_for
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.theme import Theme
from companion.ui.workshop.jobs.job_charts import LOSS, ChartCard
from companion.ui.workshop.jobs.job_figures import FigureStrip, figures
from companion.ui.workshop.jobs.job_header import JobHeader
from companion.ui.workshop.jobs.job_messages import JobMessages, Message, messages
from companion.ui.workshop.jobs.job_samples import JobSamples
from companion.ui.workshop.teach.outcome_card import OutcomeCard

WIDEST = 1100
SIDE_BY_SIDE = 820
"""From this width on, at the usual size of letters, what she says stands beside the chart."""
HEIGHT = 200
FEWEST_STEPS = 6
"""A chart of fewer, without a held-out loss, shows which dialogues were harder and nothing else."""
GONE = "What she learned here is no longer there."
BRING_BACK = "If it lies in the trash of the library, bring it back there; else teach her anew."


class LessonView(QWidget):
    """Shows what it is given; what the person wants is told by `header` and `outcome`."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.header = JobHeader(theme)
        self.outcome = OutcomeCard()
        self.messages = JobMessages(theme)
        self.else_button = QPushButton("Teach something else")
        """The way on from a lesson that came to nothing, or rests."""
        self.figures = FigureStrip()
        self.chart = ChartCard(theme, LOSS, HEIGHT)
        self.samples = JobSamples(theme)
        self.chart.more.hide()  # the page of jobs has all charts, and saves them
        charts = QVBoxLayout()
        charts.addWidget(self.chart)
        charts.addStretch(1)
        beside = QVBoxLayout()
        beside.addWidget(self.samples)
        beside.addStretch(1)
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.setSpacing(12)
        self._body.addLayout(charts, 3)
        self._body.addLayout(beside, 2)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(16)
        for widget in (self.header, self.outcome, self.messages, self.figures):
            column.addWidget(widget)
        column.addLayout(self._body)
        column.addWidget(self.else_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        fill_page(self, scroll_page(column, WIDEST))

    def show_lesson(
        self, lesson: Lesson, history: JobHistory, taught: Taught, *, another: bool, grown: bool, may_compare: bool
    ) -> None:
        """`another` when it is not the one that was shown before, `grown` when its history is longer than before."""
        self.header.show_entry(lesson.entry)
        if lesson.adapter is not None:
            self.header.buttons["retry"].hide()  # what came of it has the ways on
        self.outcome.show_lesson(lesson, history, taught, may_compare=may_compare)
        self.else_button.setVisible(lesson.adapter is None and not lesson.is_under_way)
        self.messages.show_messages(_messages(lesson, history))
        self.figures.show_figures(figures(lesson.entry, history))
        if another:
            self.chart.chart.show_all()
        if another or grown:
            can_tell = lesson.is_under_way or len(history.curve("loss")) >= FEWEST_STEPS or len(history.curve(HELD_OUT)) > 1
            self.chart.setVisible(self.chart.show_history(history) and can_tell)
            self.samples.show_history(history, another=another)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = self.width() >= SIDE_BY_SIDE * max(self._theme.font_size / 14, 1.0)
        self._body.setDirection(QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom)


def _messages(lesson: Lesson, history: JobHistory) -> list[Message]:
    """As the page of jobs has them, with advice that Teach can follow."""
    entry = lesson.entry
    if entry.phase in OVER and lesson.is_gone:
        entry = replace(entry, what=GONE, remedy=BRING_BACK)
    elif entry.phase is JobPhase.DONE and entry.remedy:
        what, remedy = advice_for(lesson.recipe)
        entry = replace(entry, what=what, remedy=remedy)
    advice = {trouble.remedy: TROUBLES[trouble.kind] for trouble in history.troubles if trouble.kind in TROUBLES}
    return [each._replace(remedy=advice.get(each.remedy, each.remedy)) for each in messages(entry, history)]
