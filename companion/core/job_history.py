"""What the events of one job add up to: curves, samples, stages and words. Filled by one thread, read by another.

Everything here only grows, so that what a reader finds stays true; `JobReader` begins a new history when the file was
replaced, as a resumed job does that forgets what it will do again.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec

from companion.core.curve import Curve
from companion.core.job import (
    AdapterProven,
    BuildProven,
    DataReady,
    Evaluated,
    JobEnded,
    JobEvent,
    JobStarted,
    OutputWritten,
    PartMeasured,
    PlanMade,
    RateTried,
    Sample,
    StageBegan,
    StepDone,
    Trouble,
    decode_job_event,
)

HELD_OUT: Final = "held_out"
"""The curve of `Evaluated.loss`; every other one is called as the field of the event it comes from."""
TRIED: Final = "tried"
"""The loss over learning rates of the rate finder."""
LINES_AT_ONCE: Final = 200
BREATH_SECONDS: Final = 0.0002
"""The reading thread stands back after so many lines: the window's thread would wait 5 ms for every turn otherwise."""
_NO_CURVES: Final = frozenset({"step", "steps", "time", "tokens", "seconds_left", "epoch"})

_LATEST: Final[dict[type, str]] = {StageBegan: "stage", DataReady: "data", PlanMade: "plan", JobEnded: "ended"}
_ALL: Final[dict[type, str]] = {
    PartMeasured: "parts",
    BuildProven: "builds",
    AdapterProven: "adapters",
    Trouble: "troubles",
    OutputWritten: "outputs",
}
"""Events of which the last one counts, and those that are all kept, by the field they are kept in."""


class Samples(NamedTuple):
    """What she said at one measurement."""

    step: int
    loss: float
    best: bool
    samples: tuple[Sample, ...]


class JobHistory:
    """Losses are nats per supervised token, sizes bytes, times seconds since the epoch."""

    def __init__(self) -> None:
        self.began = 0.0
        self.runs = 0
        self.ended: JobEnded | None = None
        """The last word of the last run; None while it goes on, or when its process was killed."""
        self.stage: StageBegan | None = None
        self.data: DataReady | None = None
        self.plan: PlanMade | None = None
        self.last_step: StepDone | None = None
        self.is_training = False
        """Whether a step was done in this run, and nothing else than a measurement has begun since: speed and time left hold."""
        self._training: StageBegan | None = None
        self._seconds = self._run_began = self._latest = 0.0
        """Of the runs that are over; when the one that is not began, 0 for none; when something happened last."""
        self.curves: dict[str, Curve] = {}
        self.samples: list[Samples] = []
        self.parts: list[PartMeasured] = []
        self.builds: list[BuildProven] = []
        self.adapters: list[AdapterProven] = []
        self.troubles: list[Trouble] = []
        self.outputs: list[OutputWritten] = []
        self.log: list[JobEvent] = []
        """Everything but the steps, in its order."""

    @property
    def first_held_out(self) -> float:
        """Before training; 0 when nothing was measured yet."""
        return self.samples[0].loss if self.samples else 0.0

    @property
    def best_held_out(self) -> float:
        """0 when nothing was measured after training began."""
        return next((found.loss for found in reversed(self.samples) if found.best), 0.0)

    @property
    def is_in_step(self) -> bool:
        """Whether what it tells of its progress is within the step behind the last one."""
        return self.stage is not None and self.stage.stage == "training"

    @property
    def seconds(self) -> float:
        """That all runs took together; one that was killed counts up to the last thing that is known of it."""
        return self._seconds + (max(self._latest - self._run_began, 0.0) if self._run_began else 0.0)

    def curve(self, name: str) -> Curve:
        """Empty when there is none yet."""
        return self.curves.get(name) or Curve()

    def add(self, event: JobEvent) -> None:
        self._note_time(event)
        if isinstance(event, StepDone):
            self.last_step, self.is_training = event, True
            self._go_on_training()
            self._note_numbers(event)
            return
        self.log.append(event)
        kind = type(event)
        if isinstance(event, JobStarted) or (isinstance(event, StageBegan) and event.stage not in {"training", "evaluating"}):
            self.is_training = False
        if kind in _LATEST:
            setattr(self, _LATEST[kind], event)
            self._training = event if isinstance(event, StageBegan) and event.stage == "training" else self._training
        elif kind in _ALL:
            getattr(self, _ALL[kind]).append(event)
        elif isinstance(event, JobStarted):
            self.began, self.ended, self.runs = self.began or event.time, None, self.runs + 1
        elif isinstance(event, Evaluated):
            self._note(HELD_OUT, event.step, event.loss)
            self._note_numbers(event, without="loss", before=f"{HELD_OUT}_")
            self.samples.append(Samples(event.step, event.loss, event.best, event.samples))
            self._go_on_training()
        elif isinstance(event, RateTried):
            self._note(TRIED, event.learning_rate, event.loss)
        else:
            self._note_numbers(event)

    def _go_on_training(self) -> None:
        """A measurement interrupts the training without a word at its end."""
        if self.stage is not None and self.stage.stage == "evaluating":
            self.stage = self._training or self.stage

    def _note_time(self, event: JobEvent) -> None:
        if isinstance(event, JobStarted):
            self._seconds, self._run_began = self.seconds, event.time
        elif isinstance(event, JobEnded):
            self._seconds, self._run_began = self._seconds + event.seconds, 0.0
        self._latest = getattr(event, "time", self._latest)

    def _note_numbers(self, event: msgspec.Struct, *, without: str = "", before: str = "") -> None:
        """A curve for every number of an event that has a step: what another kind of training tells is shown, too."""
        step = getattr(event, "step", None)
        if step is None:
            return
        for name in event.__struct_fields__:
            value = getattr(event, name)
            if name not in _NO_CURVES and name != without and type(value) in (int, float):
                self._note(before + name, step, value)

    def _note(self, name: str, x: float, y: float) -> None:
        curve = self.curves.get(name)
        if curve is None:
            curve = self.curves[name] = Curve()
        curve.add(x, y)


class JobReader:
    """Reads what is new in a job's events; one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.history = JobHistory()
        """Another one when the file was replaced."""
        self._file = (0, 0)
        """Device and number of the file that was read from."""
        self._offset = 0

    def read(self) -> bool:
        """Take in what was appended; whether there was anything. A line that is not whole yet waits for its rest."""
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if (found.st_dev, found.st_ino) != self._file or found.st_size < self._offset:
                    self._file, self._offset = (found.st_dev, found.st_ino), 0
                elif found.st_size == self._offset:
                    return False
                history = JobHistory() if not self._offset else self.history
                file.seek(self._offset)
                read = self._read_lines(file, history)
        except OSError:
            return False
        self.history = history
        return read

    def _read_lines(self, file: BinaryIO, history: JobHistory) -> bool:
        read = 0
        for line in file:
            if not line.endswith(b"\n"):
                break
            self._offset += len(line)
            read += 1
            try:
                history.add(decode_job_event(line))
            except msgspec.DecodeError:  # cut short by a kill, or of another version
                continue
            if read % LINES_AT_ONCE == 0:
                time.sleep(BREATH_SECONDS)
        return read > 0
