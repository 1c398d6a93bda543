"""Everything about one job, redrawn from its folder: state, numbers, charts, samples, results, log."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry
from companion.core.job_history import JobHistory
from companion.core.job_words import data_sentence, plan_sentence
from companion.ui.cards import plain_label
from companion.ui.fold import Fold
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.theme import Theme
from companion.ui.workshop.jobs.job_charts import JobCharts
from companion.ui.workshop.jobs.job_figures import FigureStrip, figures
from companion.ui.workshop.jobs.job_header import JobHeader
from companion.ui.workshop.jobs.job_messages import JobMessages, messages
from companion.ui.workshop.jobs.job_results import JobResults
from companion.ui.workshop.jobs.job_samples import JobSamples
from companion.ui.workshop.jobs.words import log_lines

WIDEST = 1400
SIDE_BY_SIDE = 900
"""From this width on, at the usual size of letters, samples and results stand beside the charts."""
MOST_LOG_EVENTS = 2000


class JobDetails(QWidget):
    """Shows what it is given; what the person wants done is told by `header`."""

    chart_export_requested = Signal(object, str)
    open_requested = Signal(str)
    use_requested = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._history = JobHistory()
        self._logged = 0
        self.header = JobHeader(theme)
        self.messages = JobMessages(theme)
        self.figures = FigureStrip()
        self.charts = JobCharts(theme)
        self.samples = JobSamples(theme)
        self.results = JobResults(theme)
        self.about = Fold(theme, "Data and plan")
        self._about_words = plain_label("muted")
        self.log_fold = Fold(theme, "Log")
        self.log = QPlainTextEdit()
        self._build()
        self.charts.export_requested.connect(self.chart_export_requested)
        self.results.open_requested.connect(self.open_requested)
        self.results.use_requested.connect(self.use_requested)
        self.log_fold.toggled.connect(lambda _open: self._show_log())

    def show_job(self, entry: JobEntry, history: JobHistory, *, another: bool = False) -> None:
        """`another` when a job is shown that was not shown before."""
        another = another or history is not self._history
        self._history = history
        self.header.show_entry(entry)
        self.messages.show_messages(messages(entry, history))
        self.figures.show_figures(figures(entry, history))
        self.charts.show_history(history, another=another)
        self.samples.show_history(history, another=another)
        self.results.show_history(history, another=another)
        self._show_about(history)
        if another:
            self._logged = 0
            self.log.clear()
        self._show_log()

    def show_entry(self, entry: JobEntry) -> None:
        """Only its state is another."""
        self.header.show_entry(entry)
        self.messages.show_messages(messages(entry, self._history))
        self.figures.show_figures(figures(entry, self._history))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = self.width() >= SIDE_BY_SIDE * max(self._theme.font_size / 14, 1.0)
        direction = QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom
        self._body.setDirection(direction)

    def _show_about(self, history: JobHistory) -> None:
        told = []
        if history.data is not None:
            told += [data_sentence(history.data), *history.data.left_out]
        if history.plan is not None:
            told += [plan_sentence(history.plan), *history.plan.sentences]
        self._about_words.setText("\n\n".join(told))
        self.about.setVisible(bool(told))

    def _show_log(self) -> None:
        """What is new goes to its end; nothing is written while it is folded away."""
        events = self._history.log[self._logged :]
        self.log_fold.setVisible(bool(self._history.log))
        if not self.log_fold.is_open or not events:
            return
        self._logged += len(events)
        bar = self.log.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 4
        self.log.appendPlainText("\n".join(line for event in events[-MOST_LOG_EVENTS:] for line in log_lines(event)))
        if follows:
            bar.setValue(bar.maximum())

    def _build(self) -> None:
        self.about.set_content(self._about_words)
        self.log.setReadOnly(True)
        self.log.setAccessibleName("Log of this job")
        self.log.setFixedHeight(220)
        self.log.setTabChangesFocus(True)
        self.log.setMaximumBlockCount(4 * MOST_LOG_EVENTS)
        self.log_fold.set_content(self.log)
        beside = QVBoxLayout()
        beside.setSpacing(12)
        beside.addWidget(self.samples)
        beside.addWidget(self.results)
        beside.addStretch(1)
        charts = QVBoxLayout()
        charts.addWidget(self.charts)
        charts.addStretch(1)
        self._body = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._body.setSpacing(12)
        self._body.addLayout(charts, 3)
        self._body.addLayout(beside, 2)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(16)
        for widget in (self.header, self.messages, self.figures):
            column.addWidget(widget)
        column.addLayout(self._body)
        column.addWidget(self.about)
        column.addWidget(self.log_fold)
        column.addStretch(1)
        fill_page(self, scroll_page(column, WIDEST))
