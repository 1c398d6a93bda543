"""What her replies are compared with: the dialogues that the adapter in use learned from, or else her first replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from companion.core.adapter import read_adapter
from companion.core.dataset import Dialogue
from companion.core.dataset_folder import DATA_FILE
from companion.core.errors import CompanionError
from companion.core.job_folder import JobFolder
from companion.core.lineage import training_of
from companion.core.monitoring.observed import Observed

T = TypeVar("T")
MOST_DIALOGUES: Final = 1000
MOST_BYTES: Final = 32 << 20
"""Of a file that is looked into; of a larger one the held-out dialogues stand for all."""
_MOODS: Final = "mood"
"""Label of a dialogue that says how she sounds in it."""


class Reference(NamedTuple):
    replies: tuple[Observed, ...]
    words: str
    """What it is, such as: what “Hoshi, warmer” learned from."""
    is_learned: bool
    """Else it is how she talked at first."""


def learned_reference(adapters: Sequence[str]) -> Reference | None:
    """The dialogues behind the first adapter whose training is known here; None when there is none."""
    for adapter in adapters:
        try:
            info = read_adapter(Path(adapter))
            job = training_of(info)
        except CompanionError:
            continue
        if job is not None and (replies := _replies(job)):
            return Reference(replies, f"what “{info.name}” learned from", is_learned=True)
    return None


def _replies(job: JobFolder) -> tuple[Observed, ...]:
    """Of the files that are here and in the form the program writes itself; else of the dialogues it held back, which were
    drawn from all of them."""
    try:
        recipe = job.recipe()
    except CompanionError:
        recipe = None
    files = [Path(name) for name in getattr(recipe, "data_files", ())]
    found = [dialogue for file in files for dialogue in _dialogues(file / DATA_FILE if file.is_dir() else file)]
    return tuple(_observed(_thinned(found) or list(_dialogues(job.held_out_file))))


def _dialogues(file: Path) -> Iterator[Dialogue]:
    try:
        if file.stat().st_size > MOST_BYTES:
            return
        lines = file.read_bytes().splitlines()
    except OSError:  # a conversation of the app, or a file that has gone
        return
    for line in _thinned(lines):
        try:
            yield msgspec.json.decode(line, type=Dialogue)
        except msgspec.MsgspecError:
            continue


def _thinned(found: list[T]) -> list[T]:
    """Every so many of them, as files are often written in portions that are each of a kind."""
    return found[:: max(1, -(-len(found) // MOST_DIALOGUES))]


def _observed(dialogues: Sequence[Dialogue]) -> Iterator[Observed]:
    for number, dialogue in enumerate(dialogues):
        asked = ""
        for turn in dialogue.messages:
            if turn.role == "assistant" and turn.train and turn.content.strip():
                mood = dialogue.labels.get(_MOODS, "")
                yield Observed(text=turn.content, asked=asked, block=f"dialogue {number}", mood=mood)
            asked = turn.content if turn.role == "user" else asked
