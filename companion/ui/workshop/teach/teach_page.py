"""The page on which a person teaches her: what she is to learn, her learning, or what came of it.

Which of these is shown follows from the jobs, so it is found again however the window or a process ended.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QUrl
from PySide6.QtGui import QCloseEvent, QDesktopServices, QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from companion.app.job_watch import JobWatch
from companion.app.library.adoption import Adoption
from companion.app.taught import Lesson, Taught
from companion.app.teaching import Teaching
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.job_history import JobHistory
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.monitoring.quality_card import QualityCard
from companion.ui.workshop.sections import SECTIONS
from companion.ui.workshop.teach.adopted_bar import AdoptedBar
from companion.ui.workshop.teach.lesson_form import LessonForm
from companion.ui.workshop.teach.lesson_view import LessonView


class TeachPage(QWidget):
    """Follows the jobs while it is shown."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk, self._jobs = desk, desk.jobs
        self.teaching = Teaching(
            desk.datasets, desk.jobs, desk.conversations, desk.characters, desk.engine, desk.preferences, desk.notices
        )
        self.taught = Taught(desk.jobs, desk.conversations, desk.notices, self._adoption)
        self.bar = AdoptedBar(desk.theme)
        self.form = LessonForm(desk, self.teaching)
        self.view = LessonView(desk.theme)
        self.quality = QualityCard(desk, is_open=False)
        self.form.add_card(self.quality)
        self._watch: JobWatch | None = None
        self._drawn: JobHistory | None = None
        self._stack = QStackedWidget()
        self._stack.addWidget(self.form)
        self._stack.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self._stack, 1)
        self._connect()
        self._refresh()

    @property
    def lesson(self) -> Lesson | None:
        """What is shown of her learning; None while the person says what she is to learn."""
        return self.taught.lesson if self._stack.currentWidget() is self.view else None

    def learn_from(self, source: str) -> None:
        """Begin a lesson with this; while she learns something else that stays in sight."""
        self.taught.put_aside()
        self.teaching.add(source)
        self.form.begin()

    def learn_from_talk(self, conversation: int) -> None:
        """Begin a lesson with this conversation, unless nothing is said in it yet."""
        if any(talk.conversation == conversation for talk in self.teaching.talks()):
            self.learn_from(f"{CONVERSATION_PREFIX}{conversation}")
        else:
            self.taught.put_aside()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The program ends: whatever runs for this page ends first."""
        super().closeEvent(event)
        self._leave()
        self.teaching.close()
        self.taught.close()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.teaching.show()
        self._jobs.look()
        self._refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.teaching.hide()
        self._leave()

    # What is shown

    def _refresh(self) -> None:
        lesson = self.taught.lesson
        self.bar.show_change(self.taught.adopted)
        if lesson is None:
            self._leave()
            self._stack.setCurrentWidget(self.form)
        else:
            self._stack.setCurrentWidget(self.view)
            self._follow(lesson)
        self.form.refresh()
        self.form.last_button.setVisible(lesson is None and self.taught.has_put_aside)

    def _follow(self, lesson: Lesson) -> None:
        if self._watch is None or self._watch.folder.id != lesson.entry.id:
            self._leave()
            if not self.isVisible():
                return
            watch = self._watch = self._jobs.watch(lesson.entry.id)
            watch.grew.connect(lambda _history: self._grown(watch))
        self._watch.set_live(lesson.entry.is_computing)
        if not lesson.entry.is_computing:
            self._watch.look()  # a short one may have ended before anybody saw it run
        self._show(lesson, self._watch.history, grown=False)

    def _grown(self, watch: JobWatch) -> None:
        lesson = self.taught.lesson
        if lesson is not None and watch is self._watch and lesson.entry.id == watch.folder.id:
            self._show(lesson, watch.history, grown=True)

    def _show(self, lesson: Lesson, history: JobHistory, *, grown: bool) -> None:
        another, self._drawn = history is not self._drawn, history
        may_compare = "evaluate" in SECTIONS
        self.view.show_lesson(lesson, history, self.taught, another=another, grown=grown, may_compare=may_compare)

    def _leave(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch.deleteLater()
            self._watch = None

    # What the person wants

    def _connect(self) -> None:
        self.teaching.changed.connect(self.form.refresh)
        self.taught.changed.connect(self._refresh)
        self._desk.conversations.changed.connect(self._refresh_if_seen)
        self._desk.datasets.changed.connect(self.form.refresh)
        self.quality.teach_requested.connect(self.form.begin)
        self.bar.roll_back_requested.connect(self.taught.roll_back)
        self.form.last_button.clicked.connect(self.taught.look_again)
        self.view.header.wanted.connect(self._act)
        self.view.outcome.wanted.connect(self._act)
        self.view.else_button.clicked.connect(lambda: self._act("else"))

    def _refresh_if_seen(self) -> None:
        if self.isVisible():
            self.form.refresh()

    def _act(self, what: str) -> None:
        lesson = self.taught.lesson
        if lesson is None:
            return
        job, adapter = lesson.entry.id, str(lesson.adapter or "")
        actions: dict[str, Callable[[], object]] = {
            "pause": lambda: self._jobs.pause(job),
            "resume": lambda: self._jobs.resume(job),
            "cancel": lambda: self._jobs.cancel(job),
            "tonight": lambda: self._jobs.resume(job, tonight=True),
            "retry": lambda: self._jobs.retry(job),
            "delete": lambda: self._jobs.delete(job),
            "reveal": lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._jobs.folder(job).path))),
            "adopt": self.taught.adopt,
            "check": self.taught.stop_check if self.taught.is_checking(lesson) else self.taught.check,
            "report": lambda: self._show_report(lesson),
            "compare": lambda: self._desk.compare(*lesson.sides),
            "again": lambda: self._teach_on(adapter),
            "else": lambda: self._teach_on(""),
        }
        actions[what]()

    def _show_report(self, lesson: Lesson) -> None:
        from companion.core.library.report_list import REPORT

        if (check := self.taught.check_of(lesson)) is not None:
            self._desk.show_report(str(self._jobs.folder(check.id).output / REPORT))

    def _teach_on(self, adapter: str) -> None:
        self.teaching.go_on_from(adapter)
        self.taught.put_aside()
        self.form.begin()

    def _adoption(self) -> Adoption:
        return self._desk.library().adoption
