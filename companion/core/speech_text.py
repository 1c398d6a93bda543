"""What of a message can be said aloud."""

from __future__ import annotations

import re

_FENCE = re.compile(r"```.*?(?:```|$)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ADDRESS = re.compile(r"\bhttps?://\S+")
_MARKS = re.compile(r"[*_~`#>|]+")
_PICTURES = re.compile("[\u2190-\u21ff\u2300-\u23ff\u2500-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u200d]+")
_SPEAKABLE = re.compile(r"\w")


def speakable(sentence: str) -> str:
    """The sentence without code, addresses, marks of formatting and emoji; empty when nothing is left to say."""
    text = _FENCE.sub(" ", sentence)
    text = _ADDRESS.sub(" ", _LINK.sub(r"\1", text))
    text = " ".join(_PICTURES.sub(" ", _MARKS.sub("", text)).split())
    return text if _SPEAKABLE.search(text) else ""
