"""Names for what a job makes: nothing that is there already is ever given again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from companion.core.job import JobOrder
from companion.core.job_folder import MAX_NAME
from companion.core.recipes.files import Recipe

R = TypeVar("R", bound=Recipe)
_NUMBERED: Final = re.compile(r"(.+)-([2-9]|[1-9]\d{1,2})")


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


def once_more(recipe: R, order: JobOrder) -> tuple[R, JobOrder]:
    """For doing the same once more: as `with_free_targets`, and a recipe that is called like its result still is."""
    free = with_free_targets(order)
    if order.output and recipe.name == Path(order.output).stem:
        recipe = replace(recipe, name=Path(free.output).stem)
    return recipe, free


def _free(wanted: Path) -> Path:
    """The one after “Mia-2” is “Mia-3” where there is a “Mia”; “llama-3” may be called so."""
    path, number, stem = wanted, 2, wanted.stem
    if (counted := _NUMBERED.fullmatch(stem)) and wanted.with_name(f"{counted[1]}{wanted.suffix}").exists():
        stem, number = counted[1], int(counted[2]) + 1
    while path.exists():
        path, number = wanted.with_name(f"{stem}-{number}{wanted.suffix}"), number + 1
    return path
