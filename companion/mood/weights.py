"""The file of a mood model: two lines of JSON that say what follows, then the numbers themselves. Nothing in it is executed.

    {"format": "companion-mood", "version": 1, "sha256": …}
    [{"name": …, "kind": …, "shape": […]}, …]

The sha256 is of everything after the first line. A tensor of kind int8 is preceded by one float16 scale per row.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from companion.core.errors import CompanionError
from companion.core.files import write_atomic

Floats = NDArray[np.float32]
T = TypeVar("T")
FORMAT: Final = "companion-mood"
VERSION: Final = 1
LARGEST_BYTES: Final = 64 * 2**20
LONGEST_LINE: Final = 65536
REMEDY: Final = "Install Companion again; models/mood/train.py in its source makes the file anew."
_ITEM_BYTES: Final = {"int8": 1, "float16": 2, "float32": 4, "text": 1}


class Tensor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    kind: Literal["int8", "float16", "float32", "text"]
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        scales = 2 * self.shape[0] if self.kind == "int8" and self.shape else 0
        return self.count * _ITEM_BYTES[self.kind] + scales


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    version: int
    sha256: str


class Weights(msgspec.Struct, frozen=True):
    """What a file holds: arrays by name, and the words it knows, in the order of their numbers."""

    arrays: dict[str, Floats]
    words: list[str]


def write(path: Path, weights: Weights, kinds: dict[str, Literal["int8", "float16", "float32"]]) -> None:
    """Write the file; arrays without an entry in `kinds` become float16."""
    text = "\n".join(weights.words).encode()
    tensors, parts = [Tensor("words", "text", (len(text),))], [text]
    for name, array in weights.arrays.items():
        kind = kinds.get(name, "float16")
        if kind == "int8":
            scales = (np.abs(array).max(axis=1) / 127 + 1e-8).astype(np.float16)
            whole = np.rint(array / scales[:, None].astype(np.float32)).clip(-127, 127).astype(np.int8)
            parts += [scales.astype("<f2").tobytes(), whole.tobytes()]
        else:
            parts.append(array.astype("<f2" if kind == "float16" else "<f4").tobytes())
        tensors.append(Tensor(name, kind, array.shape))
    content = b"".join([msgspec.json.encode(tensors), b"\n", *parts])
    header = Header(FORMAT, VERSION, hashlib.sha256(content).hexdigest())
    write_atomic(path, msgspec.json.encode(header) + b"\n" + content)


def read(path: Path) -> Weights:
    """Raises CompanionError when the file is missing, damaged or of another version."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise CompanionError(f"“{path.name}” is too large to be a mood model.", REMEDY)
        content = path.read_bytes()
    except OSError as error:
        raise CompanionError(f"The mood model “{path}” cannot be read ({error.strerror}).", REMEDY) from error
    line, _, content = content.partition(b"\n")
    header = _decode(line, Header, path)
    if header.format != FORMAT or header.version != VERSION:
        raise CompanionError(f"“{path.name}” is a mood model of another version of Companion.", REMEDY)
    if hashlib.sha256(content).hexdigest() != header.sha256:
        raise CompanionError(f"The mood model “{path.name}” is damaged: its checksum is wrong.", REMEDY)
    line, _, body = content.partition(b"\n")
    tensors = _decode(line, list[Tensor], path)
    try:
        return _parse(tensors, memoryview(body))
    except ValueError as error:
        raise CompanionError(f"The mood model “{path.name}” is damaged: {error}.", REMEDY) from error


def _decode(line: bytes, kind: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(line[:LONGEST_LINE], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CompanionError(f"“{path.name}” is no mood model, or it is damaged.", REMEDY) from error


def _parse(tensors: list[Tensor], body: memoryview) -> Weights:
    if any(size < 0 for tensor in tensors for size in tensor.shape):
        raise ValueError("it names an impossible size")
    if sum(tensor.bytes for tensor in tensors) != len(body):
        raise ValueError("its length is wrong")
    arrays: dict[str, Floats] = {}
    words: list[str] = []
    at = 0
    for tensor in tensors:
        part = body[at : at + tensor.bytes]
        at += tensor.bytes
        if tensor.kind == "text":
            words = bytes(part).decode().split("\n")  # UnicodeDecodeError is a ValueError
        elif tensor.kind == "int8":
            rows = tensor.shape[0] if tensor.shape else 0
            scales = np.frombuffer(part[: 2 * rows], "<f2").astype(np.float32)
            whole = np.frombuffer(part[2 * rows :], np.int8).reshape(tensor.shape)
            arrays[tensor.name] = whole.astype(np.float32) * scales.reshape(-1, *[1] * (whole.ndim - 1))
        else:
            kind = "<f2" if tensor.kind == "float16" else "<f4"
            arrays[tensor.name] = np.frombuffer(part, kind).reshape(tensor.shape).astype(np.float32)
        if tensor.name in arrays and not np.isfinite(arrays[tensor.name]).all():
            raise ValueError("it holds numbers that are none")
    return Weights(arrays, words)
