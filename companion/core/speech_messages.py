"""What the window and the speech process say to each other, as JSON lines like `messages`."""

from __future__ import annotations

from typing import Any

import msgspec

from companion.core.messages import decode

MOST_VOICES = 200


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of everything that travels; the tag is the class name."""


class Say(_Message, frozen=True, kw_only=True):
    """Say one sentence after what is being said; answered by `SpeechBegun`, `WordSpoken`* and `SpeechEnded`."""

    number: int
    text: str


class Silence(_Message, frozen=True, kw_only=True):
    """Say nothing of what was asked for so far, at once."""


class Tune(_Message, frozen=True, kw_only=True):
    """How to speak from the next sentence on."""

    rate: float
    """-1 to 1, 0 is the voice's own pace."""
    pitch: float
    """-1 to 1, 0 is the voice's own pitch."""
    voice: str
    """Name of a voice; empty or unknown leaves the system's choice."""


SpeechRequest = Say | Silence | Tune


class SpeechReady(_Message, frozen=True, kw_only=True):
    """There is a voice."""

    voices: tuple[str, ...]
    """Names of those that can be chosen, MOST_VOICES at most."""
    words: bool
    """Whether `WordSpoken` will come; without it the lips follow the text of the sentence."""


class NoSpeech(_Message, frozen=True, kw_only=True):
    """There is no voice, or it has failed; the process ends."""

    reason: str
    """For the log."""


class SpeechBegun(_Message, frozen=True, kw_only=True):
    number: int


class WordSpoken(_Message, frozen=True, kw_only=True):
    word: str


class SpeechEnded(_Message, frozen=True, kw_only=True):
    """A sentence has been said, or was silenced."""

    number: int


SpeechEvent = SpeechReady | NoSpeech | SpeechBegun | WordSpoken | SpeechEnded

_requests = msgspec.json.Decoder(SpeechRequest)
_events = msgspec.json.Decoder(SpeechEvent)


def decode_speech_request(line: bytes) -> Any:
    """A SpeechRequest; raises msgspec.DecodeError on anything else."""
    return decode(_requests, line)


def decode_speech_event(line: bytes) -> Any:
    """A SpeechEvent; raises msgspec.DecodeError on anything else."""
    return decode(_events, line)
