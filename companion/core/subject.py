"""What is measured or judged, as recipes name it: a model's file, then those of its adapters with their scales."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.adapter_use import adapter_use
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import read_header


def subject(model: Path, adapters: Sequence[str]) -> tuple[str, ...]:
    """A model with adapters as FILE[:SCALE], every file checked. Raises CompanionError."""
    model = model.absolute()
    header = read_header(model)
    found = []
    for use in map(adapter_use, adapters):
        info = read_adapter(Path(use.path))
        refuse_other_base(info, header, file_sha256(model) if info.base_sha256 else "")
        found.append(f"{use.path}:{use.scale:g}")
    return (str(model), *found)
