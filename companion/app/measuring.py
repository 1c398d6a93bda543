"""A process that measures for the window: this computer, or the settings a model runs best with. It may crash in llama.cpp."""

from __future__ import annotations

from functools import partial

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from companion.app.measuring_turn import MeasuringTurn
from companion.app.worker_call import WorkerCall
from companion.core.measuring_messages import (
    MachineMeasured,
    MeasuringFailed,
    MeasuringProgress,
    ModelTuned,
    decode_measuring_event,
)
from companion.core.tuning import TuneWish


class Measuring(QObject):
    """One at a time, which waits for its turn; `stop` or the end of the program ends what is under way."""

    progressed = Signal(str, float)
    """What is measured now, in a few words, and how much of everything is done, 0 to 1."""
    machine_measured = Signal(object)
    """Benchmark."""
    model_tuned = Signal(object)
    """TuningFound."""
    failed = Signal(str, str)
    """What happened and what to do."""

    def __init__(self, turn: MeasuringTurn, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._turn = turn
        self._is_asked = False
        self._call: WorkerCall | None = None
        if (program := QCoreApplication.instance()) is not None:
            program.aboutToQuit.connect(self.stop)

    @property
    def is_running(self) -> bool:
        return self._is_asked

    def measure_machine(self) -> None:
        """Twenty seconds; ends in `machine_measured` or `failed`."""
        self._begin("this computer", "machine")

    def tune(self, wish: TuneWish) -> None:
        """A minute, less when it is quick; ends in `model_tuned` or `failed`."""
        self._begin("how a model runs best", "tune-model", msgspec.json.encode(wish).decode())

    def stop(self) -> None:
        """End it, and wait until it is gone; nothing comes of it any more."""
        call, self._call = self._call, None
        if call is not None:
            call.end()
        self._is_asked = False
        self._turn.give_back(self)

    def _begin(self, what: str, role: str, *arguments: str) -> None:
        self.stop()
        self._is_asked = True
        QTimer.singleShot(0, self, self._tell_wait)  # whoever began it hears no word of it before this returns
        self._turn.ask(self, what, partial(self._start, role, *arguments))

    def _tell_wait(self) -> None:
        if waits_for := self._turn.waits_for(self):
            self.progressed.emit(f"waiting until {waits_for}", 0.0)

    def _start(self, role: str, *arguments: str) -> None:
        self._call = WorkerCall(role, "The measurement", decode_measuring_event, self, arguments=arguments)
        self._call.received.connect(self._receive)
        self._call.ended.connect(self._died)

    def _receive(self, _key: str, event: object) -> None:
        if isinstance(event, MeasuringProgress):
            self.progressed.emit(event.words, event.fraction)
            return
        self.stop()
        if isinstance(event, MachineMeasured):
            self.machine_measured.emit(event.benchmark)
        elif isinstance(event, ModelTuned):
            self.model_tuned.emit(event.found)
        elif isinstance(event, MeasuringFailed):
            self.failed.emit(event.what, event.remedy)

    def _died(self, _key: str, what: str) -> None:
        if self._call is not None:
            self.stop()
            self.failed.emit(what, "Nothing was changed; try it again.")
