"""libggml-base by ctypes: unpacking and packing rows of any tensor type with the very code llama.cpp runs.

The library is the one that llama-cpp-python ships and has already loaded. `ggml.h` of llama.cpp as llama-cpp-python 0.3.36
carries it is mirrored: `struct ggml_type_traits`, `ggml_quantize_chunk`. Every call into it releases the GIL, so rows are
spread over threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Literal

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from companion.core.addons.use import Backend, engine_part
from companion.core.errors import ModelError
from companion.core.gguf.types import TYPE_NUMBERS, TYPES_BY_NAME, TensorType

Target = Literal["F32", "F16", "BF16"]

SCRATCH = 1 << 16
"""Floats between unpacking and rounding to 16 bits: 256 KiB stay in a core's second-level cache."""
WORTH_A_THREAD = 1 << 18
"""Elements below which handing rows to another thread (about 30 µs) costs more than it saves."""

_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_ROUND = {"F16": ("ggml_cpu_fp32_to_fp16", "ggml_fp32_to_fp16_row"), "BF16": ("ggml_cpu_fp32_to_bf16", "ggml_fp32_to_bf16_row")}
"""Rounding in libggml-cpu, built for this processor (20 G numbers/s measured), and in libggml-base, built for any (3.6)."""
_ToFloat = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
_unheard = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda _level, _text, _data: None)
_local = threading.local()


class _TypeTraits(ctypes.Structure):
    """`struct ggml_type_traits`."""

    _fields_ = [
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.c_void_p),
        ("from_float_ref", ctypes.c_void_p),
    ]


def _beside_llama(stem: str) -> Path | None:
    """The file of another of llama.cpp's libraries, which lies where llama itself was loaded from."""
    names = (f"lib{stem}.so", f"lib{stem}.dylib", f"{stem}.dll", f"lib{stem}.dll")
    return next((path for name in names if (path := _folder() / name).is_file()), None)


@cache
def library(stem: str) -> ctypes.CDLL:
    """One of ggml's libraries, such as "ggml-base", and the very one that llama.cpp uses.

    A wheel holds each file under several names, and opening another name than llama.cpp did would load it a second time, with a
    list of devices of its own. Everywhere but on Windows, libllama finds the functions of all that it loaded itself.
    """
    beside = _beside_llama(stem) if sys.platform == "win32" else None
    return ctypes.CDLL(str(beside or llama_cpp.llama_cpp._lib._name))


@cache
def load_backends() -> tuple[Path, ...]:
    """Let ggml choose the code for this processor and find GPUs, where a build carries them as files of their own.

    An installer brings one library per set of instructions (GGML_CPU_ALL_VARIANTS). ggml looks for them beside the program,
    which is Python, so it is told where they are, and without a word on stderr. Any other build has its backends from the start.
    Those of an add-on for the graphics card come last; those that could be loaded are returned.
    """
    if _variants():
        library("ggml-base").ggml_log_set(_unheard, None)
        library("ggml").ggml_backend_load_all_from_path(str(_folder()).encode())
    return tuple(backend.path for backend in engine_part() if load_backend(backend))


def load_backend(backend: Backend) -> int:
    """Load a library for a graphics card; returns the address of its `ggml_backend_reg`, 0 with the reason in the log."""
    for path in backend.needs:
        with contextlib.suppress(OSError):  # what is missing is told when the backend itself is loaded
            ctypes.CDLL(str(path))
    load = library("ggml").ggml_backend_load
    load.argtypes, load.restype = [ctypes.c_char_p], ctypes.c_void_p
    return load(os.fsencode(backend.path)) or 0


def _folder() -> Path:
    return Path(llama_cpp.llama_cpp._lib._name).parent


def _variants() -> list[Path]:
    """The processor's code for different sets of instructions; none where there is but one."""
    return sorted(path for path in _folder().glob("*ggml-cpu-*") if path.suffix in {".so", ".dll"})


def _for_this_processor() -> Path | None:
    """The library with its code, None when that is part of another one."""
    load_backends()
    loaded = (path for path in _variants() if _is_loaded(path))
    return _beside_llama("ggml-cpu") or next(loaded, None)


def _is_loaded(path: Path) -> bool:
    if not hasattr(os, "RTLD_NOLOAD"):
        return False  # Windows: the slower function does
    try:
        ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD)
    except OSError:
        return False
    return True


@cache
def _library() -> ctypes.CDLL:
    base = library("ggml-base")
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    base.ggml_get_type_traits.argtypes = [ctypes.c_int]
    base.ggml_get_type_traits.restype = ctypes.POINTER(_TypeTraits)
    base.ggml_quantize_requires_imatrix.argtypes = [ctypes.c_int]
    base.ggml_quantize_requires_imatrix.restype = ctypes.c_bool
    base.ggml_quantize_chunk.argtypes = [ctypes.c_int, pointer, pointer, number, number, number, pointer]
    base.ggml_quantize_chunk.restype = ctypes.c_size_t
    return base


@cache
def _rounding(into: Target) -> Any:
    """The fastest C function that rounds float32 to a 16-bit type: (source, target, count)."""
    fast, anywhere = _ROUND[into]
    found = _for_this_processor()
    library = ctypes.CDLL(str(found)) if found else _library()
    function = getattr(library, fast, None) or getattr(_library(), anywhere)
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64], None
    return function


@cache
def _to_float(name: str) -> Any:
    """The C function that unpacks a type, None when ggml has none (F32, integers)."""
    traits = _library().ggml_get_type_traits(TYPE_NUMBERS[name]).contents
    kind = TYPES_BY_NAME[name]
    if (traits.blck_size, traits.type_size) != (kind.block, kind.size):
        raise ModelError(f"This build of llama.cpp packs {name} in another way than Companion knows.", "Install Companion again.")
    return _ToFloat(traits.to_float) if traits.to_float else None


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="ggml")


def can_unpack(kind: TensorType) -> bool:
    """Whether ggml has code that turns `kind` into floats (all but F32, which is floats, integers and Q8_1)."""
    return _to_float(kind.name) is not None


def row_bytes(kind: TensorType, elements: int) -> int:
    """Bytes of one row of so many elements, a multiple of the type's block."""
    return elements // kind.block * kind.size


def unpack(kind: TensorType, source: int, rows: int, elements: int, target: int, into: Target = "F32", threads: int = 1) -> None:
    """Unpack `rows` rows of `elements` numbers each from the address `source` to the address `target`.

    Both stretches lie without gaps and hold what `rows` and `elements` say; nothing is checked. F16 and BF16 are rounded
    to the nearest even from a scratch of `SCRATCH` floats, so that no large float32 copy ever exists.
    """
    function = _to_float(kind.name)
    if function is None:
        raise ValueError(f"ggml cannot unpack {kind.name}")
    packed, wide = row_bytes(kind, elements), elements * _BYTES[into]
    if into == "F32":

        def work(first: int, count: int) -> None:
            function(source + first * packed, target + first * wide, count * elements)
    else:
        rounded = _rounding(into)

        def work(first: int, count: int) -> None:
            _through_scratch(function, rounded, kind, source + first * packed, target + first * wide, count * elements)

    _spread(work, rows, rows * elements, threads)


def _through_scratch(function: Any, rounded: Any, kind: TensorType, source: int, target: int, count: int) -> None:
    scratch: NDArray[np.float32] | None = getattr(_local, "scratch", None)
    if scratch is None:
        scratch = _local.scratch = np.empty(SCRATCH, np.float32)
    address = scratch.ctypes.data
    for start in range(0, count, SCRATCH):  # SCRATCH is a multiple of every block
        part = min(SCRATCH, count - start)
        function(source + start // kind.block * kind.size, address, part)
        rounded(address, target + start * 2, part)


def _spread(work: Callable[[int, int], None], rows: int, elements: int, threads: int) -> None:
    """Call `work(first row, rows)` for all rows, on as many threads as it is worth; the caller's thread is one of them."""
    parts = max(1, min(threads, rows, elements // WORTH_A_THREAD))
    each = -(-rows // parts)
    others = [_pool(threads).submit(work, first, min(each, rows - first)) for first in range(each, rows, each)]
    work(0, min(each, rows))
    for other in others:
        other.result()


def needs_importance(kind: TensorType) -> bool:
    """Whether ggml packs this type only with an importance matrix (it ends the process otherwise)."""
    return bool(_library().ggml_quantize_requires_imatrix(TYPE_NUMBERS[kind.name]))


def can_pack(kind: TensorType) -> bool:
    """Whether `pack` knows this type: every one that holds weights."""
    return kind.is_weight


def pack(
    kind: TensorType, values: NDArray[np.float32], threads: int = 1, importance: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """Pack a (rows, elements) array as `kind`; returns (rows, bytes of a row).

    `importance` (elements,) weighs the squared error of each column. Types that need it get one that calls everything equally
    important. Raises ValueError for integers, for rows that are no multiple of the type's block, and for numbers that are
    none: ggml would end the process.
    """
    rows, elements = values.shape
    if not can_pack(kind) or elements % kind.block:
        raise ValueError(f"rows of {elements} numbers cannot be packed as {kind.name}")
    if not np.isfinite(values).all():
        raise ValueError("numbers that are none cannot be packed")
    values = np.ascontiguousarray(values, np.float32)
    packed = np.empty((rows, row_bytes(kind, elements)), np.uint8)
    quantize, number = _library().ggml_quantize_chunk, TYPE_NUMBERS[kind.name]
    if importance is None and needs_importance(kind):
        importance = np.ones(elements, np.float32)
    weighing = None if importance is None else np.ascontiguousarray(importance, np.float32)
    weights = weighing.ctypes.data if weighing is not None else None

    def work(first: int, count: int) -> None:
        quantize(number, values.ctypes.data, packed.ctypes.data, first * elements, count, elements, weights)

    _spread(work, rows, rows * elements * 8, threads)  # packing costs more than unpacking
    return packed
