"""An adapter and how much of it counts, as one writes it: FILE or FILE:SCALE."""

from __future__ import annotations

import re
from pathlib import Path

from companion.core.errors import CompanionError
from companion.core.messages import AdapterUse

SCALE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
LARGEST_SCALE = 10


def adapter_use(argument: str) -> AdapterUse:
    """`FILE` or `FILE:SCALE`; the colon of a Windows drive belongs to the file. Raises CompanionError."""
    file, scale = argument, "1"
    before, colon, behind = argument.rpartition(":")
    if colon and not Path(argument).is_file() and not re.fullmatch("[A-Za-z]", before):
        if SCALE.fullmatch(behind):
            file, scale = before, behind
        elif Path(before).is_file():
            raise CompanionError(f"“{behind}” is not a scale.", "Give a number behind the file, such as :0.8.")
    if not file.strip():
        raise CompanionError("No adapter is named.", "Give a file: companion chat --adapter hoshi.gguf:0.8")
    if abs(float(scale)) > LARGEST_SCALE:
        raise CompanionError(f"A scale of {scale} is too much.", f"Give one between -{LARGEST_SCALE} and {LARGEST_SCALE}.")
    return AdapterUse(str(Path(file).expanduser().absolute()), float(scale))
