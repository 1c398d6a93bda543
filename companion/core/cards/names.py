"""Names of characters' folders: plain letters, the same on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import count
from typing import Final

from companion.core.cards.charx import is_safe_path

MAX_SLUG: Final = 40


def free_slug(name: str, taken: Container[str]) -> str:
    """A folder name for a character of this name that is not among `taken`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:MAX_SLUG].strip("-")
    if not slug or not is_safe_path(slug):
        slug = f"character-{slug}".strip("-")
    if slug not in taken:
        return slug
    return next(numbered for number in count(2) if (numbered := f"{slug}-{number}") not in taken)


def sprite_label(name: str) -> str:
    """The mood that a card's `emotion` asset of this name is shown for, as a file name without its extension; may be empty."""
    label = re.sub(r"[^a-z0-9]+", "_", re.sub(r"\.(png|webp|jpe?g|gif)$", "", name.strip().lower())).strip("_")[:MAX_SLUG]
    return _MOODS.get(label, label)


_MOODS: Final = {
    **dict.fromkeys(("default", "normal", "idle", "base", "main", "calm"), "neutral"),
    **dict.fromkeys(("happy", "smile", "smiling", "glad"), "joy"),
    **dict.fromkeys(("laugh", "laughing", "amused"), "amusement"),
    **dict.fromkeys(("sad", "crying", "cry"), "sadness"),
    **dict.fromkeys(("angry", "mad", "furious"), "anger"),
    **dict.fromkeys(("annoyed", "pout", "pouting"), "annoyance"),
    **dict.fromkeys(("scared", "afraid", "frightened"), "fear"),
    **dict.fromkeys(("shy", "blush", "blushing", "embarrassed"), "embarrassment"),
    **dict.fromkeys(("surprised", "shocked", "shock"), "surprise"),
    **dict.fromkeys(("confused", "puzzled"), "confusion"),
    **dict.fromkeys(("nervous", "worried", "anxious"), "nervousness"),
    **dict.fromkeys(("proud", "smug"), "pride"),
    **{"curious": "curiosity", "thinking": "curiosity", "disgusted": "disgust", "excited": "excitement"},
    **{"loving": "love", "in_love": "love", "disappointed": "disappointment", "relieved": "relief", "grateful": "gratitude"},
}
"""What card makers call the moods."""
