"""What the window, the terminal, the engine and the jobs say to each other: one frozen struct per message.

Messages travel as JSON lines over pipes (one object per line, UTF-8). `encode`, `decode_request` and `decode_event` are
the only way in and out, so that a malformed line is met in one place.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from companion.core.moods import Mood
from companion.core.sampling import Sampling

PROTOCOL = 3
"""Raised whenever a message changes its meaning; both sides compare it in `Hello`."""


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of everything that travels; the tag is the class name."""


TurnKind = Literal["card", "example", "message", "insert"]
"""What a turn is when not everything fits: an `example` is the first to go, then the oldest `message`; the `card` and an
`insert` (a note, a memory, lore at a depth) always stay."""


class Turn(msgspec.Struct, frozen=True):
    """One message of the prompt. `id` is the store's message id, 0 for text that is not a stored message."""

    role: Literal["system", "user", "assistant"]
    text: str
    id: int = 0
    kind: TurnKind = "message"


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the person fixed by hand; None means: measured and chosen by the engine."""

    context_tokens: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None


class AdapterUse(msgspec.Struct, frozen=True):
    """An adapter that is to count."""

    path: str
    scale: float = 1.0
    """How strongly, on top of the file's own alpha; 0 is as if it were not there."""
    optional: bool = False
    """What suits another model, or is not there, is left out without a word; what is damaged, with a note."""


# Requests: to the engine.


class Load(_Message, frozen=True, kw_only=True):
    """Load a model; answered by `LoadProgress`*, then `ModelReady` or `LoadFailed`."""

    request: int
    path: str
    options: LoadOptions = LoadOptions()
    avoid: tuple[str, ...] = ()
    """Rungs of the ladder that crashed in this session and must not be tried again."""
    adapters: tuple[AdapterUse, ...] = ()
    """As for `SetAdapters`; one that is refused fails the whole request."""


class SetAdapters(_Message, frozen=True, kw_only=True):
    """From now on exactly these adapters count, added up; the model stays loaded. Answered by `AdaptersReady` or
    `RequestFailed`, after which those before still count."""

    request: int
    adapters: tuple[AdapterUse, ...]


class Generate(_Message, frozen=True, kw_only=True):
    """Write one reply; answered by `PromptProgress`*, `PromptRead`, `Piece`*, then `ReplyDone` or `RequestFailed`.

    With `continue_last` the last turn is an assistant turn and the reply goes on from its end.
    """

    request: int
    turns: tuple[Turn, ...]
    sampling: Sampling = Sampling()
    continue_last: bool = False


class Prepare(_Message, frozen=True, kw_only=True):
    """Read these turns ahead, while nothing else is asked for. `Generate`, `Load` and another `Prepare` end it; it goes on
    after the others.

    Answered by `PromptRead` as soon as it is known what of them fits, before they are read.
    """

    request: int
    turns: tuple[Turn, ...]
    reply_tokens: int
    """Room that the next reply will ask for."""


class CountTokens(_Message, frozen=True, kw_only=True):
    """Count the tokens of plain texts; answered by `TokenCounts` or `RequestFailed`."""

    request: int
    texts: tuple[str, ...]


class ReadMoods(_Message, frozen=True, kw_only=True):
    """Read the mood of each of these texts; needs no model. Answered by `MoodsRead` or `RequestFailed`."""

    request: int
    texts: tuple[str, ...]


class Reflect(_Message, frozen=True, kw_only=True):
    """Write something that is not part of the conversation, at a quiet moment; any other request ends it.

    It has a small context of its own, without adapters, so the conversation's cache stays. Answered by `Reflected` or
    `RequestFailed`.
    """

    request: int
    turns: tuple[Turn, ...]
    sampling: Sampling = Sampling()


class Embed(_Message, frozen=True, kw_only=True):
    """Turn texts into vectors with an embedding model, a GGUF file of its own. Answered by `Embedded` or `RequestFailed`."""

    request: int
    model: str
    """Path of the embedding model; it stays loaded until another one is named."""
    texts: tuple[str, ...]
    purpose: Literal["query", "document"] = "document"


class Stop(_Message, frozen=True, kw_only=True):
    """Stop request number `request`; obeyed while other work goes on. Stopping what has ended does nothing."""

    request: int


class Leave(_Message, frozen=True, kw_only=True):
    """Finish and exit; closing the pipe means the same."""


Request = Load | SetAdapters | Generate | Prepare | CountTokens | ReadMoods | Reflect | Embed | Stop | Leave


# Events: from the engine.


class Hello(_Message, frozen=True, kw_only=True):
    """First line of every engine process."""

    protocol: int
    pid: int
    build: str
    """llama.cpp bindings and build, such as '0.3.36 CPU AVX512'."""


class LoadedAdapter(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter that counts."""

    path: str
    name: str
    rank: int
    """The largest of its matrices."""
    scale: float
    file_bytes: int

    @property
    def title(self) -> str:
        """Its name, and the scale when it is another than 1."""
        return self.name if self.scale == 1 else f"{self.name} × {self.scale:g}"


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was loaded, for the model chip and `companion doctor`."""

    path: str
    name: str
    architecture: str
    parameters: int
    quantization: str
    bits_per_weight: float
    file_bytes: int
    memory_bytes: int
    """Weights + KV cache + compute buffers, in bytes."""
    context_tokens: int
    trained_context_tokens: int
    device: str
    rung: str
    threads: int
    threads_reason: str
    """Why this many, such as “writes 118 tokens per second, 74 with 1 thread”."""
    chat_template: Literal["model", "fallback"]
    chat_template_name: str
    notes: tuple[str, ...] = ()
    """Full sentences the person should know: a fallback template, a ladder step that was needed, ..."""
    adapters: tuple[LoadedAdapter, ...] = ()


class LoadProgress(_Message, frozen=True, kw_only=True):
    request: int
    stage: Literal["checking", "measuring", "loading"]
    fraction: float
    """0 to 1 within the stage."""


class ModelReady(_Message, frozen=True, kw_only=True):
    request: int
    model: ModelInfo
    seconds: float


class AdaptersReady(_Message, frozen=True, kw_only=True):
    """These adapters count now, and the next reply is in their voice."""

    request: int
    adapters: tuple[LoadedAdapter, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    """Full sentences on optional adapters that are damaged and were left out."""


class LoadFailed(_Message, frozen=True, kw_only=True):
    request: int
    what: str
    remedy: str = ""


class PromptProgress(_Message, frozen=True, kw_only=True):
    """The prompt is being read: `read` of `total` tokens, reused ones included."""

    request: int
    read: int
    total: int


class PromptRead(_Message, frozen=True, kw_only=True):
    """What of the prompt fits. For `Generate` it comes when all is read, right before the first token; for `Prepare` before
    anything is read."""

    request: int
    prompt_tokens: int
    reused_tokens: int
    """Those that were in the cache already; 0 for `Prepare`."""
    context_tokens: int
    dropped_turns: int
    """How many of the oldest turns (system turns not counted) no longer fit."""
    first_remembered: int
    """Message id of the oldest turn still in the prompt, 0 when nothing was dropped."""


class Piece(_Message, frozen=True, kw_only=True):
    """A few characters of the reply, in order; never half a character, never part of a stop text."""

    request: int
    text: str


class ReplyDone(_Message, frozen=True, kw_only=True):
    """The reply has ended; everything that was in its `Piece`s stands."""

    request: int
    reason: Literal["end", "length", "stop_text", "stopped", "context_full"]
    tokens: int
    first_token_seconds: float
    """From the request's arrival at the engine to the first sampled token."""
    seconds: float
    """Time spent generating after the first token, in seconds."""
    tokens_per_second: float
    context_used: int
    context_tokens: int


class TokenCounts(_Message, frozen=True, kw_only=True):
    request: int
    counts: tuple[int, ...]


class MoodHeard(_Message, frozen=True, kw_only=True):
    """The mood of one sentence of the reply, sent behind the `Piece` that ended it."""

    request: int
    sentence: int
    """0 for the first one of the reply."""
    mood: Mood


class MoodsRead(_Message, frozen=True, kw_only=True):
    request: int
    moods: tuple[Mood, ...]
    """One for each text, in order."""


class Reflected(_Message, frozen=True, kw_only=True):
    request: int
    text: str
    complete: bool
    """False when something else was asked for meanwhile; `text` is then what there was so far."""


class Embedded(_Message, frozen=True, kw_only=True):
    request: int
    vectors: tuple[tuple[float, ...], ...]
    """One of length 1 (Euclidean) for each text, in order."""


class RequestFailed(_Message, frozen=True, kw_only=True):
    """A request other than `Load` could not be carried out; the engine goes on."""

    request: int
    what: str
    remedy: str = ""


Event = (
    Hello
    | LoadProgress
    | ModelReady
    | LoadFailed
    | AdaptersReady
    | PromptProgress
    | PromptRead
    | Piece
    | ReplyDone
    | TokenCounts
    | MoodHeard
    | MoodsRead
    | Reflected
    | Embedded
    | RequestFailed
)

_encoder = msgspec.json.Encoder()
_requests = msgspec.json.Decoder(Request)
_events = msgspec.json.Decoder(Event)


def encode(message: msgspec.Struct) -> bytes:
    """One JSON line, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """Raises msgspec.DecodeError (ValidationError included) on anything that is not a request."""
    request: Request = decode(_requests, line)
    return request


def decode_event(line: bytes) -> Event:
    """Raises msgspec.DecodeError (ValidationError included) on anything that is not an event."""
    event: Event = decode(_events, line)
    return event


def decode(decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
    """Raises msgspec.DecodeError, and nothing else, on anything that the decoder does not know."""
    try:
        return decoder.decode(line)
    except (UnicodeDecodeError, RecursionError) as error:  # what msgspec lets through: bad UTF-8, deep nesting
        raise msgspec.DecodeError(str(error)) from error
