"""Names for what a job makes: nothing that is there already is ever given again."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec.structs import replace

from companion.core.job import JobOrder
from companion.core.job_folder import MAX_NAME


def name_after(text: str, otherwise: str) -> str:
    """A name that a file may have, made of a text."""
    return re.sub(r"[^\w-]+", "-", text).strip("-")[:MAX_NAME] or otherwise


def fitted_name(model: Path, adapter: Path | None) -> str:
    """What a build of a model is called, with or without an adapter worked into it."""
    stem = model.stem if adapter is None else f"{model.stem}-{adapter.stem}"
    return name_after(f"{stem}-fitted", "model")


def free_name(folder: Path, name: str, ending: str = ".gguf") -> Path:
    """A file of this name that is not there yet."""
    return _free(folder / f"{name}{ending}")


def with_free_targets(order: JobOrder) -> JobOrder:
    """The order for doing the same once more: results get names beside those of the first time."""
    output, merged = (str(_free(Path(path))) if path else "" for path in (order.output, order.merged))
    return replace(order, output=output, merged=merged)


def _free(wanted: Path) -> Path:
    path, number = wanted, 2
    while path.exists():
        path, number = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}"), number + 1
    return path
