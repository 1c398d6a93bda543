"""Words of the jobs page: when something was, and a job's events as lines of its log."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from companion.core.job import JobEvent
from companion.core.job_words import sentences


def when(seconds: float, now: datetime | None = None) -> str:
    """“today 14:03”, “yesterday 9:12”, “12 May 14:03”, “12 May 2025”; empty for 0."""
    if not seconds:
        return ""
    then, today = datetime.fromtimestamp(seconds), (now or datetime.now()).date()
    clock = f"{then.hour}:{then:%M}"
    if then.date() == today:
        return f"today {clock}"
    if then.date() == today - timedelta(days=1):
        return f"yesterday {clock}"
    day = f"{then.day} {then:%b}"
    return f"{day} {clock}" if then.year == today.year else f"{day} {then.year}"


def log_lines(event: JobEvent) -> list[str]:
    """An event in the log; one of a kind that is not known here is told by its name and its numbers."""
    clock = f"{datetime.fromtimestamp(event.time):%H:%M:%S}  "
    told = sentences(event) or [_unknown(event)]
    return [(clock if number == 0 else " " * len(clock)) + line for number, line in enumerate(told)]


def _unknown(event: msgspec.Struct) -> str:
    told = (f"{name} {value}" for name in event.__struct_fields__ if isinstance(value := getattr(event, name), int | float | str))
    return f"{type(event).__name__}: {', '.join(part for part in told if not part.startswith('time '))}"
