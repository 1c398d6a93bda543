"""Words of any script, as everything that counts them does."""

from __future__ import annotations

from typing import Final

import regex

_WORD: Final = regex.compile(r"\p{Han}|\p{Hiragana}|[\p{Katakana}ー]+|\p{Thai}|[\p{L}\p{M}\p{N}]+(?:['’\-][\p{L}\p{M}\p{N}]+)*")
"""Words without what stands between them; of scripts that write no spaces each character, or run of Katakana."""


def words_of(text: str) -> list[str]:
    """Words in lower case, with one kind of apostrophe."""
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]
