"""The files that a job is told of on a command line: what it reads must be there, what it writes must not."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from companion.core.character import BUILT_IN
from companion.core.character_library import built_in_character, load_character
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.errors import JobError, RecipeError
from companion.core.job_folder import MAX_NAME
from companion.core.recipes.parts import Data
from companion.core.recipes.quantize import Calibration

C = TypeVar("C", bound=Calibration)
MAX_TARGET = 200
"""Bytes of a result's name: 255 are what file systems take, and it has a longer one until it is verified."""


def data_files(named: Sequence[Path], in_recipe: Sequence[str]) -> tuple[str, ...]:
    """Absolute paths of those named, else of those of the recipe; conversations of the app stay as they are named.

    Raises RecipeError when a file is missing.
    """
    stored = tuple(source for source in map(str, named or in_recipe) if source.startswith(CONVERSATION_PREFIX))
    files = tuple(str(Path(path).absolute()) for path in (named or in_recipe) if str(path) not in stored)
    if not files and not stored:
        raise RecipeError("There is nothing to learn from.", "Name files with --data FILE.")
    for path in files:
        if not Path(path).exists():
            raise RecipeError(f"The file “{path}” is not there.", "Check the name after --data.")
    return (*files, *stored)


def with_replay(data: Data) -> Data:
    """The table with an absolute path of the replay's file. Raises RecipeError when it is missing."""
    if not data.replay_file or data.replay_file.startswith(CONVERSATION_PREFIX):
        return data
    path = Path(data.replay_file).absolute()
    if not path.exists():
        raise RecipeError(f"The file “{path}” is not there.", "Check the name in data.replay_file.")
    return replace(data, replay_file=str(path))


def with_absolute_files(calibration: C) -> C:
    """The table with an absolute path of the importance file. Raises RecipeError when it is missing."""
    if not calibration.importance_file:
        return calibration
    path = Path(calibration.importance_file).absolute()
    if not path.exists():
        raise RecipeError(f"The file “{path}” is not there.", "Check the name in calibration.importance_file.")
    return replace(calibration, importance_file=str(path))


def character_of(named: str | None, in_recipe: str) -> str:
    """Whose card is put before dialogues without one; a card file becomes an absolute path. Raises CharacterError."""
    who = in_recipe if named is None else named
    if who.casefold() == built_in_character().name.casefold():
        return built_in_character().name
    if who != BUILT_IN:
        who = str(Path(who).absolute()) if Path(who).exists() else who
        load_character(who)
    return who


def target(path: Path) -> Path:
    """A file that is to be made: it may not be there yet, and its folder must take it. Raises JobError."""
    path = path.absolute()
    if len(path.name.encode()) > MAX_TARGET:
        raise JobError(f"The name “{path.name[:MAX_NAME]}…” is too long.", "Choose a shorter one.")
    if path.exists():
        raise JobError(f"“{path}” is there already.", "Give the result another name.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise JobError(f"Nothing can be written to “{path.parent}” ({error.strerror}).", "Choose another folder.") from error
    return path
