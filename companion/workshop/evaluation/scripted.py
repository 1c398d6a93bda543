"""Prompts of scripts that are shipped: what was said is fixed, and stands behind a character's card as in the chat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from companion.core.character import Character
from companion.core.conversation import Message
from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import DatasetError
from companion.core.paths import models_folder
from companion.core.prompts.prompt import Scene, assemble, greeting
from companion.core.recipes.evaluate import Evaluate
from companion.workshop.data.opening import character_named

NOW: Final = datetime(2026, 1, 15, 20, 0)
"""The clock of cards that tell the time: the same command twice gives the same prompts."""
MOST_BYTES: Final = 16 << 20

Said = Annotated[str, Meta(min_length=1, max_length=4000)]
"""Words in a line of a script."""
Line = TypeVar("Line", bound=msgspec.Struct)


def shipped(name: str) -> Path:
    """A file of scripts by its name, such as "safety.jsonl"."""
    return models_folder() / "evaluation" / name


def read_lines(path: Path, kind: type[Line]) -> list[Line]:
    """JSONL of one struct per line. Raises DatasetError, which names the line, when it is not that."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DatasetError(f"“{path.name}” is too large for a list of questions.", "Name a file of fewer lines.")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DatasetError(f"“{path}” cannot be read ({error.strerror}).", "Check the name of the file.") from error
    found: list[Line] = []
    decoder = msgspec.json.Decoder(kind)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            fields = ", ".join(kind.__struct_fields__)
            raise DatasetError(
                f"Line {number:,} of “{path.name}” is not as it should be ({error}).", f"Each line is JSON with {fields}."
            ) from error
    if not found:
        raise DatasetError(f"“{path.name}” holds no lines.", "Name another file.")
    return found


def character_of(recipe: Evaluate) -> Character | None:
    """Whose card stands before the scripts; None when the recipe names nobody. Raises CharacterError when it is gone."""
    return character_named(recipe.character)


def dialogue(name: str, character: Character | None, said: Sequence[DialogueTurn], *, note: str = "") -> Dialogue:
    """A talk up to a reply: the card and the greeting of the character when there is one, then `said`, which ends with a
    user turn. `note` is what the chat calls the author's note: an instruction right before what the person said last."""
    if character is None:
        before = (DialogueTurn("system", note),) if note else ()
        return Dialogue(id=name, messages=(*before, *said))
    scene = Scene(character=character, now=NOW, note=note, note_depth=1)
    turns = [DialogueTurn("assistant", greeting(scene)), *said]
    messages = [
        Message(id=number, conversation=1, parent=number - 1 or None, role=turn.role, text=turn.content, created=0.0)
        for number, turn in enumerate(turns, 1)
        if turn.role != "system"
    ]
    return Dialogue(id=name, messages=tuple(DialogueTurn(turn.role, turn.text) for turn in assemble(scene, messages)))
