"""How many tokens a text will take, without asking the model."""

from __future__ import annotations

import math
import re

_ACCENT = re.compile(r"[\u00c0-\u024f]")
_PIECES = re.compile(r"[^\W\d_]+|\d|\n+|[^\s\w]|_+")


def estimate_tokens(text: str) -> int:
    """A guess that rather says too much: for budgets, where a text that is longer than expected would push out others.

    A byte-pair vocabulary has a token for most English words and for every digit and mark; words of other languages are
    cut into pieces of two or three letters (an accent in the text tells), and other signs, such as Chinese ones, take
    up to three tokens. Against the starter model's vocabulary this says 0.95 to 1.7 times what it is; the larger
    vocabularies of larger models need fewer (tests/llama/test_prompt.py).
    """
    letters_per_token = 2.2 if _ACCENT.search(text) else 4.0
    total = 0.0
    for piece in _PIECES.findall(text):
        signs = 0 if piece.isascii() else sum(sign >= "\u0250" for sign in piece)
        far = 0 if signs == 0 else sum(sign >= "\u0800" for sign in piece)
        total += 1.2 * (signs - far) + 2.8 * far
        if latin := len(piece) - signs:
            total += max(1.0, latin / letters_per_token)
    return math.ceil(total)


def within_tokens(texts: tuple[str, ...], budget: int) -> tuple[str, ...]:
    """The first texts that together stay within the budget, a list's dash and line end counted."""
    kept: list[str] = []
    for text in texts:
        budget -= estimate_tokens(text) + 2
        if budget < 0:
            break
        kept.append(text)
    return tuple(kept)
