"""Whether the keys of an entry can be searched for."""

from __future__ import annotations

import re
from typing import Final

from companion.core.prompts.lore_keys import MAX_PATTERN, compile_key, key_of


def pattern_problem(text: str, *, uses_regex: bool) -> str:
    """A sentence when a key is a pattern that cannot be used, else empty."""
    key = key_of(text, is_regex=uses_regex, case_sensitive=False, whole_words=True)
    if key is None or not key.is_regex or compile_key(key) is not None:
        return ""
    shown = text if len(text) <= 40 else f"{text[:39]}…"
    if len(text) > MAX_PATTERN:
        return f"“{shown}” is longer than a pattern may be ({MAX_PATTERN} characters), so it calls nothing up."
    slashed = _SLASHED.fullmatch(text)
    try:
        re.compile(slashed[1] if slashed else text)
    except (re.error, RecursionError, OverflowError) as error:
        return f"“{shown}” is not a pattern that can be read ({error}), so it calls nothing up."
    return f"“{shown}” is not a pattern that can be used, so it calls nothing up."


_SLASHED: Final = re.compile(r"/(.*)/[a-z]*", re.DOTALL)
