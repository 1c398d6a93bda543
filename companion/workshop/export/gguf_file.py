"""Writing GGUF files (version 3, github.com/ggml-org/ggml docs/gguf.md) tensor by tensor, whole or not at all."""

from __future__ import annotations

import errno
import math
import shutil
import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from companion.core.amounts import bytes_text
from companion.core.errors import WorkshopError
from companion.core.files import replacing
from companion.core.gguf.parse import MAGIC, parse
from companion.core.gguf.types import ARRAY, SCALARS, STRING, TYPE_NUMBERS, TensorType

ALIGNMENT = 32
VERSION = 3

_KINDS = {name: number for number, (name, _) in SCALARS.items()}
_U32, _U64, _COUNTS = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<QQ")
_NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quotas by that name

Chunk = bytes | memoryview | NDArray[Any]


class PlannedTensor(NamedTuple):
    """A tensor to be written. `shape` as in the file: the length of a row first."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    data: Callable[[], Iterable[Chunk]]
    """Called once, when its turn has come; the pieces together have `nbytes` bytes."""

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) // self.type.block * self.type.size


def encoded(key: str, value: Any) -> bytes:
    """One key-value pair: bool, int (UINT32), float (FLOAT32), str, or a list of str, int (INT32) or float.

    A list is of one type; an empty one counts as texts.
    """
    return _text(key) + _value(value)


def write_gguf(path: Path, pairs: Iterable[bytes], tensors: Sequence[PlannedTensor], alignment: int = ALIGNMENT) -> None:
    """Replace `path` in one step, keeping one piece of one tensor in memory.

    `pairs` are from `encoded` or `pairs_of`; an `alignment` other than the default stands among them too.
    Raises WorkshopError when there is no room or the folder cannot be written; nothing is left behind then.
    """
    header = _header(list(pairs), tensors, alignment)
    size = len(header) + sum(_padded(tensor.nbytes, alignment) for tensor in tensors)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < size:
            raise OSError(errno.ENOSPC, "")
        with replacing(path) as file:
            _write(file, header, tensors, alignment)
    except OSError as error:
        raise _not_written(path, size, error) from error


def pairs_of(path: Path) -> dict[str, bytes]:
    """Every key-value pair of a GGUF file as its bytes, by key. The file has passed its check (`parse`)."""
    with path.open("rb") as file:
        header = file.read(parse(path).data_offset)
    count = _COUNTS.unpack_from(header, 8)[1]
    pairs, at = {}, 24
    for _ in range(count):
        start, length = at, _U64.unpack_from(header, at)[0]
        key = header[at + 8 : at + 8 + length].decode()
        at = _after_value(header, at + 8 + length)
        pairs[key] = header[start:at]
    return pairs


def _after_value(header: bytes, at: int) -> int:
    kind = _U32.unpack_from(header, at)[0]
    if kind != ARRAY:
        return _after(header, at + 4, kind, 1)
    kind, count = struct.unpack_from("<IQ", header, at + 4)
    return _after(header, at + 16, kind, count)


def _after(header: bytes, at: int, kind: int, count: int) -> int:
    if kind != STRING:
        return at + SCALARS[kind][1].size * count
    for _ in range(count):
        at += 8 + _U64.unpack_from(header, at)[0]
    return at


def _header(pairs: Sequence[bytes], tensors: Sequence[PlannedTensor], alignment: int) -> bytes:
    infos, offset = bytearray(), 0
    for tensor in tensors:
        shape = tensor.shape
        infos += _text(tensor.name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        infos += struct.pack("<IQ", TYPE_NUMBERS[tensor.type.name], offset)
        offset += _padded(tensor.nbytes, alignment)
    header = MAGIC + struct.pack("<I", VERSION) + _COUNTS.pack(len(tensors), len(pairs)) + b"".join(pairs) + infos
    return header.ljust(_padded(len(header), alignment), b"\0")


def _write(file: BinaryIO, header: bytes, tensors: Sequence[PlannedTensor], alignment: int) -> None:
    file.write(header)
    for tensor in tensors:
        written = 0
        for chunk in tensor.data():
            view = np.ascontiguousarray(chunk).data if isinstance(chunk, np.ndarray) else memoryview(chunk)
            file.write(view)
            written += view.nbytes
        if written != tensor.nbytes:
            raise ValueError(f"{tensor.name}: {written} bytes instead of {tensor.nbytes}")
        file.write(bytes(_padded(written, alignment) - written))


def _not_written(path: Path, size: int, error: OSError) -> WorkshopError:
    if error.errno in _NO_SPACE:
        what = f"There is no room for “{path.name}”, which takes {bytes_text(size)}"
        return WorkshopError(f"{what}.", "Make room on the disk, or choose another folder.")
    reason = error.strerror or "unknown error"
    return WorkshopError(f"“{path.name}” cannot be written to “{path.parent}” ({reason}).", "Choose a folder you may write to.")


def _value(value: Any) -> bytes:
    if isinstance(value, list):
        kind = _KINDS["INT32"] if value and isinstance(value[0], int) else _kind(value[0]) if value else STRING
        return struct.pack("<IIQ", ARRAY, kind, len(value)) + b"".join(_bare(kind, item) for item in value)
    kind = _kind(value)
    return struct.pack("<I", kind) + _bare(kind, value)


def _kind(value: Any) -> int:
    if isinstance(value, str):
        return STRING
    return _KINDS["BOOL" if isinstance(value, bool) else "UINT32" if isinstance(value, int) else "FLOAT32"]


def _bare(kind: int, value: Any) -> bytes:
    return _text(value) if kind == STRING else SCALARS[kind][1].pack(value)


def _text(text: str) -> bytes:
    data = text.encode("utf-8", errors="replace")
    return struct.pack("<Q", len(data)) + data


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
