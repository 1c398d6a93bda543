"""The dialogues that a training holds back, written beside its data: whoever measures later must know which these were."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from companion.core.dataset import Dialogue
from companion.core.errors import DatasetError
from companion.core.files import replacing


def write_held_back(path: Path, dialogues: Iterable[Dialogue]) -> None:
    """One line of JSON each; no file when there are none. Raises DatasetError when there is no room."""
    found = iter(dialogues)
    first = next(found, None)
    if first is None:
        path.unlink(missing_ok=True)
        return
    try:
        with replacing(path) as file:
            file.write(msgspec.json.encode(first) + b"\n")
            for dialogue in found:
                file.write(msgspec.json.encode(dialogue) + b"\n")
    except OSError as error:
        raise DatasetError(f"“{path}” cannot be written ({error.strerror}).", "Make room on the disk.") from error
