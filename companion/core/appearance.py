"""The few settings that the first frame of the window needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple


class Appearance(NamedTuple):
    """Fields of `Settings`, with the same defaults; a test compares them."""

    theme: str = "system"
    list_folded: bool = False
    window_geometry: str = ""


def read_appearance(path: Path) -> Appearance:
    """Read from the settings file without msgspec, whose import takes a tenth of the time until the first frame.

    Whatever is damaged or odd counts as the default here: `load_settings` reads the file again, and tells the person.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return Appearance()
    if not isinstance(found, dict):
        return Appearance()
    values: dict[str, Any] = Appearance()._asdict()
    values.update({name: found[name] for name in values if type(found.get(name)) is type(values[name])})
    return Appearance(**values)
