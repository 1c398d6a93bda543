"""What the window and the process of `companion judge --json` say to each other, one JSON line each.

Whose reply is whose stays with the process until the end: the window knows a first and a second one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from companion.core.dataset import DialogueTurn
from companion.core.judgement import Outcome
from companion.core.messages import decode


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of everything that travels; the tag is the class name."""


class JudgingBegan(_Message, frozen=True, kw_only=True):
    """The models are being loaded."""

    left: int
    """Prompts that will be asked."""
    fewer: str = ""
    """Why they are not so many as were asked for; empty when they are."""


class PairWritten(_Message, frozen=True, kw_only=True):
    prompt: str
    number: int
    """Which of all that will be asked, from 1."""
    turns: tuple[DialogueTurn, ...]
    first: str
    second: str


class PairAlike(_Message, frozen=True, kw_only=True):
    """Both said the same, word for word: a tie that nobody has to be asked for."""

    number: int


class JudgingTold(_Message, frozen=True, kw_only=True):
    """Whose replies they were, and who is preferred; None before the first verdict."""

    outcome: Outcome | None


class JudgingFailed(_Message, frozen=True, kw_only=True):
    what: str
    remedy: str


class GiveVerdict(_Message, frozen=True, kw_only=True):
    prompt: str
    answer: Literal["first", "second", "tie", "skip"]


class TakeBack(_Message, frozen=True, kw_only=True):
    """The verdict about this prompt is to be given anew."""

    prompt: str


class TellOutcome(_Message, frozen=True, kw_only=True):
    """Answered by `JudgingTold`."""


JudgingEvent = JudgingBegan | PairWritten | PairAlike | JudgingTold | JudgingFailed
JudgingRequest = GiveVerdict | TakeBack | TellOutcome
_events = msgspec.json.Decoder(JudgingEvent)
_requests = msgspec.json.Decoder(JudgingRequest)


def decode_judging_event(line: bytes) -> JudgingEvent:
    """Raises msgspec.DecodeError on anything that is not an event."""
    event: JudgingEvent = decode(_events, line)
    return event


def decode_judging_request(line: bytes) -> JudgingRequest:
    """Raises msgspec.DecodeError on anything that is not a request."""
    request: JudgingRequest = decode(_requests, line)
    return request
