"""What can be said of a build before anything is measured: how small it can be, and what room making it takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from companion.core.amounts import bytes_text
from companion.core.disk_room import Need
from companion.core.errors import RecipeError
from companion.core.gguf.header import GGUFHeader
from companion.core.gguf.types import TYPES_BY_NAME
from companion.core.recipes.quantize import Quantize

METADATA: Final = 8192
"""Bytes that a build's own metadata may take."""
SIDE_BY_SIDE: Final = 2
"""Builds that lie in a job's folder at a time: the best so far, and the one that is tried."""
UNPACKED: Final = 2
"""Bytes of a weight in the model with an adapter worked in, which is F16."""


def smallest_build(header: GGUFHeader, kinds: Sequence[str]) -> int:
    """Bytes: every matrix as the smallest of these types that fills its rows, or as it is."""
    size = header.file_size + METADATA
    for tensor in header.tensors:
        if len(tensor.shape) == 2:
            types = [TYPES_BY_NAME[name] for name in kinds if name in TYPES_BY_NAME] + [tensor.type]
            sizes = [tensor.elements // kind.block * kind.size for kind in types if tensor.shape[0] % kind.block == 0]
            size += _padded(min(sizes), header.alignment) - _padded(tensor.size, header.alignment)
    return size


def refuse_too_small(size: int, smallest: int) -> None:
    """A `size` of 0 sets no limit. Raises RecipeError."""
    if 0 < size < smallest:
        what = f"No build of this model is as small as {bytes_text(size)}."
        raise RecipeError(what, f"The smallest possible is {bytes_text(smallest)} ({smallest:,} bytes).")


def refuse_impossible_size(recipe: Quantize, header: GGUFHeader) -> None:
    """A size that no choice of types reaches. Raises RecipeError."""
    refuse_too_small(recipe.budget.size, smallest_build(header, recipe.search.kinds))


def needed_room(recipe: Quantize, header: GGUFHeader, folder: Path, output: Path | None) -> list[Need]:
    """For a job in `folder` that delivers to `output`. Without a limit of its size a build is foreseen to be at most as large as
    its source, and two of them together, too."""
    source = header.parameters * UNPACKED if recipe.adapter else header.file_size
    merged = source if recipe.adapter else 0
    build = min(recipe.budget.size or source, source) + METADATA
    here = SIDE_BY_SIDE * build if recipe.budget.size else build
    return [Need(folder, merged + here), *([Need(output.parent, build)] if output else [])]


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
