"""What a product with a matrix of a given type costs on this machine: llama.cpp's own kernels, through ggml by ctypes.

A graph of products is built in ggml, with weights where llama.cpp would put them: in plain memory, or in the buffer that
repacks rows for this processor. `ggml.h`, `ggml-backend.h` of llama.cpp as llama-cpp-python 0.3.36 carries it are mirrored.
"""

from __future__ import annotations

import ctypes
import time
from functools import cache
from types import TracebackType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.core.errors import ModelError
from companion.core.gguf.types import TYPE_NUMBERS, TYPES_BY_NAME, TensorType
from companion.llama import ggml

CPU: Final = 0
"""`enum ggml_backend_dev_type`."""
_F32: Final = TYPE_NUMBERS["F32"]
_BUFFER_OFFSET: Final = 8
"""Of `struct ggml_tensor.buffer`: behind its type."""
_MOST_COPIES: Final = 4096
_TENSOR_BYTES: Final = 512
"""More than `ggml_tensor_overhead`."""


class _InitParams(ctypes.Structure):
    """`struct ggml_init_params`."""

    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


class Product(NamedTuple):
    """`rows` × `columns` weights of a type, times so many tokens."""

    kind: TensorType
    rows: int
    columns: int
    tokens: int = 1

    @property
    def nbytes(self) -> int:
        return self.rows * ggml.row_bytes(self.kind, self.columns)


class Kernels:
    """The processor's backend, with a number of threads. Close it, or use it as a context manager."""

    def __init__(self, threads: int) -> None:
        """Raises ModelError when this build of llama.cpp has no code for the processor."""
        base, devices = _base(), _devices()
        self._device = devices.ggml_backend_dev_by_type(CPU)
        self._backend = base.ggml_backend_dev_init(self._device, None) if self._device else None
        if not self._backend:
            raise ModelError("This build of llama.cpp cannot compute on the processor.", "Install Companion again.")
        self.threads = threads
        _set_threads(self._device, self._backend, threads)

    def __enter__(self) -> Kernels:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self._backend:
            _base().ggml_backend_free(self._backend)
            self._backend = None

    def seconds(
        self, product: Product, *, repacked: bool = False, working_set: int = 1 << 26, budget: float = 0.1
    ) -> float | None:
        """The shortest time of one product; None when this processor does not repack this type.

        Copies of the matrix fill `working_set` bytes, so that weights come from memory as they do in a model, unless the model is
        smaller than that. Measured for `budget` seconds, three times at least.
        """
        buffers = [self._plain] if not repacked else _repacking(self._device)
        for buffer in buffers:
            if (found := self._timed(product, buffer, working_set, budget, must_repack=repacked)) is not None:
                return found
        return None

    @property
    def _plain(self) -> Any:
        return _base().ggml_backend_dev_buffer_type(self._device)

    def _timed(self, product: Product, buffer: Any, working_set: int, budget: float, *, must_repack: bool) -> float | None:
        base = _base()
        copies = max(1, min(_MOST_COPIES, working_set // product.nbytes))
        weights = _context(base, copies + 1)
        inputs = _context(base, copies + 2, graph=True)
        held: list[Any] = []
        try:
            matrices = [
                base.ggml_new_tensor_2d(weights, TYPE_NUMBERS[product.kind.name], product.columns, product.rows)
                for _ in range(copies)
            ]
            x = base.ggml_new_tensor_2d(inputs, _F32, product.columns, product.tokens)
            if must_repack and not _repacks(self._device, inputs, matrices[0], x, buffer):
                return None
            graph = base.ggml_new_graph_custom(inputs, 2 * copies + 8, False)
            for matrix in matrices:
                base.ggml_build_forward_expand(graph, base.ggml_mul_mat(inputs, matrix, x))
            for context, kind in ((weights, buffer), (inputs, self._plain)):
                memory = base.ggml_backend_alloc_ctx_tensors_from_buft(context, kind)
                if not memory:
                    return None
                held.append(memory)
            content = _content(product.kind, product.rows, product.columns)
            for matrix in matrices:
                base.ggml_backend_tensor_set(matrix, content.ctypes.data, 0, content.nbytes)
            values = np.random.default_rng(1).standard_normal(product.tokens * product.columns).astype(np.float32)
            base.ggml_backend_tensor_set(x, values.ctypes.data, 0, values.nbytes)
            return self._run(graph, budget) / copies
        finally:
            for memory in held:
                base.ggml_backend_buffer_free(memory)
            base.ggml_free(inputs)
            base.ggml_free(weights)

    def _run(self, graph: Any, budget: float) -> float:
        """Seconds of one pass over the graph, after one that wakes threads and caches: the shortest, since others only add."""
        base = _base()
        base.ggml_backend_graph_compute(self._backend, graph)
        times: list[float] = []
        deadline = time.perf_counter() + budget
        while len(times) < 3 or time.perf_counter() < deadline:
            began = time.perf_counter()
            base.ggml_backend_graph_compute(self._backend, graph)
            times.append(time.perf_counter() - began)
        return min(times)


@cache
def repacks(kind: TensorType, rows: int, columns: int) -> bool:
    """Whether llama.cpp rearranges a matrix of this type and size for this processor, and so keeps a copy of it."""
    base, device = _base(), _devices().ggml_backend_dev_by_type(CPU)
    if not device or kind.name not in TYPE_NUMBERS:
        return False
    context = _context(base, 4)
    try:
        matrix = base.ggml_new_tensor_2d(context, TYPE_NUMBERS[kind.name], columns, rows)
        x = base.ggml_new_tensor_2d(context, _F32, columns, 1)
        return any(_repacks(device, context, matrix, x, buffer) for buffer in _repacking(device))
    finally:
        base.ggml_free(context)


def _repacking(device: Any) -> list[Any]:
    """Buffer types that rearrange rows for this processor. Not AMX: its code ends the process on some builds (issue
    20824 of llama.cpp)."""
    base = _base()
    address = base.ggml_backend_reg_get_proc_address(
        base.ggml_backend_dev_backend_reg(device), b"ggml_backend_dev_get_extra_bufts"
    )
    if not address:
        return []
    known = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)(address)(device)
    found: list[Any] = []
    while known and known[len(found)]:
        found.append(known[len(found)])
    return [each for each in found if b"AMX" not in base.ggml_backend_buft_name(each)]


def _repacks(device: Any, context: Any, matrix: Any, x: Any, buffer: Any) -> bool:
    """As llama.cpp asks it when it chooses a buffer (`weight_buft_supported`): with an empty buffer in the weight's place."""
    base = _base()
    empty = base.ggml_backend_buft_alloc_buffer(buffer, 0)
    if not empty:
        return False
    place = ctypes.c_void_p.from_address(matrix + _BUFFER_OFFSET)
    place.value = empty
    try:
        return bool(base.ggml_backend_dev_supports_op(device, base.ggml_mul_mat(context, matrix, x)))
    finally:
        place.value = None
        base.ggml_backend_buffer_free(empty)


def _context(base: ctypes.CDLL, tensors: int, *, graph: bool = False) -> Any:
    size = (2 * tensors + 8) * _TENSOR_BYTES
    if graph:
        size += int(base.ggml_graph_overhead_custom(2 * tensors + 8, False))
    return base.ggml_init(_InitParams(size, None, True))


@cache
def _content(kind: TensorType, rows: int, columns: int) -> NDArray[np.uint8]:
    """Packed numbers as weights have them. A few rows are packed, and repeated: kernels do not look at what they multiply."""
    few = np.random.default_rng(0).standard_normal((min(rows, 16), columns)).astype(np.float32)
    packed = ggml.pack(kind, few) if kind != TYPES_BY_NAME["F32"] else few.view(np.uint8)
    return np.ascontiguousarray(np.resize(packed, (rows, packed.shape[1])))


def _set_threads(device: Any, backend: Any, threads: int) -> None:
    base = _base()
    address = base.ggml_backend_reg_get_proc_address(base.ggml_backend_dev_backend_reg(device), b"ggml_backend_set_n_threads")
    if address:
        ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int)(address)(backend, threads)


@cache
def _base() -> ctypes.CDLL:
    """libggml-base with the signatures that are used here."""
    library = ggml.library("ggml-base")
    pointer, size, number, flag = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64, ctypes.c_bool
    for name, result, arguments in (
        ("ggml_init", pointer, [_InitParams]),
        ("ggml_free", None, [pointer]),
        ("ggml_new_tensor_2d", pointer, [pointer, ctypes.c_int, number, number]),
        ("ggml_mul_mat", pointer, [pointer, pointer, pointer]),
        ("ggml_new_graph_custom", pointer, [pointer, size, flag]),
        ("ggml_graph_overhead_custom", size, [size, flag]),
        ("ggml_build_forward_expand", None, [pointer, pointer]),
        ("ggml_backend_alloc_ctx_tensors_from_buft", pointer, [pointer, pointer]),
        ("ggml_backend_buft_alloc_buffer", pointer, [pointer, size]),
        ("ggml_backend_buft_name", ctypes.c_char_p, [pointer]),
        ("ggml_backend_buffer_free", None, [pointer]),
        ("ggml_backend_tensor_set", None, [pointer, pointer, size, size]),
        ("ggml_backend_graph_compute", ctypes.c_int, [pointer, pointer]),
        ("ggml_backend_dev_supports_op", flag, [pointer, pointer]),
        ("ggml_backend_dev_backend_reg", pointer, [pointer]),
        ("ggml_backend_dev_buffer_type", pointer, [pointer]),
        ("ggml_backend_dev_init", pointer, [pointer, ctypes.c_char_p]),
        ("ggml_backend_reg_get_proc_address", pointer, [pointer, ctypes.c_char_p]),
        ("ggml_backend_free", None, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@cache
def _devices() -> ctypes.CDLL:
    """libggml, which knows the devices."""
    ggml.load_backends()
    library = ggml.library("ggml")
    library.ggml_backend_dev_by_type.restype, library.ggml_backend_dev_by_type.argtypes = ctypes.c_void_p, [ctypes.c_int]
    return library
