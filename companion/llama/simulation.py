"""What llama.cpp itself would set aside for a model and its contexts: it lays everything out, and reads and allocates nothing.

A damaged file may end the process, so this belongs in a child. With a load mode that maps files llama.cpp 0.3.36 aborts on
`no_alloc` (an assertion in `load_tensors`): the mode must be none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from companion.core.errors import ModelError
from companion.core.gguf.fields import GGUFHeader
from companion.core.gguf.header import read_header
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.memory import MemoryNeed, memory_need
from companion.llama.model import Model, Placement

_COMPUTE = re.compile(r"compute buffer size = +([0-9.]+) MiB")
_CACHE = re.compile(r"size = +([0-9.]+) MiB .*\bK \(")


def foreseen(
    library: Library, path: Path, placement: Placement, contexts: Sequence[ContextOptions]
) -> Iterator[MemoryNeed | None]:
    """The need of one model with each of these contexts; None for one that cannot be made. Raises ModelError."""
    header = read_header(path, chat_model=False)
    with Model(library, path, placement, simulated=True) as model:
        for options in contexts:
            yield _need(model, header, options)


def _need(model: Model, header: GGUFHeader, options: ContextOptions) -> MemoryNeed | None:
    log, estimate = model.library.log, memory_need(header, options, extra_buffers=model.placement.extra_buffers)
    log.clear()
    try:
        Context(model, options).close()
    except ModelError:
        return None
    text = "\n".join(log)
    compute = sum(map(float, _COMPUTE.findall(text)))
    cache = sum(map(float, _CACHE.findall(text)))
    return MemoryNeed(
        weights=estimate.weights,
        kv_cache=int(cache * 2**20) or estimate.kv_cache,
        compute=int(compute * 2**20) or estimate.compute,
        droppable=estimate.droppable,
    )
