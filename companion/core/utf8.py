"""The character set that this process, and what it starts, takes texts to be in."""

from __future__ import annotations

import locale
import os
import sys


def use_utf8() -> None:
    """Qt takes nothing else: it would switch by itself, with three lines on stderr in every process that begins with it.

    Bare systems know no locale but C, and a person may have named one that is not installed.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        if _character_set() in ("UTF-8", "UTF8"):
            return
    except locale.Error:  # one that is named is not installed
        os.environ["LC_ALL"] = "C.UTF-8"
        return
    if everything := os.environ.pop("LC_ALL", ""):  # it would win over the next
        os.environ["LANG"] = everything
    os.environ["LC_CTYPE"] = "C.UTF-8"


def _character_set() -> str:
    """Raises locale.Error."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, "")
        return locale.nl_langinfo(locale.CODESET).upper()
    finally:
        locale.setlocale(locale.LC_ALL, before)
