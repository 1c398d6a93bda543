"""The jobs as the window sees them: folders that processes work on, one at a time, whoever started them.

What is wanted waits in a queue that lies in the folders themselves. A job that another window or a terminal began is found
and followed the same way as one's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from msgspec.structs import replace
from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from companion.app.background import Background
from companion.app.job_entry import OVER, STOPPED_REMEDY, JobEntry, JobPhase
from companion.app.job_scan import JobScanner
from companion.app.job_watch import JobWatch
from companion.app.measuring_turn import MeasuringTurn
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.errors import CompanionError, JobError
from companion.core.folder_trash import purge_trash
from companion.core.job import Cancel, JobOrder, Pause, Stay
from companion.core.job_folder import JobFolder, create_job, jobs_folder
from companion.core.job_queue import forget_wanted, mark, want, wanted
from companion.core.job_start import LeashedJob
from companion.core.job_targets import once_more
from companion.core.job_trash import restore_job, trash_job
from companion.core.processes import exit_sentence
from companion.core.recipes.files import Recipe

log = logging.getLogger(__name__)
TICK_MS = 700
"""How often a running job is looked at."""
KEEP_DELETED_SECONDS = 24 * 3600
SETTLE_MS = 400
"""A folder that has changed is looked at when it has been quiet for so long: a new job is written in several steps."""


class Jobs(QObject):
    """Every method is one action of the person; failures become notices."""

    changed = Signal()
    """Another list, or something in it is another."""
    ended = Signal(object)
    """JobEntry: a job that the window was to see to is over, paused itself, or died."""

    def __init__(self, notices: Notices, preferences: Preferences) -> None:
        super().__init__()
        self._notices = notices
        self._preferences = preferences
        self.entries: tuple[JobEntry, ...] = ()
        """The newest first."""
        self._background = Background(parent=self)
        self._scanner = JobScanner()
        self._scanning = self._scan_again = self._is_closed = False
        self._leash: LeashedJob | None = None
        self._died: dict[str, str] = {}
        """How the processes that this window started have died, by job."""
        self._wishes: dict[str, JobPhase] = {}
        """What was asked of jobs that compute."""
        self._put_off: set[str] = set()
        """Of those that are to pause, the ones that go on by themselves."""
        self._is_night = self._is_tight = False
        self._is_quiet = True
        self._own: set[str] = set()
        """What the window saw to and what ran at the last look."""
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self.look)
        self._settle = QTimer(self, interval=SETTLE_MS, singleShot=True)
        self._settle.timeout.connect(self.look)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _path: self._settle.start())
        self._watches: set[JobWatch] = set()
        self.measuring = MeasuringTurn(self)
        self.measuring.changed.connect(self._give_way)
        preferences.changed.connect(lambda _new, _old: self._tell_leash())

    def begin(self) -> None:
        """Find what there is, and go on with what is wanted. To begin again does nothing."""
        if self._watcher.directories():
            return
        with self._notices.telling(CompanionError):
            folder = jobs_folder()
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise JobError(f"“{folder}” cannot be made ({error.strerror}).", "Make its folder writable.") from error
            self._watcher.addPath(str(folder))
            self._background.run(partial(purge_trash, folder, KEEP_DELETED_SECONDS), lambda _: None)
        self.look()

    def look(self) -> None:
        """Look through the folders, in the background."""
        if self._is_closed:
            return
        if self._scanning:
            self._scan_again = True
            return
        self._scanning = True
        left, status = "", 0
        if self._leash is not None and (exit_status := self._leash.exit_status()) is not None:
            left, status = self._leash.job.id, exit_status
            self._leash.let_go()
            self._leash = None
        self._background.run(self._scanner.scan, partial(self._scanned, left, status))

    def entry(self, job: str) -> JobEntry | None:
        return next((entry for entry in self.entries if entry.id == job), None)

    def folder(self, job: str) -> JobFolder:
        return JobFolder(jobs_folder() / job)

    def watch(self, job: str) -> JobWatch:
        """The history of a job from now on, until the watch is closed."""
        watch = JobWatch(self.folder(job), self._background, self)
        self._watches.add(watch)
        watch.closed.connect(lambda: self._watches.discard(watch))
        return watch

    @property
    def computing(self) -> JobEntry | None:
        """The job that computes now, ours or another's."""
        return next((entry for entry in self.entries if entry.is_computing), None)

    @property
    def in_the_way(self) -> JobEntry | None:
        """The job that another one has to wait for; one that nobody asked for gives way."""
        computing = self.computing
        return None if computing is not None and computing.is_quiet and computing.is_ours else computing

    @property
    def are_wanted(self) -> bool:
        """Whether the person has anything done or measured now, or it is about to begin."""
        asked = (entry for entry in self.entries if not entry.is_quiet)
        return self.measuring.is_wanted or any(entry.is_computing or entry.is_ready for entry in asked)

    @property
    def own(self) -> JobEntry | None:
        """The job that computes now because the person wants it done by the window."""
        return next((entry for entry in self.entries if entry.is_computing and entry.is_ours), None)

    # What a person does

    def start(self, recipe: Recipe, order: JobOrder, *, tonight: bool = False) -> str:
        """A new job, which begins as soon as nothing else computes; returns its id, empty when it cannot be made.

        `tonight` lets it wait for a time when nobody needs the computer, and switches that on.
        """
        with self._notices.telling(CompanionError):
            job = create_job(recipe, order)
            self._want(job, tonight=tonight)
            self.look()
            return job.id
        return ""

    def pause(self, job: str) -> None:
        """Let it write a checkpoint and leave; one that waits is taken off the queue."""
        self._wish(job, Pause())

    def cancel(self, job: str) -> None:
        """End it with the best it has; one that never began is deleted."""
        entry = self.entry(job)
        if entry is None:
            return
        if entry.is_computing:
            self._wish(job, Cancel())
        elif not entry.summary.began:
            self.delete(job)
        else:
            with self._notices.telling(JobError):
                want(self.folder(job), cancel=True)
                self.look()

    def resume(self, job: str, *, tonight: bool = False) -> None:
        """Go on from its last checkpoint, when its turn comes; one that waits for the night need not any more."""
        with self._notices.telling(JobError):
            self._died.pop(job, None)
            self._want(self.folder(job), tonight=tonight)
            self.look()

    def retry(self, job: str) -> str:
        """A new job with the recipe of this one; returns its id."""
        with self._notices.telling(CompanionError):
            folder = self.folder(job)
            return self.start(*once_more(folder.recipe(), folder.order()))
        return ""

    def delete(self, job: str) -> None:
        """With a way back. What it made elsewhere stays."""
        entry, folder = self.entry(job), self.folder(job)
        if entry is None or entry.is_computing:
            return
        with self._notices.telling(JobError):
            forget_wanted(folder)
            trash_job(folder)
            self._notices.undoable(f"“{entry.title}” was deleted.", lambda: self._bring_back(folder))
            self.look()

    # What the surroundings ask for

    def put_off(self, job: str) -> None:
        """Let it write a checkpoint and leave; it keeps its place in the queue and goes on when it may."""
        entry = self.entry(job)
        if entry is not None and entry.is_ours and entry.phase is JobPhase.RUNNING:
            self._wish(job, Pause(), goes_on=True)

    def set_night(self, is_night: bool) -> None:
        """Whether jobs for the night may begin."""
        if is_night != self._is_night:
            self._is_night = is_night
            self.look()

    def set_tight(self, is_tight: bool) -> None:
        """While memory is tight, nothing begins."""
        if is_tight != self._is_tight:
            self._is_tight = is_tight
            self.look()

    def set_quiet(self, is_quiet: bool) -> None:
        """Whether jobs that nobody asked for may begin: not while somebody works."""
        if is_quiet != self._is_quiet:
            self._is_quiet = is_quiet
            if self._watcher.directories():  # before `begin` nothing waits for it
                self.look()

    def close(self) -> None:
        """The window closes: its job goes on alone, or writes a checkpoint, as the person has chosen. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._tick.stop()
        stays = self._preferences.settings.jobs_on_close == "go on"
        if self._leash is not None:
            self._tell_leash()
            self._leash.let_go()
            self._leash = None
        elif not stays and (own := self.own) is not None:
            with self._notices.telling(CompanionError):
                mark(self.folder(own.id).pause_mark, own.title)
        for watch in tuple(self._watches):
            watch.close()
        self._background.close()

    # Inside

    def _want(self, job: JobFolder, *, tonight: bool) -> None:
        want(job, tonight=tonight)
        if tonight:
            self._preferences.update(teach_at_night=True)

    def _wish(self, job: str, request: Pause | Cancel, *, goes_on: bool = False) -> None:
        entry, folder = self.entry(job), self.folder(job)
        if entry is None:
            return
        with self._notices.telling(JobError):
            if goes_on:
                self._put_off.add(job)
            else:
                self._put_off.discard(job)
                forget_wanted(folder)
            if entry.is_computing:
                ends = isinstance(request, Cancel)
                self._wishes[job] = JobPhase.ENDING if ends else JobPhase.PAUSING
                mark(folder.cancel_mark if ends else folder.pause_mark, entry.title)
                if self._leash is not None and self._leash.job.id == job:
                    self._leash.send(request)  # one that has only begun to start takes marks for old ones
            self.look()

    def _bring_back(self, folder: JobFolder) -> None:
        with self._notices.telling(JobError):
            restore_job(folder)
            self.look()

    def _scanned(self, left: str, status: int, entries: tuple[JobEntry, ...]) -> None:
        """`left` is the job whose process had ended, with this status, before the folders were looked at."""
        self._scanning = False
        if self._is_closed:
            return
        if left:
            self._note_death(left, status, entries)
        entries = tuple(map(self._as_seen_here, entries))
        computing = {entry.id for entry in entries if entry.is_computing}
        stopped = {left, *self._own} - computing
        self._wishes = {job: phase for job, phase in self._wishes.items() if job in computing}
        entries, over = self._without_those_over(entries, stopped, left)
        self._put_off &= computing
        self._own = {entry.id for entry in entries if entry.is_computing and (entry.is_ours or entry.id in self._own)}
        is_news, self.entries = entries != self.entries, entries
        self._watch_unfinished()
        for entry in over:
            self.ended.emit(entry)
        if is_news:
            self.changed.emit()
        self._give_way()
        if self._scan_again:
            self._scan_again = False
            self.look()
        if self._leash is None and not computing:
            self._tick.stop()
        elif not self._tick.isActive():
            self._tick.start()

    def _note_death(self, job: str, status: int, entries: Iterable[JobEntry]) -> None:
        """A job says its last word and leaves with 0, or with 1 when it failed; whatever else happens is death."""
        entry = next((entry for entry in entries if entry.id == job), None)
        if entry is not None and (status not in {0, 1} or (status == 1 and entry.phase is not JobPhase.FAILED)):
            self._died[job] = exit_sentence("The job", status, "torch or llama.cpp")
            log.warning("job %s: %s (%s)", job, self._died[job], status)

    def _as_seen_here(self, entry: JobEntry) -> JobEntry:
        """With what the folder does not know: a process that has hardly begun, and how one has died."""
        if entry.is_computing:
            return replace(entry, phase=self._wishes.get(entry.id, entry.phase))
        if self._leash is not None and entry.id == self._leash.job.id:
            return replace(entry, phase=JobPhase.RUNNING, stage="Starting", what="", remedy="")
        if entry.id in self._died:
            return replace(entry, phase=JobPhase.STOPPED, what=self._died[entry.id], remedy=STOPPED_REMEDY)
        if entry.phase is not JobPhase.WAITING:
            return entry
        night_is_on = self._preferences.settings.teach_at_night
        return entry.waiting(is_tight=self._is_tight, is_quiet=self._is_quiet, is_night=self._is_night, night_is_on=night_is_on)

    def _without_those_over(
        self, entries: tuple[JobEntry, ...], stopped: set[str], left: str
    ) -> tuple[tuple[JobEntry, ...], list[JobEntry]]:
        """Nobody waits any more for a job that is over, died, or was paused by somebody else: those, and all entries.

        `left` is the one of the `stopped` that this window had started.
        """
        over: list[JobEntry] = []
        seen: list[JobEntry] = []
        for entry in entries:
            is_final = entry.phase in OVER or entry.phase is JobPhase.STOPPED
            is_put_off = entry.id in self._put_off or entry.id != left  # or it lost the window before, which held its pipe
            goes_on = is_put_off and entry.phase is JobPhase.WAITING
            if (entry.id in stopped and not goes_on) or (entry.is_ours and is_final):
                with self._notices.telling(JobError):
                    forget_wanted(self.folder(entry.id))
                phase = JobPhase.PAUSED if entry.phase is JobPhase.WAITING else entry.phase
                over.append(replace(entry, since=0.0, phase=phase))
                seen.append(over[-1])
            else:
                seen.append(entry)
        return tuple(seen), over

    def _give_way(self) -> None:
        """A job that nobody asked for pauses and keeps its place when anything else is wanted; then go on with what waits."""
        if self._is_closed:
            return
        quiet = self.own
        if quiet is not None and quiet.is_quiet and self.are_wanted:
            self.put_off(quiet.id)
        self._advance()
        computing = self.computing
        self.measuring.follow(computing.title if computing is not None else "")

    def _advance(self) -> None:
        """Begin with the job that has waited longest, when nothing computes; those that nobody asked for come last."""
        holds_back = self.measuring.is_wanted or not self._is_quiet  # what was only just ordered is no entry yet
        ready = (entry for entry in self.entries if entry.is_ready and not (entry.is_quiet and holds_back))
        waiting = sorted(ready, key=lambda entry: (entry.is_quiet, entry.since))
        if self._leash is not None or self.computing is not None or not waiting:
            return
        first = waiting[0]
        job = self.folder(first.id)
        asked = wanted(job)
        try:
            self._leash = LeashedJob(job, cancel=asked is not None and asked.cancel)
        except JobError as error:
            self._notices.error(error.what, error.remedy)
            with self._notices.telling(JobError):
                forget_wanted(job)
            return
        self._own.add(first.id)
        self._tell_leash()
        self.entries = tuple(map(self._as_seen_here, self.entries))  # at once: what computes is not deleted
        self.changed.emit()
        self.look()

    def _tell_leash(self) -> None:
        """A job for the night leaves with the window: without it nobody would notice who comes back."""
        if self._leash is None or self._preferences.settings.jobs_on_close != "go on":
            return
        asked = wanted(self._leash.job)
        if asked is None or not asked.tonight:
            self._leash.send(Stay())

    def _watch_unfinished(self) -> None:
        """A process that begins to work on a job rewrites its events, which its folder tells of."""
        paths = {str(self.folder(entry.id).path) for entry in self.entries if entry.phase not in OVER}
        known = set(self._watcher.directories()) - {str(jobs_folder())}
        if gone := known - paths:
            self._watcher.removePaths(list(gone))
        if new := paths - known:
            self._watcher.addPaths(list(new))
