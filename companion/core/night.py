"""When it is night, by the hours that the person has set."""

from __future__ import annotations

from datetime import datetime


def is_night(now: datetime, begins: int, ends: int) -> bool:
    """Hours from 0 to 23; a night may begin on the day before. When both are the same, every hour is night."""
    if begins == ends:
        return True
    return begins <= now.hour < ends if begins < ends else now.hour >= begins or now.hour < ends
