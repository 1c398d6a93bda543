"""What the window and the process that works on datasets say to each other, as JSON lines like `messages`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from companion.core.dataset import DatasetSource
from companion.core.dataset_findings import CleaningOptions, Finding, Inspection, TopicMap
from companion.core.messages import decode

Whose = Literal["user", "assistant", "all"]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="type"):
    """Base of everything that travels; the tag is the class name."""


class _Request(_Message, frozen=True, kw_only=True):
    """One process carries out one request and leaves; closing the pipe ends it at once. All paths are absolute.

    Answered by `WorkProgress`*, then by what each request names, or by `WorkFailed`.
    """

    files: tuple[str, ...]
    """Files, dataset folders, or conversations as "conversation:NUMBER"."""


class InspectData(_Request, frozen=True, kw_only=True):
    """Answered by `Inspected`."""

    cleaning: CleaningOptions = CleaningOptions()
    model: str = ""
    """A GGUF to count tokens with; empty counts none."""
    examples: int = 3
    each: bool = False
    """Look at each source by itself first: one that cannot be read is told in `looks` and passed over."""


class MapTopics(_Request, frozen=True, kw_only=True):
    """Answered by `TopicsMapped`."""

    model: str
    """A GGUF whose embeddings say what is alike."""
    most: int = 300
    """Dialogues that are placed, chosen by chance among more."""
    seed: int = 0


class WriteDataset(_Request, frozen=True, kw_only=True):
    """A new dataset folder of dialogues of any form, cleaned or as they are. Answered by `Written`."""

    output: str
    cleaning: CleaningOptions | None = None
    """None writes them as they are."""
    name: str = ""
    """Said of it, as are the next three; empty takes what the sources say."""
    licence: str = ""
    attribution: str = ""
    consent: str = ""


class AugmentData(_Request, frozen=True, kw_only=True):
    """Other versions of dialogues beside them. Answered by `Written`, without a source when `output` is empty."""

    output: str = ""
    """A new dataset folder; empty only shows what would be made of the first `most` dialogues."""
    name: str = ""
    """What that is called; empty takes the name of the source."""
    synonyms: float = 0.0
    """Share of words, as `delete` and `swap` are."""
    delete: float = 0.0
    swap: float = 0.0
    shuffle: bool = False
    paraphrase: bool = False
    whose: Whose = "user"
    most: int = 0
    """Dialogues that are varied; 0 all."""
    model: str = ""
    """A GGUF that rewrites, and knows synonyms where WordNet is not installed."""
    seed: int = 0


class SplitData(_Request, frozen=True, kw_only=True):
    """Two dataset folders, "train" and "held-out", or one for each fold. Answered by `Written` with a source for each."""

    output: str
    """The folder they lie in."""
    held_out: float = 0.1
    folds: int = 0
    group_by: str = ""
    stratify_by: str = ""
    seed: int = 0


class ExportData(_Request, frozen=True, kw_only=True):
    """One file with a dialogue per line, in the form of OpenAI's `messages`. Answered by `Written` without a source."""

    output: str


class WorkProgress(_Message, frozen=True, kw_only=True):
    words: str
    fraction: float
    """0 to 1; 0 also while nobody can know."""


class Inspected(_Message, frozen=True, kw_only=True):
    inspection: Inspection


class TopicsMapped(_Message, frozen=True, kw_only=True):
    topics: TopicMap


class Written(_Message, frozen=True, kw_only=True):
    dialogues: int
    """In all that was written."""
    sources: dict[str, DatasetSource] = msgspec.field(default_factory=dict)
    """By folder."""
    findings: tuple[Finding, ...] = ()
    made: int = 0
    """Versions that augmentation added."""


class WorkFailed(_Message, frozen=True, kw_only=True):
    what: str
    remedy: str


DatasetRequest = InspectData | MapTopics | WriteDataset | AugmentData | SplitData | ExportData
DatasetEvent = WorkProgress | Inspected | TopicsMapped | Written | WorkFailed

_requests = msgspec.json.Decoder(DatasetRequest)
_events = msgspec.json.Decoder(DatasetEvent)


def decode_dataset_request(line: bytes) -> Any:
    """Raises msgspec.DecodeError on anything that is not a request."""
    return decode(_requests, line)


def decode_dataset_event(line: bytes) -> Any:
    """Raises msgspec.DecodeError on anything that is not an event."""
    return decode(_events, line)
