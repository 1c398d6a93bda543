"""Which of two versions of this program is the newer one."""

from __future__ import annotations

import re
from typing import Final

_VERSION: Final = re.compile(r"v?(?P<numbers>\d{1,6}(\.\d{1,6}){0,3})((?P<stage>a|b|rc)(?P<trial>\d{1,6}))?")
"""As packaging/release.py takes them, and as tags name them."""


def is_version(text: str) -> bool:
    return _VERSION.fullmatch(text) is not None


def order(version: str) -> tuple[tuple[int, ...], str, int]:
    """To compare by: 0.2.0a1 < 0.2.0rc1 < 0.2.0 = 0.2 < 0.10.0; what is no version comes before all."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (), "", 0
    numbers = [int(number) for number in found["numbers"].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), found["stage"] or "~", int(found["trial"] or 0)
