"""Connects the workshop with the rest of the program: made when it is first needed, asked when the window closes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QStackedWidget

from companion.app.background import Background
from companion.app.characters import Characters
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.notices import Notice, Notices, Tone
from companion.app.preferences import Preferences
from companion.core.job import CROSS_VALIDATION, JOBS_FOLDER, REPORTING, WANTED_FILE
from companion.core.paths import data_folder, own_addons_folder
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from companion.app.addons import Addons
    from companion.app.datasets import Datasets
    from companion.app.downloads import Downloads
    from companion.app.headroom_watch import HeadroomWatch
    from companion.app.job_entry import JobEntry
    from companion.app.jobs import Jobs
    from companion.app.library.library import Library
    from companion.app.nights import Nights
    from companion.core.hardware import Hardware
    from companion.ui.workshop.desk import Side
    from companion.ui.workshop.jobs.jobs_page import JobsPage
    from companion.ui.workshop.panel import WorkshopPanel
    from companion.ui.workshop.teach.teach_page import TeachPage

LOOK_MS = 3000
"""After the start: whether work of the last time waits to go on. The model is loading until about then."""
_SEEN_ON = {"evaluate": ("jobs", "teach", "evaluate"), CROSS_VALIDATION: ("jobs", "evaluate")}
"""Pages that show how a job of this kind ends; all others are seen among the jobs only, and a lesson where it was begun."""
_ONE_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z“])")
Answer = Literal["go on", "pause", ""]


class WorkshopWiring(QObject):
    """Nothing of the workshop is imported before somebody goes there, or work waits from the last time."""

    stage_made = Signal(object)
    """A FigureWidget: she stands in the workshop, too."""

    def __init__(
        self,
        theme: Theme,
        stack: QStackedWidget,
        notices: Notices,
        preferences: Preferences,
        engine: Engine,
        conversations: Conversations,
        characters: Characters,
        library: Callable[[], Library],
        downloads: Callable[[], Downloads],
        reload_model: Callable[[], None],
        go: Callable[[str], None],
    ) -> None:
        """`go` leads the whole window to a page by its name."""
        super().__init__()
        self._theme = theme
        self._stack = stack
        self._notices = notices
        self._preferences = preferences
        self._engine = engine
        self._conversations = conversations
        self._characters = characters
        self._library = library
        self._downloads = downloads
        self._reload_model = reload_model
        self._go = go
        self._machine: Background | None = None
        self._nights: Nights
        self._headroom: HeadroomWatch
        self._told: dict[str, Notice] = {}
        """How jobs ended that nobody looked at then."""
        self._to_go_on: dict[str, str] = {}
        """Jobs that another window left wanted, and what is said when they compute."""
        self._is_closed = False

    @cached_property
    def jobs(self) -> Jobs:
        from companion.app.jobs import Jobs

        jobs = Jobs(self._notices, self._preferences)
        jobs.ended.connect(self._tell_end)
        self._surround(jobs)
        return jobs

    def _surround(self, jobs: Jobs) -> None:
        """What lets jobs wait and give way: the night, and memory that gets tight."""
        from companion.app.headroom_watch import HeadroomWatch
        from companion.app.nights import Nights
        from companion.ui.input_watch import input_watch

        self._nights = Nights(jobs, self._engine, self._preferences, self._notices)
        self._headroom = HeadroomWatch(jobs, self._notices)
        input_watch(self._stack.window()).touched.connect(self._nights.touch)

    @cached_property
    def datasets(self) -> Datasets:
        from companion.app.datasets import Datasets

        return Datasets()

    @cached_property
    def addons(self) -> Addons:
        from companion.app.addons import Addons

        return Addons(self._engine, self._notices)

    @cached_property
    def panel(self) -> WorkshopPanel:
        from companion.ui.workshop.desk import Desk
        from companion.ui.workshop.panel import WorkshopPanel

        desk = Desk(
            self._theme, self.jobs, self._notices, self._preferences, self._engine, self._conversations, self._characters,
            self.datasets, self._library, self._downloads, lambda: self.addons, self._reload_model, self.show, self.show_job,
            self.show_report, self.show_item, self.learn_from, self.compare,
        )  # fmt: skip
        panel = WorkshopPanel(desk)
        panel.page_changed.connect(lambda _page: QTimer.singleShot(0, self, self._withdraw_seen))
        self._stack.addWidget(panel)
        self.stage_made.emit(panel.stage)
        self._machine = Background(parent=self)
        self._machine.run(_probe, lambda found: panel.navigation.machine.setText(machine_words(found)))
        return panel

    def start(self) -> None:
        """The window is there: look, a little later, for work that is to go on, and for what an update left unchecked."""
        QTimer.singleShot(LOOK_MS, self, self._look_for_work)

    def show(self, page: str = "") -> None:
        """Bring a page of the workshop to the front; the one that was shown last, or the first, when none is named."""
        first = next(iter(self.panel.navigation.buttons))
        self.panel.show_page(page or self.panel.page or first)
        self._stack.setCurrentWidget(self.panel)
        QTimer.singleShot(0, self, self._withdraw_seen)

    def foot_height(self) -> int:
        """Pixels at the bottom of the page that no notice may cover."""
        return self.panel.foot_height() if "panel" in self.__dict__ else 0

    def show_job(self, job: str) -> None:
        """Lead the window to a job."""
        self._go("workshop")
        self.show("jobs")
        self._jobs_page.show_job(job)

    def show_report(self, file: str) -> None:
        """Lead to a report, which is read in the window."""
        from companion.ui.workshop.evaluate.evaluate_page import EvaluatePage

        self.show("evaluate")
        page = self.panel.pages["evaluate"]
        if isinstance(page, EvaluatePage):
            page.show_when_listed(file)

    def show_item(self, file: str) -> None:
        """Lead to a model or an adapter in the library."""
        from companion.ui.workshop.library.library_page import LibraryPage

        self.show("library")
        page = self.panel.pages["library"]
        if isinstance(page, LibraryPage):
            page.show_item(file)

    def learn_from(self, source: str) -> None:
        """Lead to the page on which one teaches, with a dataset among what is learned from."""
        self.show("teach")
        self._teach_page.learn_from(source)

    def teach(self) -> None:
        """Lead the window to a lesson that begins with the open conversation."""
        self._go("workshop")
        self.show("teach")
        if (current := self._conversations.current) is not None:
            self._teach_page.learn_from_talk(current.id)

    def compare(self, one: Side, other: Side) -> None:
        """Lead to the form of a blind test, with these two chosen."""
        from companion.ui.workshop.evaluate.evaluate_page import EvaluatePage

        self.show("evaluate")
        page = self.panel.pages["evaluate"]
        if isinstance(page, EvaluatePage):
            page.compare_blind(one, other)

    def may_close(self) -> bool:
        """Asks once what becomes of a running job, and remembers the answer; False when the window is to stay."""
        own = self.jobs.own if "jobs" in self.__dict__ else None
        if own is None or own.tonight or own.is_quiet or self._preferences.settings.jobs_on_close != "ask":
            return True
        answer = self.ask(own)
        if answer:
            self._preferences.update(jobs_on_close=answer)
        return bool(answer)

    def ask(self, entry: JobEntry) -> Answer:
        """What becomes of this job without the window; empty when the window is to stay."""
        from companion.ui.workshop.closing_question import ask_about_job

        return ask_about_job(self._stack.window(), entry.title)

    def close(self) -> None:
        """The program ends. May be called twice."""
        self._is_closed = True
        for page in self.panel.pages.values() if "panel" in self.__dict__ else ():
            page.close()  # each ends what runs for it
        if self._machine is not None:
            self._machine.close()
        if "addons" in self.__dict__:
            self.addons.close()
        if "datasets" in self.__dict__:
            self.datasets.close()
        if "jobs" in self.__dict__:
            self._nights.close()
            self._headroom.close()
            self.jobs.close()

    @property
    def _jobs_page(self) -> JobsPage:
        from companion.ui.workshop.jobs.jobs_page import JobsPage

        page = self.panel.pages["jobs"]
        if not isinstance(page, JobsPage):
            raise TypeError("the page of jobs is another")
        return page

    @property
    def _teach_page(self) -> TeachPage:
        from companion.ui.workshop.teach.teach_page import TeachPage

        page = self.panel.pages["teach"]
        if not isinstance(page, TeachPage):
            raise TypeError("the page on which one teaches is another")
        return page

    def _look_for_work(self) -> None:
        if not self._is_closed and own_addons_folder().is_dir():
            self.addons.check_anew()
        if not self._is_closed and any(data_folder().glob(f"{JOBS_FOLDER}/*/{WANTED_FILE}")):
            from companion.core.job_folder import JobFolder

            if "jobs" not in self.__dict__:  # else what waits may have been asked for in this window
                wanted = [JobFolder(file.parent) for file in data_folder().glob(f"{JOBS_FOLDER}/*/{WANTED_FILE}")]
                self._to_go_on = {job.id: "goes on where it was" if job.events_file.exists() else "begins" for job in wanted}
                self.jobs.changed.connect(self._tell_going_on)
            self.jobs.begin()

    def _tell_going_on(self) -> None:
        """What was asked for in another window computes here now."""
        for entry in self.jobs.entries:
            words = self._to_go_on.pop(entry.id, "") if entry.is_computing else ""
            if words and not entry.is_quiet and not self._is_seen(entry):
                what = f"“{entry.title}” {words}."
                self._notices.raise_notice(Notice(Tone.INFORMATION, what, "", "Look", partial(self.show_job, entry.id)))

    def _is_seen(self, entry: JobEntry) -> bool:
        """Whether the person looks at how it ended."""
        if "panel" not in self.__dict__ or not self.panel.isVisible():
            return False
        if self.panel.page == "teach" and entry.summary.kind != "evaluate":
            lesson = self._teach_page.lesson
            return lesson is not None and lesson.entry.id == entry.id
        return self.panel.page in _SEEN_ON.get(entry.summary.kind, ("jobs",))

    def _tell_end(self, entry: JobEntry) -> None:
        """A notice, unless the person is looking at the jobs, or at her learning."""
        from companion.app.job_entry import JobPhase

        if entry.is_quiet or self._is_seen(entry):
            return
        tones = {JobPhase.DONE: Tone.SUCCESS, JobPhase.FAILED: Tone.ERROR, JobPhase.STOPPED: Tone.ERROR}
        what, more = f"“{entry.title}” is {entry.state_words}.", f"{entry.what} {entry.remedy}".strip()
        if entry.phase is JobPhase.DONE or entry.summary.outputs:
            more = _ONE_SENTENCE.split(more, maxsplit=1)[0]  # the rest stands where “Look” leads
        tone = tones.get(entry.phase, Tone.INFORMATION)
        notice = self._told[entry.id] = Notice(tone, what, more, "Look", lambda: self._show_end(entry), waits=True)
        self._notices.raise_notice(notice)

    def _show_end(self, entry: JobEntry) -> None:
        """Lead to what came of it: the report, the page on which one teaches if it was a lesson, else the job."""
        from companion.app.taught import KINDS
        from companion.core.library.report_list import REPORT

        report = self.jobs.folder(entry.id).output / REPORT
        if entry.summary.kind in REPORTING and report.is_file():
            self._go("workshop")
            self.show_report(str(report))
            return
        if entry.summary.kind in KINDS:
            self._go("workshop")
            self.show("teach")
            if (lesson := self._teach_page.lesson) is not None and lesson.entry.id == entry.id:
                return
        self.show_job(entry.id)

    def _withdraw_seen(self) -> None:
        """What a notice tells of a job is not said beside the page that shows it."""
        for job in tuple(self._told):
            entry = self.jobs.entry(job)
            if entry is None or self._is_seen(entry):
                self._notices.withdraw(self._told.pop(job))


def machine_words(hardware: Hardware) -> str:
    """“2 cores · 23.4 GB · no GPU”."""
    from companion.core.amounts import bytes_text

    cores = "1 core" if hardware.usable_cores == 1 else f"{hardware.usable_cores} cores"
    memory = bytes_text(hardware.memory_total) if hardware.memory_total else "memory unknown"
    gpu = hardware.gpus[0].name if hardware.gpus else "no GPU"
    return " · ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in (cores, memory, gpu))


def _probe() -> Hardware:
    from companion.core.hardware import probe

    return probe()
