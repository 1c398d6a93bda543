"""`companion dataset`: one piece of work on datasets for the window, in a process that it can end at any moment."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.dataset_folder import read_source
from companion.core.dataset_messages import (
    AugmentData,
    DatasetEvent,
    DatasetRequest,
    ExportData,
    InspectData,
    Inspected,
    MapTopics,
    SplitData,
    TopicsMapped,
    WorkFailed,
    WorkProgress,
    WriteDataset,
    Written,
    decode_dataset_request,
)
from companion.core.errors import CompanionError, DatasetError
from companion.core.logs import log_to_stderr
from companion.core.pipes import WorkerPipe

log = logging.getLogger(__name__)
TELL_SECONDS: Final = 0.2
"""How often progress is told."""


class _Teller:
    """Tells how far the work is, a few times a second."""

    def __init__(self, pipe: WorkerPipe, total: int) -> None:
        """`total` is how many dialogues there are, 0 while nobody knows."""
        self._pipe = pipe
        self._total = total
        self._told = 0.0

    def fraction(self, words: str, fraction: float) -> None:
        if time.monotonic() - self._told >= TELL_SECONDS:
            self._told = time.monotonic()
            self._pipe.send(WorkProgress(words=words, fraction=fraction))

    def count(self, done: int) -> None:
        if self._total:
            self.fraction(f"{done:,} of {self._total:,} dialogues", min(done / self._total, 1.0))
        else:
            self.fraction(f"{done:,} dialogues", 0.0)


def main() -> int:
    """Started by the window or a test, never by hand. Closing stdin ends it at once; whoever does that sees to what was not
    finished (`dataset_folder.discard_unfinished`)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_to_stderr()
    pipe = WorkerPipe()
    lines = pipe.lines()
    try:
        request: DatasetRequest = decode_dataset_request(next(lines, b""))
    except msgspec.DecodeError:
        log.exception("not a request")
        return 2
    threading.Thread(target=_leave_when_closed, args=(lines,), name="requests", daemon=True).start()
    try:
        _refuse_missing(request)
        pipe.send(_carried_out(request, _Teller(pipe, _known_total(request.files))))
    except CompanionError as error:
        log.warning("%s", error)
        pipe.send(WorkFailed(what=error.what, remedy=error.remedy))
    except Exception:
        log.exception("working on a dataset")
        pipe.send(WorkFailed(what="The dialogues could not be worked on.", remedy="The details are in the log."))
        return 1
    sys.stderr.flush()
    return 0


def _carried_out(request: DatasetRequest, teller: _Teller) -> DatasetEvent:
    teller.fraction("Reading the dialogues", 0.0)
    if isinstance(request, InspectData):
        return _inspected(request, teller)
    if isinstance(request, MapTopics):
        from companion.workshop.data.topic_map import topic_map

        return TopicsMapped(topics=topic_map(request, teller.fraction))
    from companion.workshop.data import writing

    if isinstance(request, ExportData):
        return Written(dialogues=writing.export(request, teller.count))
    if isinstance(request, SplitData):
        parts, _ = writing.write_parts(request)
        sources = {str(Path(request.output) / name): source for name, source in parts.items()}
        return Written(dialogues=sum(source.dialogues for source in parts.values()), sources=sources)
    if isinstance(request, AugmentData):
        found = writing.write_augmented(request, "", teller.count)
        sources = {request.output: found.source} if found.source is not None else {}
        return Written(dialogues=found.read + found.made, sources=sources, findings=tuple(found.findings), made=found.made)
    return _written(request, teller)


def _inspected(request: InspectData, teller: _Teller) -> Inspected:
    from companion.workshop.data.inspection import inspect, look_at_each

    looks = look_at_each(request.files, teller.fraction) if request.each else {}
    files = [file for file in request.files if not request.each or looks[file].dialogues]
    with ExitStack() as stack:
        count = None
        if request.model:
            from companion.workshop.data.token_counts import counting

            count = stack.enter_context(counting(Path(request.model)))
        found = inspect(files, request.cleaning, count, examples=request.examples, tell=teller.fraction)
    return Inspected(inspection=replace(found, looks=looks))


def _written(request: WriteDataset, teller: _Teller) -> Written:
    from companion.workshop.data import writing

    if request.cleaning is None:
        source = writing.write_as_they_are(request, teller.count)
        return Written(dialogues=source.dialogues, sources={request.output: source})
    source, cleaning = writing.write_cleaned(request, teller.count)
    return Written(dialogues=source.dialogues, sources={request.output: source}, findings=tuple(cleaning.findings()))


def _known_total(files: Sequence[str]) -> int:
    """Dialogues in all files, 0 when not each of them says how many it has."""
    try:
        counts = [0 if file.startswith(CONVERSATION_PREFIX) else read_source(Path(file)).dialogues for file in files]
    except DatasetError:
        return 0
    return sum(counts) if all(counts) else 0


def _refuse_missing(request: DatasetRequest) -> None:
    if not request.files:
        raise DatasetError("No dialogues were named.", "Add files or conversations.")
    for file in request.files:
        if not file.startswith(CONVERSATION_PREFIX) and not Path(file).exists():
            raise DatasetError(f"“{file}” is not there.", "Take it off the list, or put it back.")


def _leave_when_closed(lines: Iterator[bytes]) -> None:
    for line in lines:
        log.warning("not expected: %.200r", line)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(0)
