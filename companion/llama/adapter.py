"""LoRA adapters on a loaded model: read from GGUF files, put on a context with their scales, swapped without reloading.

An adapter's tensors belong to the model; which adapters count, and how strongly, belongs to each context. llama.cpp
(0.3.36, llama_context::set_adapters_lora) plans its buffers anew at the next decode, so that a context may be older than
the adapters on it; what its cache holds was computed in the voice before and is dropped.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import llama_cpp

from companion.core.errors import ModelError
from companion.llama.context import Context, floats
from companion.llama.model import Model


class Scaled(NamedTuple):
    """An adapter file and how strongly it counts; 0 is as if it were not there."""

    path: Path
    scale: float


class _Stamp(NamedTuple):
    """A file that was written again under its name is another one."""

    path: Path
    modified: int
    size: int


class Adapter:
    """The tensors of one adapter, loaded onto `model`. Freed with the model at the latest."""

    def __init__(self, model: Model, path: Path) -> None:
        """The file has passed its check. Raises ModelError; may abort the process on a file that defeats llama.cpp."""
        self._model = model
        self.path = path
        model.library.log.clear()
        self.pointer: Any = llama_cpp.llama_adapter_lora_init(model.pointer, str(path).encode())
        if not self.pointer:
            fault = model.library.last_error()
            raise ModelError(
                f"llama.cpp cannot load the adapter “{path.name}”{': ' + fault if fault else ''}.",
                "Train it again, or choose another one.",
            )

    def close(self) -> None:
        """No context may have it any more."""
        if self.pointer and self._model.pointer:
            llama_cpp.llama_adapter_lora_free(self.pointer)
        self.pointer = None


class Adapters:
    """The adapters on one context, which must live as long as this is used."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loaded: dict[_Stamp, Adapter] = {}
        self._scales: dict[_Stamp, float] = {}
        """What counts now, without scales of 0."""

    def put(self, wanted: Sequence[Scaled]) -> bool:
        """Let exactly these count, added up; returns whether anything changed, and the context's cache was dropped.

        The files have passed their check. Raises ModelError when one cannot be loaded, or makes the model compute
        nonsense; what counted before then still does. May abort the process.
        """
        sums: dict[_Stamp, float] = {}
        for path, scale in wanted:
            stamp = _stamp(path)
            sums[stamp] = sums.get(stamp, 0.0) + scale
        scales = {stamp: scale for stamp, scale in sums.items() if scale}
        if scales == self._scales:
            return False
        before = self._scales
        try:
            for stamp in scales:
                if stamp not in self._loaded:
                    self._loaded[stamp] = Adapter(self._context.model, stamp.path)
            self._set(scales)
            try:
                self._refuse_nonsense()
            except BaseException:
                self._set(before)
                raise
        finally:
            self._free_unused()
        return True

    def close(self) -> None:
        """To be called before the context and the model are closed."""
        self._set({})
        self._free_unused()

    def _set(self, scales: dict[_Stamp, float]) -> None:
        pointers = [self._loaded[stamp].pointer for stamp in scales]
        llama_cpp.llama_set_adapters_lora(
            self._context.pointer,
            (llama_cpp.llama_adapter_lora_p_ctypes * len(scales))(*pointers),
            len(scales),
            (ctypes.c_float * len(scales))(*scales.values()),
        )
        self._context.clear()
        self._scales = scales

    def _refuse_nonsense(self) -> None:
        """One token through the model: it plans the buffers now instead of in the next reply, and shows what is no number."""
        if not self._scales:
            return
        context = self._context
        context.read([0])
        values = floats(context.logits(), context.model.vocabulary.size)
        sound = math.isfinite(values.min()) and math.isfinite(values.max())
        context.clear()
        if not sound:
            names = ", ".join(f"“{stamp.path.name}”" for stamp in self._scales)
            raise ModelError(
                f"The model computes nonsense with {names}.",
                "Train the adapter again with a lower learning rate, or let it count for less.",
            )

    def _free_unused(self) -> None:
        """After the context was given others: llama.cpp takes a new adapter at a freed one's address for the old one."""
        for stamp in [stamp for stamp in self._loaded if stamp not in self._scales]:
            self._loaded.pop(stamp).close()


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError as error:
        raise ModelError(f"The adapter “{path.name}” cannot be read ({error.strerror}).", "Choose another one.") from error
    return _Stamp(path, status.st_mtime_ns, status.st_size)
