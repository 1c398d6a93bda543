"""A dialogue as a source found it, and what can be wrong with a place in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from companion.core.dataset import DOCUMENT, Dialogue
from companion.core.errors import DatasetError

MAX_TURNS: Final = 20_000
MAX_LABEL_CHARACTERS: Final = 400

REMEDY: Final = "Correct it, or run “companion data clean”, which leaves out what cannot be read."


class Found(NamedTuple):
    """A dialogue and where it stands: `place` begins a sentence, such as "Line 7 of “talks.jsonl”"."""

    dialogue: Dialogue
    place: str


class BrokenDialogue(DatasetError):
    """One dialogue of a source cannot be read; the ones after it may be fine."""

    def __init__(self, place: str, why: str, remedy: str = REMEDY) -> None:
        super().__init__(f"{place} {why}.", remedy)
        self.place = place


OnBroken = Callable[[BrokenDialogue], None]
"""What a source does with a broken dialogue; it goes on when this returns."""


def stop(broken: BrokenDialogue) -> None:
    """Nothing broken is passed over in silence unless somebody asked for that."""
    raise broken


def text_of(value: Any, place: str, what: str) -> str:
    """The value as text that every later stage can hold; raises BrokenDialogue when it is none."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):  # OpenAI's content parts
        parts = [part.get("text") for part in value if isinstance(part, dict) and part.get("type", "text") == "text"]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) == len(value):
            return clean_text("\n".join(texts))
        raise BrokenDialogue(place, f"has something other than text in {what}")
    if value is None:
        raise BrokenDialogue(place, f"has no text in {what} (null)")
    raise BrokenDialogue(place, f"has {_kind(value)} instead of text in {what}")


def clean_text(text: str) -> str:
    """Line ends become \\n; NULs and lone surrogates, which no file can hold, go."""
    if "\r" in text or "\x00" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    return text if text.isascii() else text.encode("utf-8", errors="replace").decode("utf-8")


def label_of(value: Any) -> str | None:
    """A label's value as text; None for what is no label: structures and long texts."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        text = clean_text(str(value)).strip()
        return text if 0 < len(text) <= MAX_LABEL_CHARACTERS else None
    return None


def labels_of(fields: dict[str, Any], used: frozenset[str] | set[str]) -> dict[str, str]:
    """Whatever else the source said of a dialogue, for splits and reports: its fields but the `used` ones, and all “labels”.

    A field of somebody's that is called “document” makes no document of a dialogue; only the label does.
    """
    own = fields.get("labels")
    others = [(name, value) for name, value in fields.items() if name not in used and name not in ("labels", DOCUMENT)]
    named = [*others, *(own.items() if isinstance(own, dict) else ())]
    return {name: text for name, value in named if isinstance(name, str) and (text := label_of(value)) is not None}


def _kind(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return f"the number {msgspec.json.encode(value).decode()}" if not isinstance(value, bool) else "true or false"
    return "a list" if isinstance(value, list) else "an object"
