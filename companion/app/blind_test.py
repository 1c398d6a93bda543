"""A blind test under way: a process writes two replies to each prompt, the person says which is better, and nobody on this
side knows whose is whose before the end."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Literal, NamedTuple

from PySide6.QtCore import QObject, Signal

from companion.app.worker_call import WorkerCall
from companion.core.judgement import Outcome
from companion.core.judging_messages import (
    GiveVerdict,
    JudgingBegan,
    JudgingEvent,
    JudgingFailed,
    JudgingRequest,
    JudgingTold,
    PairAlike,
    PairWritten,
    TakeBack,
    TellOutcome,
    decode_judging_event,
)

Verdict = Literal["first", "second", "tie", "skip"]


class BlindState(Enum):
    IDLE = "idle"
    LOADING = "loading"
    WAITING = "waiting"
    """The next two replies are being written."""
    ASKING = "asking"
    TELLING = "telling"
    """The outcome is being computed."""
    TOLD = "told"
    FAILED = "failed"


class BlindWish(NamedTuple):
    """Who stands against whom, and on what."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    """A model's file, then its adapters as FILE:SCALE."""
    prompts: int
    data: tuple[str, ...] = ()
    """Files and conversations to take prompts from; none takes the built-in ones."""
    character: str = ""
    tokens: int = 160


class BlindTest(QObject):
    """One at a time. What was judged is on the disk at once, whatever happens later."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = BlindState.IDLE
        self.pair: PairWritten | None = None
        """What is asked now, while `state` is ASKING."""
        self.total = self.done = self.alike = 0
        """How many prompts there are, and how many of them are through; of these, to how many both said the same."""
        self.fewer = ""
        """Why they are not so many as were asked for."""
        self.outcome: Outcome | None = None
        self.what = self.remedy = ""
        """Why it failed."""
        self._waiting: deque[PairWritten] = deque()
        self._judged: list[PairWritten] = []
        self._process: WorkerCall | None = None
        self._leaving: list[WorkerCall] = []

    @property
    def is_under_way(self) -> bool:
        return self.state not in (BlindState.IDLE, BlindState.TOLD, BlindState.FAILED)

    @property
    def can_undo(self) -> bool:
        return bool(self._judged) and self.state in (BlindState.ASKING, BlindState.WAITING)

    def begin(self, wish: BlindWish) -> None:
        """Ends in TOLD or FAILED; a test that was under way is given up, its verdicts stay."""
        self._leave()
        self.pair, self.outcome, self.what, self.remedy, self.fewer = None, None, "", "", ""
        self.total = self.done = self.alike = 0
        self._waiting.clear()
        self._judged.clear()
        arguments = ["+".join(wish.a), "+".join(wish.b), "--prompts", str(wish.prompts), "--tokens", str(wish.tokens)]
        arguments += [part for source in wish.data for part in ("--data", source)]
        arguments += ["--character", wish.character] if wish.character else []
        process = self._process = WorkerCall(
            "judge", "The blind test", decode_judging_event, self, arguments=["--json", *arguments]
        )
        process.received.connect(self._hear)
        process.ended.connect(self._ended)
        self._go(BlindState.LOADING)

    def judge(self, answer: Verdict) -> None:
        """Which of the two is better; without a pair nothing happens."""
        if self.pair is None or self.state is not BlindState.ASKING:
            return
        self._send(GiveVerdict(prompt=self.pair.prompt, answer=answer))
        self._judged.append(self.pair)
        self.done += 1
        self.pair = None
        self._next()

    def undo(self) -> None:
        """Ask about the pair before once more."""
        if not self.can_undo:
            return
        before = self._judged.pop()
        self._send(TakeBack(prompt=before.prompt))
        if self.pair is not None:
            self._waiting.appendleft(self.pair)
        self.done -= 1
        self.pair = before
        self._go(BlindState.ASKING)

    def finish(self) -> None:
        """Tell whose they were and what the verdicts come to; before the first verdict of all it is given up."""
        if self._process is None or self.state in (BlindState.TELLING, BlindState.TOLD):
            return
        if self.state is BlindState.LOADING:
            self._leave()
            self._go(BlindState.IDLE)
            return
        self._send(TellOutcome())
        self.pair = None
        self._go(BlindState.TELLING)

    def close(self) -> None:
        """End whatever runs and wait for it. May be called twice."""
        self._leave()
        leaving, self._leaving = self._leaving, []
        for process in leaving:
            process.end()

    # Inside

    def _leave(self) -> None:
        """Nothing is heard of the process any more; it ends by itself."""
        process, self._process = self._process, None
        if process is None:
            return
        process.leave()
        if process.is_running:
            self._leaving.append(process)
            process.gone.connect(self._forget)
        else:
            process.deleteLater()

    def _forget(self) -> None:
        for process in [each for each in self._leaving if not each.is_running]:
            self._leaving.remove(process)
            process.deleteLater()

    def _send(self, request: JudgingRequest) -> None:
        if self._process is not None:
            self._process.send(request)

    def _go(self, state: BlindState) -> None:
        self.state = state
        self.changed.emit()

    def _next(self) -> None:
        if self.done >= self.total:
            self.finish()
        elif self._waiting:
            self.pair = self._waiting.popleft()
            self._go(BlindState.ASKING)
        else:
            self._go(BlindState.WAITING)

    def _hear(self, _key: str, event: JudgingEvent) -> None:
        match event:
            case JudgingBegan():
                self.total, self.fewer = event.left, event.fewer
                if not self.total:
                    self.state = BlindState.WAITING
                    self.finish()
                else:
                    self.changed.emit()
            case PairWritten():
                self._waiting.append(event)
                if self.state in (BlindState.LOADING, BlindState.WAITING):
                    self._next()
            case PairAlike():
                self.done += 1
                self.alike += 1
                if self.state in (BlindState.LOADING, BlindState.WAITING):
                    self._next()
                else:
                    self.changed.emit()
            case JudgingTold():
                self.outcome = event.outcome
                self._leave()
                self._go(BlindState.TOLD if self.outcome is not None else BlindState.IDLE)
            case JudgingFailed():
                self._fail(event.what, event.remedy)

    def _fail(self, what: str, remedy: str) -> None:
        self.what, self.remedy, self.pair = what, remedy, None
        self._leave()
        self._go(BlindState.FAILED)

    def _ended(self, _key: str, why: str) -> None:
        kept = "What you judged is kept: begin again to go on." if self._judged else "Try it again."
        self._fail(why, kept)
