"""Where the person was when a file was last chosen: the next question for one begins there.

A file of its own beside the settings: questions for files are asked from everywhere, and settings are held by the window.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import platformdirs

from companion.core.errors import StoreError
from companion.core.files import write_atomic
from companion.core.paths import settings_folder

_NAME = "last-folder.txt"


def last_folder() -> Path:
    """The folder of what was chosen last, else that of the person's documents, else their home."""
    found: list[Path] = []
    with contextlib.suppress(OSError, UnicodeDecodeError, StoreError):
        found.append(Path((settings_folder() / _NAME).read_text(encoding="utf-8").strip()))
    found.append(Path(platformdirs.user_documents_dir()))
    for folder in found:
        with contextlib.suppress(OSError, ValueError):
            if folder.is_absolute() and folder.is_dir():
                return folder
    return Path.home()


def remember_folder(folder: Path) -> None:
    """Where the next question begins; it matters too little to fail."""
    with contextlib.suppress(OSError, UnicodeEncodeError, StoreError):
        write_atomic(settings_folder() / _NAME, str(folder.absolute()).encode())
