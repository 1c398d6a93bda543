"""What lists show of a report: its verdict and of what, without the rest, which may be large."""

from __future__ import annotations

from pathlib import Path

import msgspec

from companion.core.report import MAX_REPORT_BYTES, Subject

State = tuple[str, int, int]
"""A file's name, size and time of its last change in nanoseconds: while they are the same, so is what is in it."""


class SectionHead(msgspec.Struct, frozen=True):
    key: str
    seconds: float = 0.0


class MeasuredHead(msgspec.Struct, frozen=True):
    subject: Subject
    sections: tuple[SectionHead, ...] = ()


class ReportHead(msgspec.Struct, frozen=True):
    verdict: str
    measured: tuple[MeasuredHead, ...] = ()
    suite: str = ""
    began: float = 0.0
    """Seconds since the epoch; 0 in reports of older versions."""
    seconds: float = 0.0
    finished: bool = True


def state_of(file: Path) -> State | None:
    """None when it is not there."""
    try:
        status = file.stat()
    except OSError:
        return None
    return str(file), status.st_size, status.st_mtime_ns


def read_head(file: Path) -> ReportHead | None:
    """None when it is too large or cannot be read."""
    try:
        if file.stat().st_size > MAX_REPORT_BYTES:
            return None
        return msgspec.json.decode(file.read_bytes(), type=ReportHead)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
