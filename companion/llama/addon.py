"""Trying llama.cpp's part of an add-on: its libraries are loaded, and every card they find is opened."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Final

import llama_cpp

from companion.core.addons.use import Backend
from companion.core.amounts import bytes_text
from companion.core.errors import AddonError
from companion.llama.ggml import library, load_backend
from companion.llama.library import Library

_GPUS: Final = (1, 2)
"""`enum ggml_backend_dev_type`: a card with memory of its own, and one that shares the machine's."""
_DRIVER: Final = "Update the driver of the graphics card, then check the add-on again; without it all runs on the processor."


def refuse_other_version(wanted: str) -> None:
    """The libraries share structs with llama.cpp: they are for exactly one version. Raises AddonError."""
    if llama_cpp.__version__ != wanted:
        what = f"The add-on is for llama.cpp of {wanted}, and this Companion has that of {llama_cpp.__version__}."
        raise AddonError(what, "Remove it and install it again; without it all runs on the processor.")


def try_backends(log: Library, backends: Sequence[Backend], tell: Callable[[str], None]) -> tuple[str, ...]:
    """The cards that were found and could be opened, as llama.cpp calls them. Raises AddonError; may end the process."""
    cards = []
    for backend in backends:
        tell(f"“{backend.path.name}” was loaded")
        log.log.clear()
        registry = load_backend(backend)
        if not registry:
            why = f": {said}" if (said := log.last_error()) else ""
            raise AddonError(f"llama.cpp cannot use “{backend.path.name}”{why}.", _DRIVER)
        cards += [_opened(device, tell) for device in _devices(registry)]
    if not cards:
        raise AddonError("llama.cpp sees no graphics card that the add-on is for.", _DRIVER)
    return tuple(cards)


def _devices(registry: int) -> list[int]:
    """Addresses of its cards; what is no card is left out."""
    count = _function("ggml_backend_reg_dev_count", ctypes.c_size_t, ctypes.c_void_p)(registry)
    device = _function("ggml_backend_reg_dev_get", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    kind = _function("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
    return [found for number in range(count) if (found := device(registry, number)) and kind(found) in _GPUS]


def _opened(device: int, tell: Callable[[str], None]) -> str:
    text = _function("ggml_backend_dev_description", ctypes.c_char_p, ctypes.c_void_p)(device)
    name = (text or b"a graphics card").decode("utf-8", errors="replace")
    tell(f"“{name}” was opened")
    opened = _function("ggml_backend_dev_init", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(device, None)
    if not opened:
        raise AddonError(f"“{name}” cannot be opened by llama.cpp.", _DRIVER)
    _function("ggml_backend_free", None, ctypes.c_void_p)(opened)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    sizes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t))
    _function("ggml_backend_dev_memory", None, *sizes)(device, ctypes.byref(free), ctypes.byref(total))
    return f"{name} ({bytes_text(total.value)})" if total.value else name


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library("ggml-base"), name)
    function.restype, function.argtypes = result, list(arguments)
    return function
