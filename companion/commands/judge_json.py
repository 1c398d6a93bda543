"""`companion judge --json`: pairs of replies go out as JSON lines, verdicts come in the same way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from companion.commands.judge_contest import Contest
from companion.commands.judge_outcome import told_outcome
from companion.commands.judge_replies import Pair, Replies
from companion.core.errors import CompanionError
from companion.core.judgement import Answer
from companion.core.judging_messages import (
    GiveVerdict,
    JudgingBegan,
    JudgingEvent,
    JudgingFailed,
    JudgingTold,
    PairAlike,
    PairWritten,
    TakeBack,
    decode_judging_request,
)
from companion.core.messages import encode


def serve(prepare: Callable[[], Contest]) -> int:
    """Until the input is closed; returns the exit status. What cannot be done is told as `JudgingFailed`."""
    try:
        contest = prepare()
        _tell(JudgingBegan(left=len(contest.questions), fewer=contest.fewer))
        if not contest.questions:
            _Session(contest).listen()
        else:
            with contest.replies() as replies:
                _Session(contest).run(replies)
    except CompanionError as error:
        _tell(JudgingFailed(what=error.what, remedy=error.remedy))
        return 1
    return 0


class _Session:
    """Pairs are told by a thread of their own while verdicts are read; the files are touched by one at a time."""

    def __init__(self, contest: Contest) -> None:
        self._contest = contest
        self._pairs: dict[str, Pair] = {}
        self._lock = threading.Lock()

    def run(self, replies: Replies) -> None:
        threading.Thread(target=self._tell_pairs, args=(replies,), name="pairs", daemon=True).start()
        self.listen()

    def listen(self) -> None:
        """Do what is asked for; the closed input is the end. Raises DatasetError."""
        for line in sys.stdin.buffer:
            try:
                request = decode_judging_request(line)
            except msgspec.DecodeError:
                continue
            with self._lock:
                if isinstance(request, GiveVerdict):
                    self._judge(request)
                elif isinstance(request, TakeBack):
                    self._contest.judgement.take_back(request.prompt)
                    self._contest.judgement.write_dataset()
                else:
                    _tell(JudgingTold(outcome=told_outcome(self._contest.judgement)))

    def _judge(self, verdict: GiveVerdict) -> None:
        if (pair := self._pairs.get(verdict.prompt)) is None:
            return
        first = self._contest.first(pair)
        second: Literal["a", "b"] = "b" if first == "a" else "a"
        answers: dict[str, Answer] = {"first": first, "second": second, "tie": "tie", "skip": "skip"}
        self._contest.keep(pair, answers[verdict.answer])

    def _tell_pairs(self, replies: Replies) -> None:
        try:
            for number, pair in enumerate(replies, start=1):
                self._tell_pair(pair, number)
        except CompanionError as error:
            _tell(JudgingFailed(what=error.what, remedy=error.remedy))

    def _tell_pair(self, pair: Pair, number: int) -> None:
        if pair.a == pair.b:
            with self._lock:
                self._contest.keep(pair, "tie")
            _tell(PairAlike(number=number))
            return
        self._pairs[pair.question.name] = pair
        first, second = (pair.a, pair.b) if self._contest.first(pair) == "a" else (pair.b, pair.a)
        turns = pair.question.turns
        _tell(PairWritten(prompt=pair.question.name, number=number, turns=turns, first=first, second=second))


def _tell(event: JudgingEvent) -> None:
    """One line in one piece, whichever thread it comes from."""
    sys.stdout.buffer.write(encode(event))
    sys.stdout.buffer.flush()
