"""Where processes write what nobody should have to read, except to find a fault."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path

from companion.core.errors import StoreError
from companion.core.paths import HOME_VARIABLE, log_folder

MAX_LOG_BYTES = 1024 * 1024


def log_file(role: str) -> Path:
    """The log of one role, such as 'engine'; a log that has grown large becomes the one previous log first."""
    path = log_folder() / f"{role}.log"
    with contextlib.suppress(OSError):  # another process may hold it open on Windows; it then grows a little further
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_suffix(".previous.log"))
    return path


def log_to_stderr(level: int = logging.INFO) -> None:
    """For worker processes: whoever started them pointed their stderr at a log file."""
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")


def log_to_file(role: str, level: int = logging.INFO) -> None:
    """For the window and the terminal: log to the role's own file. Raises StoreError when there cannot be one."""
    file = log_file(role)
    try:
        logging.basicConfig(
            filename=file,
            encoding="utf-8",
            level=level,
            format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s",
        )
    except OSError as error:
        remedy = f"Make its folder writable, or set {HOME_VARIABLE} to another folder."
        raise StoreError(f"The log “{file}” cannot be written ({error.strerror}).", remedy) from error
    logging.raiseExceptions = False  # a line that finds the disk full is lost; the terminal is not the place for a traceback
