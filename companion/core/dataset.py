"""A dataset: dialogues as JSONL beside a file that says where they came from.

<folder>/data.jsonl      one `Dialogue` per line
<folder>/source.toml     a `DatasetSource`
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

CONVERSATION_PREFIX: Final = "conversation:"
"""Begins the name of a source that is a conversation of the app and no file: "conversation:12"."""
DOCUMENT: Final = "document"
"""Name of the label of plain text for pretraining: one assistant turn that no chat template surrounds."""
THUMB: Final = "thumb"
"""Label of a dialogue whose last reply was judged by itself: "up" or "down"."""


Why = Literal["", "edit", "alternate", "thumbs"]
"""What says that one reply is better than another: the person wrote it over, went on from it, or judged both by thumbs."""


class DialogueTurn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a dialogue, in the field names of OpenAI's `messages` form."""

    role: Literal["system", "user", "assistant"]
    content: str
    train: bool = True
    """Whether a reply is learned from; False for one that was marked as bad, or that the person wrote for context only."""


class Dialogue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`labels` hold whatever else the source said of it (topic, persona, mood, thumbs), for splits and reports."""

    messages: tuple[DialogueTurn, ...]
    id: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    """Alternates of the last reply that were marked as worse; for preference tuning."""


class Preference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which of two replies to the same words is better; with one of them only, a reply that was judged by itself.

    This is also the form of a line of JSON: {"messages": […], "chosen": "…", "rejected": "…"}.
    """

    messages: tuple[DialogueTurn, ...]
    """Everything before the reply."""
    chosen: str = ""
    rejected: str = ""
    why: Why = ""
    id: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def is_pair(self) -> bool:
        return bool(self.chosen and self.rejected)


class DatasetSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a dataset came from and what one may do with it."""

    name: str
    origin: str
    """File, address or "conversations in Companion"."""
    form: str = ""
    """Such as "openai", "sharegpt", "alpaca", "sillytavern", "csv", "text", "conversations"."""
    licence: str = "unknown"
    attribution: str = ""
    consent: str = ""
    """Who agreed that it is learned from."""
    made: str = ""
    """ISO 8601 date and time."""
    dialogues: int = 0
    turns: int = 0
    words: int = 0
    steps: tuple[str, ...] = ()
    """Cleaning, augmentation and splits that made it, one sentence each, seeds included."""
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
