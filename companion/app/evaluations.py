"""The reports and blind tests there are: listed and read in the background, and paired without measuring anew."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, QProcess, Signal

from companion.app.background import Background
from companion.app.notices import Notices
from companion.core.errors import CompanionError
from companion.core.job_targets import free_name, name_after
from companion.core.judgement import Judgement, Outcome, all_judgements
from companion.core.library.report_heads import State
from companion.core.library.report_list import FoundReport, all_reports, compared_folder
from companion.core.logs import log_file
from companion.core.processes import exit_sentence, worker_command
from companion.core.report import Subject
from companion.core.report_file import read_report
from companion.core.report_parts import LaidOut, laid_out

log = logging.getLogger(__name__)
CLOSE_MS = 3000


class FoundContest(NamedTuple):
    """A blind test of before."""

    folder: Path
    sides: tuple[Subject, ...]
    """The two; none when that cannot be read any more."""
    verdicts: int
    outcome: Outcome | None
    """What was told last; None when nothing was, or there are other verdicts by now."""
    when: float

    @property
    def title(self) -> str:
        return " or ".join(side.name for side in reversed(self.sides)) or self.folder.name


class Found(NamedTuple):
    """Each with the newest first."""

    reports: tuple[FoundReport, ...] = ()
    contests: tuple[FoundContest, ...] = ()


class Evaluations(QObject):
    """Nothing is read before the first `refresh`."""

    changed = Signal(object)
    """A Found."""
    compared = Signal(str)
    """File of a report that was put together from two."""
    comparing_changed = Signal()

    def __init__(self, notices: Notices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._notices = notices
        self._background = Background(parent=self)
        self._known: dict[State, FoundReport | None] = {}
        self._reading = self._again = False
        self._process: QProcess | None = None
        self._target = Path()
        self.found: Found | None = None

    @property
    def is_comparing(self) -> bool:
        return self._process is not None

    def refresh(self) -> None:
        """Look again; ends in `changed`."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        self._background.run(self._look, self._looked)

    def read(self, file: str, then: Callable[[LaidOut | CompanionError], None]) -> None:
        """The whole report, or why it cannot be read."""
        self._background.run(lambda: _read(Path(file)), then)

    def compare(self, one: FoundReport, other: FoundReport) -> None:
        """Pair what both have of the same dialogues, in a process of its own; ends in `compared` or a notice."""
        if self._process is not None:
            return
        stems = " ".join(report.subjects[-1].name for report in (one, other))
        target = free_name(compared_folder(), name_after(stems, "comparison"), ".json")
        self._target = target
        self._process = QProcess(self)
        self._process.setStandardOutputFile(QProcess.nullDevice())
        self._process.finished.connect(self._ended)
        self._process.errorOccurred.connect(self._failed)
        page = str(target.with_suffix(".html"))
        command = worker_command("compare", one.file, other.file, "--json", str(target), "--html", page)
        self._process.start(command[0], command[1:])
        self.comparing_changed.emit()

    def close(self) -> None:
        """Wait for what was begun. May be called twice."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.waitForFinished(CLOSE_MS)
        self._background.close()

    # Inside

    def _look(self) -> Found:
        return Found(all_reports(self._known), tuple(sorted(map(_contest, all_judgements()), key=lambda each: -each.when)))

    def _looked(self, found: Found) -> None:
        self._reading = False
        if self._again:
            self._again = False
            self.refresh()
            return
        is_news, self.found = found != self.found, found
        if is_news:
            self.changed.emit(found)

    def _ended(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        said = bytes(process.readAllStandardError().data()).decode(errors="replace").strip()
        process.deleteLater()
        self.comparing_changed.emit()
        if status is QProcess.ExitStatus.NormalExit and code == 0:
            self.refresh()
            self.compared.emit(str(self._target))
            return
        log.warning("companion compare ended with %s: %s", code, said)
        if status is QProcess.ExitStatus.NormalExit and code == 1 and said and "Traceback" not in said:
            self._notices.error(said.splitlines()[-1])
        else:
            self._notices.error(exit_sentence("The comparison", code), f"What happened is in “{log_file('window')}”.")

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self._process.deleteLater()
            self._process = None
            self.comparing_changed.emit()
            self._notices.error("The comparison could not be started.", "Close other programs, then try again.")


def _read(file: Path) -> LaidOut | CompanionError:
    try:
        return laid_out(read_report(file))
    except CompanionError as error:
        return error


def _contest(judgement: Judgement) -> FoundContest:
    contest, outcome = judgement.contest(), judgement.outcome()
    judged = [verdict for verdict in judgement.verdicts() if verdict.answer != "skip"]
    sides = (contest.a, contest.b) if contest is not None else ()
    is_current = outcome is not None and outcome.verdicts == len(judged)
    when = max((verdict.time for verdict in judged), default=0.0)
    return FoundContest(judgement.folder, sides, len(judged), outcome if is_current else None, when)
