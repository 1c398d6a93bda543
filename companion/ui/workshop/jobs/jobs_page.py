"""The page of jobs: the list at the left, the one that is looked at beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from companion.app.job_entry import JobEntry, JobPhase
from companion.app.job_watch import JobWatch
from companion.core.library.report_list import REPORT
from companion.ui.card_list import CardList
from companion.ui.charts.chart import Chart
from companion.ui.charts.export import export_chart
from companion.ui.invitation import Invitation
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.jobs.job_charts import suggested_name
from companion.ui.workshop.jobs.job_details import JobDetails
from companion.ui.workshop.jobs.job_row import job_row
from companion.ui.workshop.list_beside import ListBeside

LIST_WIDTH = 260
BOTH_FROM = 660
"""A narrower page shows either the list or a job, at the usual size of letters."""
_ORDER = {JobPhase.RUNNING: 0, JobPhase.PAUSING: 0, JobPhase.ENDING: 0, JobPhase.WAITING: 1}


class JobsPage(QWidget):
    """Follows the jobs while it is shown."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk, self._jobs = desk, desk.jobs
        self._watch: JobWatch | None = None
        self.list = CardList(desk.theme, "Jobs", has_always_one=True)
        self.details = JobDetails(desk.theme)
        self.empty = Invitation()
        self._stack = QStackedWidget()
        self._left = QWidget()
        self._fill_left()
        self._both = ListBeside(desk.theme, self._left, self.details, list_width=LIST_WIDTH, both_from=BOTH_FROM)
        self._build()
        self.list.chosen.connect(self._show)
        self.list.activated.connect(self._both.show_chosen)
        self.list.clicked.connect(self._both.show_chosen)
        self.details.header.wanted.connect(self._act)
        self.details.header.back_requested.connect(self._both.show_list)
        self._both.folded.connect(self.details.header.set_compact)
        self.details.chart_export_requested.connect(self._export_chart)
        self.details.open_requested.connect(self._open_output)
        self.details.use_requested.connect(desk.show_item)
        self._jobs.changed.connect(self._refresh)
        self._jobs.begin()
        self._refresh()

    def show_job(self, job: str) -> None:
        """Look at this one, as soon as it is listed."""
        self.list.choose(job)
        self._show(job)
        self._both.show_chosen()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._jobs.look()
        if self._watch is None and self.list.key:
            self._show(self.list.key)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._leave()

    # What is shown

    def _refresh(self) -> None:
        entries = sorted(self._jobs.entries, key=lambda entry: (_ORDER.get(entry.phase, 2), _place(entry)))
        self._stack.setCurrentWidget(self._both if entries else self.empty)
        self.list.show_rows([job_row(entry) for entry in entries])
        entry = self._jobs.entry(self.list.key)
        if entry is None:
            return
        if self._watch is None or self._watch.folder.id != entry.id:
            self._show(entry.id)
        else:
            self._watch.set_live(entry.is_computing)
            self.details.show_entry(entry)

    def _show(self, job: str) -> None:
        entry = self._jobs.entry(job)
        if entry is None or (self._watch is not None and self._watch.folder.id == job):
            return
        self._leave()
        if not self.isVisible():
            return
        watch = self._watch = self._jobs.watch(job)
        watch.grew.connect(lambda _history: self._grown(watch))
        self.details.show_job(entry, watch.history, another=True)
        watch.look()
        watch.set_live(entry.is_computing)

    def _grown(self, watch: JobWatch) -> None:
        entry = self._jobs.entry(watch.folder.id)
        if entry is not None and watch is self._watch:
            self.details.show_job(entry, watch.history)

    def _leave(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch.deleteLater()
            self._watch = None

    # What the person wants

    def _open_output(self, path: str) -> None:
        """A report is read in the window, from the job's own folder; a copy of it may lie elsewhere."""
        report = self._jobs.folder(self.list.key).output / REPORT
        if path.endswith(report.suffix) and report.is_file():
            self._desk.show_report(str(report))
        else:
            _open(path)

    def _act(self, what: str) -> None:
        job = self.list.key
        if what == "reveal":
            _open(str(self._jobs.folder(job).path))
        elif what == "retry":
            if again := self._jobs.retry(job):
                self.show_job(again)
        else:
            actions: dict[str, Callable[[str], None]] = {
                "pause": self._jobs.pause,
                "resume": self._jobs.resume,
                "tonight": partial(self._jobs.resume, tonight=True),
                "cancel": self._jobs.cancel,
                "delete": self._jobs.delete,
            }
            actions[what](job)

    def _export_chart(self, chart: Chart, form: str) -> None:
        from companion.ui.file_dialogs import ask_where_to_save_chart

        path = ask_where_to_save_chart(self, suggested_name(self.list.key, chart, form))
        if path is not None:
            self.save_chart(chart, path)

    def save_chart(self, chart: Chart, path: Path) -> None:
        """A picture or the numbers, by the name of the file."""
        try:
            export_chart(chart, self._desk.theme, path)
        except OSError as error:
            self._desk.notices.error(
                f"“{path.name}” could not be saved ({error.strerror}).", "Choose another folder, or make room there."
            )

    def _fill_left(self) -> None:
        """Before it stands beside the details: what comes later is reached later with Tab, or never."""
        title = QLabel("Jobs")
        title.setProperty("role", "heading")
        left = QVBoxLayout(self._left)
        left.setContentsMargins(12, 20, 4, 8)
        left.setSpacing(8)
        title.setContentsMargins(12, 0, 0, 0)
        left.addWidget(title)
        left.addWidget(self.list, 1)

    def _build(self) -> None:
        self.empty.sentence.setText("What takes long in the workshop is a job: here you watch it, pause it and find it again.")
        self.empty.button.setText("Teach her something")
        self.empty.button.setProperty("role", "primary")
        self.empty.button.clicked.connect(lambda: self._desk.go("teach"))
        self._stack.addWidget(self._both)
        self._stack.addWidget(self.empty)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        self.setFocusProxy(self.list)
        self.list.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


def _place(entry: JobEntry) -> tuple[float, str]:
    """What waits in the order of its turn, all else the newest first."""
    if entry.phase is JobPhase.WAITING:
        return entry.since, entry.id
    stamp = "".join(letter for letter in entry.id[:15] if letter.isdigit())
    return -float(stamp or 0), entry.id


def _open(path: str) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))
