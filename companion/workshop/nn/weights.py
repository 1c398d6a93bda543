"""The weights of a GGUF file as torch tensors, packed as they lie in the file and unpacked only where they are used."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import torch
from torch import Tensor

from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.gguf.cursor import shown
from companion.core.gguf.header import GGUFHeader, TensorInfo
from companion.core.gguf.parse import parse
from companion.core.gguf.types import TENSOR_TYPES, TensorType
from companion.llama import ggml
from companion.workshop.nn import dequantize

_PLAIN: dict[str, torch.dtype] = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F64": torch.float64,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
}
"""Types whose bytes are numbers already."""
_TARGETS: dict[torch.dtype, ggml.Target] = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_BF16 = next(kind for kind in TENSOR_TYPES.values() if kind.name == "BF16")


class PackedTensor:
    """One matrix as it lies in the file: `data` is uint8 (out, bytes of a row), `shape` (out, in).

    `data` may be a view of the file, which is mapped read-only: writing to it ends the process.
    """

    __slots__ = ("data", "name", "shape", "type")

    def __init__(self, name: str, kind: TensorType, shape: tuple[int, int], data: Tensor) -> None:
        self.name = name
        self.type = kind
        self.shape = shape
        self.data = data

    @property
    def nbytes(self) -> int:
        return self.data.numel()

    @property
    def device(self) -> torch.device:
        return self.data.device

    @property
    def has_device_code(self) -> bool:
        """Whether it can stay packed on a GPU; the other types become BF16 there."""
        return self.type.name in _PLAIN or self.type.name in dequantize.FUNCTIONS

    def to(self, device: torch.device | str) -> PackedTensor:
        """Itself on another device. A type without code for GPUs is unpacked once, to BF16."""
        device = torch.device(device)
        if device.type == self.data.device.type and device.index in (None, self.data.device.index):
            return self
        if device.type != "cpu" and not self.has_device_code:
            dense = self.dense(torch.bfloat16)
            return PackedTensor(self.name, _BF16, self.shape, dense.view(torch.uint8).to(device))
        return PackedTensor(self.name, self.type, self.shape, self.data.to(device))

    def dense(
        self, dtype: torch.dtype, device: torch.device | str = "cpu", rows: slice | None = None, out: Tensor | None = None
    ) -> Tensor:
        """The numbers, (out, in) or the rows of a slice with step 1, on `device`.

        `out`, when given, is contiguous, of that shape, `dtype` and device, and is filled and returned. On the CPU ggml
        unpacks, elsewhere torch does.
        """
        data = self.data if rows is None else self.data[rows]
        return self._unpacked(data, dtype, torch.device(device), out)

    def take(self, indices: Tensor, dtype: torch.dtype) -> Tensor:
        """The rows at `indices` (n,) as (n, in), on the packed tensor's device: an embedding without a dense table."""
        return self._unpacked(self.data.index_select(0, indices.to(self.data.device)), dtype, self.data.device, None)

    def _unpacked(self, data: Tensor, dtype: torch.dtype, device: torch.device, out: Tensor | None) -> Tensor:
        shape = (data.shape[0], self.shape[1])
        if out is not None and (out.shape != shape or out.dtype != dtype or not out.is_contiguous()):
            raise ValueError(f"out is {tuple(out.shape)} {out.dtype}, not {shape} {dtype}")
        name = self.type.name
        if name in _PLAIN:
            values = data.view(_PLAIN[name])
            return values.to(device, dtype, copy=True) if out is None else out.copy_(values)
        if data.device.type == "cpu" and (device.type == "cpu" or not self.has_device_code):
            dense = self._by_ggml(data, shape, dtype, out if out is not None and out.device.type == "cpu" else None)
            return dense.to(device) if out is None else out if dense is out else out.copy_(dense)
        values = dequantize.FUNCTIONS[name](data.to(device), dtype)
        return values if out is None else out.copy_(values)

    def _by_ggml(self, data: Tensor, shape: tuple[int, int], dtype: torch.dtype, out: Tensor | None) -> Tensor:
        if dtype not in _TARGETS:
            return self._by_ggml(data, shape, torch.float32, None).to(dtype)
        if not ggml.can_unpack(self.type):
            raise ModelError(
                f"“{shown(self.name)}” is packed as {self.type.name}, which holds no weights.", "Choose another build."
            )
        data = data.contiguous()
        target = torch.empty(shape, dtype=dtype) if out is None else out
        ggml.unpack(self.type, data.data_ptr(), *shape, target.data_ptr(), _TARGETS[dtype], torch.get_num_threads())
        return target


class _Mapping:
    """One file in memory, shown to numpy as writable: torch warns of any array that is not.

    A private, writable map would do the same, but counts against the memory the system may promise.
    """

    def __init__(self, file: Any) -> None:
        self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        address = np.frombuffer(self.map, np.uint8).ctypes.data
        self.__array_interface__ = {"shape": (len(self.map),), "typestr": "|u1", "data": (address, False), "version": 3}


class GGUFWeights:
    """All tensors of a model, mapped from its file or, when it is split, its files."""

    def __init__(self, header: GGUFHeader) -> None:
        """Raises ModelError when a file cannot be opened any more or has become shorter than its header said."""
        self.header = header
        self._tensors = {tensor.name: tensor for tensor in header.tensors}
        self._mappings = [_mapped(path) for path in header.parts]
        self._files = [torch.from_numpy(np.asarray(mapping)) for mapping in self._mappings]
        self._starts = _data_starts(header)
        for tensor in header.tensors:
            if self._starts[tensor.part] + tensor.offset + tensor.size > self._files[tensor.part].numel():
                raise ModelError(f"“{header.parts[tensor.part].name}” has changed since it was opened.", "Try again.")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tensors)

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def info(self, name: str) -> TensorInfo:
        """Where and what a tensor is; raises ModelError when the file does not have it."""
        tensor = self._tensors.get(name)
        if tensor is None:
            raise ModelError(f"“{self.header.path.name}” has no tensor “{shown(name)}”.", "Choose another build of this model.")
        return tensor

    def packed(self, name: str) -> PackedTensor:
        """A matrix as it lies in the file, without copying it. More than two dimensions are folded into the rows."""
        tensor = self.info(name)
        width = tensor.shape[0]
        rows = tensor.elements // width
        start = self._starts[tensor.part] + tensor.offset
        data = self._files[tensor.part][start : start + tensor.size].view(rows, -1)
        return PackedTensor(name, tensor.type, (rows, width), data)

    def vector(self, name: str, dtype: torch.dtype = torch.float32) -> Tensor:
        """A tensor of one dimension (a norm, a bias), unpacked."""
        return self.packed(name).dense(dtype).flatten()

    def device_note(self) -> str:
        """One sentence when a GPU cannot keep everything packed, else empty."""
        unpacked = [self.packed(name) for name in self._tensors if not self.packed(name).has_device_code]
        if not unpacked:
            return ""
        kinds = ", ".join(sorted({tensor.type.name for tensor in unpacked}))
        more = sum(2 * tensor.shape[0] * tensor.shape[1] - tensor.nbytes for tensor in unpacked)
        taking = f"it takes {bytes_text(more)} more"
        return (
            f"There is no GPU code for {kinds}: what is packed so ({len(unpacked):,} of all tensors) is unpacked there; {taking}."
        )

    def release(self) -> None:
        """Give back the memory that pages of the files take; they are read again when they are touched."""
        for mapping in self._mappings:
            if hasattr(mmap, "MADV_DONTNEED"):
                mapping.map.madvise(mmap.MADV_DONTNEED)


def _mapped(path: Any) -> _Mapping:
    try:
        with path.open("rb") as file:
            return _Mapping(file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is empty"
        raise ModelError(f"“{path.name}” cannot be opened ({reason}).", "Check that it is still there.") from error


def _data_starts(header: GGUFHeader) -> list[int]:
    """Where the data section of every part begins; the header only keeps that of the first."""
    return [header.data_offset] + [parse(path, part).data_offset for part, path in enumerate(header.parts) if part]
