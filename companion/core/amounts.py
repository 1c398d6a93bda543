"""Amounts as a person reads them."""

from __future__ import annotations

import re

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kMGT])(i?))?B?", re.IGNORECASE)
_SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(%?)")


def bytes_of(text: str) -> int:
    """A size that a person wrote: 80MB and 1.5 GB in powers of ten, 90MiB in powers of 1,024. Raises ValueError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no size")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** " kmgt".index((found[2] or " ").lower()))


def share_of(text: str) -> float:
    """A share that a person wrote, such as 20% or 0.2. Raises ValueError."""
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no share")
    return float(found[1]) / (100 if found[2] else 1)


def bytes_text(count: float) -> str:
    """Bytes in decimal units with at most three figures: “980 MB”, “8.03 GB”, “41.2 GB”."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB" if count < 999.5 else f"{count:,.0f} TB"


def duration_text(seconds: float) -> str:
    """About how long, in words: “45 s”, “4 min”, “2 h 10 min”, “3 days”."""
    if seconds < 59.5:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(round(minutes, -1) if minutes >= 600 else minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 1440)} days"


def seconds_left(spent: float, share: float) -> float:
    """What work still takes that has done `share` of itself, 0 to 1, in `spent` seconds, if it goes on as it did; 0 while it
    is too early to tell, and at its end."""
    return spent * (1 - share) / share if spent >= 5 and 0.1 <= share < 1 else 0.0


def times_text(factor: float) -> str:
    """How many times, as one says it: “1.3 times”, “twice”, and above ten “many times”."""
    if factor > 10:
        return "many times"
    told = f"{factor:.2g}"
    return "twice" if told == "2" else f"{told} times"


def counted(count: int, one: str, many: str = "") -> str:
    """“1 dialogue”, “12 dialogues”."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
