"""What differs between two texts, as rich text: what goes is struck out, what comes is underlined, each in a colour, too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape
from typing import Final

from companion.ui.palette import Palette

_WORDS: Final = re.compile(r"\s+|[\w']+|[^\w\s]")
_LEAST_ALIKE: Final = 0.3
"""Texts that have less in common are shown without marks: everything would be one."""


def marked_difference(before: str, after: str, palette: Palette) -> tuple[str, str]:
    """Both texts as HTML."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _LEAST_ALIKE:
        return escape(before), escape(after)
    gone, came = [], []
    for kind, a, b, c, d in matcher.get_opcodes():
        gone.append(_marked(old[a:b], "line-through", palette.bad) if kind != "equal" else escape("".join(old[a:b])))
        came.append(_marked(new[c:d], "underline", palette.ok) if kind != "equal" else escape("".join(new[c:d])))
    return "".join(gone), "".join(came)


def struck_out(text: str, palette: Palette) -> str:
    """All of it goes."""
    return _marked([text], "line-through", palette.bad)


def _marked(words: Sequence[str], line: str, colour: str) -> str:
    text = escape("".join(words))
    return f'<span style="text-decoration: {line}; color: {colour}">{text}</span>' if text else ""
