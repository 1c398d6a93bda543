"""The person's datasets, and work on dialogues: each piece in a process that shows how far it is and can be stopped."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, Signal

from companion.app.background import Background
from companion.app.worker_call import WorkerCall
from companion.core.dataset import DatasetSource
from companion.core.dataset_folder import (
    SOURCE_FILE,
    OwnDataset,
    dialogue_files,
    discard_unfinished,
    own_datasets,
    read_source,
    write_source,
)
from companion.core.dataset_messages import (
    DatasetRequest,
    WorkFailed,
    WorkProgress,
    Written,
    decode_dataset_event,
)
from companion.core.errors import DatasetError
from companion.core.files import set_aside, unfinished
from companion.core.folder_trash import purge_trash, put_in_trash, take_out_of_trash
from companion.core.paths import own_datasets_folder

KEEP_DELETED_SECONDS: Final = 24 * 3600


class DatasetWork(QObject):
    """One piece of work. Ends in `done` or `failed`, or silently after `stop`."""

    progressed = Signal(str, float)
    """What it does now, and how much of that is done, 0 to 1."""
    done = Signal(object)
    """Inspected, TopicsMapped or Written."""
    failed = Signal(str, str)
    """What happened and what to do."""

    def __init__(self, request: DatasetRequest, parent: QObject) -> None:
        super().__init__(parent)
        self._output = Path(output) if (output := getattr(request, "output", "")) else None
        self._is_over = False
        self._call = WorkerCall("dataset", "The work on the dialogues", decode_dataset_event, self, request=request)
        self._call.received.connect(self._receive)
        self._call.ended.connect(self._left)

    @property
    def is_running(self) -> bool:
        return not self._is_over

    @property
    def process_id(self) -> int:
        return self._call.process_id

    def stop(self) -> None:
        """End it at once; nothing is left of what was not finished. May be called when it is over."""
        if not self._is_over:
            self.end()

    def end(self) -> None:
        """As `stop`, also for a process that has told its result and is about to leave."""
        self._is_over = True
        self._call.kill()  # reading begins with imports, for a second or more: the window does not wait for their end
        self._clear()
        self.deleteLater()

    def _receive(self, _key: str, event: Any) -> None:
        if isinstance(event, WorkProgress):
            self.progressed.emit(event.words, event.fraction)
            return
        self._is_over = True
        if isinstance(event, WorkFailed):
            self._clear()
            self.failed.emit(event.what, event.remedy)
        else:
            self.done.emit(event)

    def _left(self, _key: str, why: str) -> None:
        """The process is gone; the result, if there is one, came before."""
        if not self._is_over:
            self._is_over = True
            self._clear()
            self.failed.emit(why, "Try it again, with fewer files.")
        self.deleteLater()

    def _clear(self) -> None:
        if self._output is None:
            return
        for folder in (self._output, *self._output.glob("*/")):
            if folder.is_dir():
                discard_unfinished(folder)
        with contextlib.suppress(OSError):
            for part in unfinished(self._output):
                part.unlink()


class Datasets(QObject):
    """What there is, found in the background; and the work, a process each."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.own: tuple[OwnDataset, ...] = ()
        """The newest first."""
        self._background = Background(parent=self)
        self._purged = False

    def refresh(self) -> None:
        """Look through the folder of datasets."""
        if not self._purged:
            self._purged = True
            self._background.run(_purge, lambda _: None)
        self._background.run(own_datasets, self._found)

    def gather(self, paths: Sequence[Path], then: Callable[[tuple[str, ...] | DatasetError], None]) -> None:
        """Which files of these may hold dialogues, found in the background: a folder may be large."""

        def look() -> tuple[str, ...] | DatasetError:
            try:
                return dialogue_files(paths)
            except DatasetError as error:
                return error

        self._background.run(look, then)

    def describe(self, dataset: OwnDataset, source: DatasetSource) -> None:
        """Say anew where it came from and what one may do with it; a description that cannot be read is set aside. Raises
        DatasetError."""
        try:
            read_source(dataset.folder)
        except DatasetError:
            set_aside(dataset.folder / SOURCE_FILE)
        write_source(dataset.folder, source)
        self.refresh()

    def delete(self, dataset: OwnDataset) -> Path:
        """With a way back: returns where it lies until then. Raises DatasetError."""
        try:
            place = put_in_trash(dataset.folder)
        except OSError as error:
            what = f"“{dataset.source.name}” could not be deleted ({error.strerror})."
            raise DatasetError(what, "Close what uses it, or delete its folder by hand.") from error
        self.refresh()
        return place

    def bring_back(self, dataset: OwnDataset, place: Path) -> None:
        """Where it was before. Raises DatasetError."""
        try:
            take_out_of_trash(place, dataset.folder)
        except OSError as error:
            what = f"“{dataset.source.name}” could not be brought back ({error.strerror})."
            raise DatasetError(what, f"It lies in “{place}” for a day.") from error
        self.refresh()

    def work(self, request: DatasetRequest) -> DatasetWork:
        """Begin; the list is read again when something was written."""
        work = DatasetWork(request, self)
        work.done.connect(self._worked)
        return work

    def close(self) -> None:
        """The program ends: whatever goes on is stopped. May be called twice."""
        for work in self.findChildren(DatasetWork):
            work.end()
        self._background.close()

    def _worked(self, event: object) -> None:
        if isinstance(event, Written):
            self.refresh()

    def _found(self, own: tuple[OwnDataset, ...]) -> None:
        self.own = own
        self.changed.emit()


def _purge() -> None:
    root = own_datasets_folder()
    for folder in (root, *(path for path in root.glob("*") if path.is_dir())):
        purge_trash(folder, KEEP_DELETED_SECONDS)
