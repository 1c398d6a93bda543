"""One GGUF file taken apart: its metadata and where its tensors lie, every number checked before it is used.

Follows the GGUF specification (github.com/ggml-org/ggml, docs/gguf.md), versions 2 and 3, and where llama.cpp is
stricter (tensors in file order without gaps, names below 64 bytes) follows ggml/src/gguf.cpp.
"""

from __future__ import annotations

import stat
import struct
from pathlib import Path

import msgspec

from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.gguf.cursor import DOWNLOAD_AGAIN, Cursor, damaged, shown
from companion.core.gguf.mistakes import not_a_gguf, wrong_version
from companion.core.gguf.types import ARRAY, REMOVED_TENSOR_TYPES, SCALARS, STRING, TENSOR_TYPES, TensorType

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MAX_KEYS = 16_384
_MAX_TENSORS = 65_536
_SMALLEST_PAIR = 8 + 1 + 4 + 1
_SMALLEST_TENSOR = 8 + 1 + 4 + 8 + 4 + 8
_MAX_KEY_BYTES = 65_535
_MAX_NAME_BYTES = 63
_MAX_KEPT_STRING = 1 << 20
_MAX_KEPT_ITEMS = 1024
_MAX_KEPT = 8 << 20
"""Bytes of keys and values kept from one file; what exceeds it is `Skipped`."""
_TOKENS = "tokenizer.ggml.tokens"


class Skipped(msgspec.Struct, frozen=True):
    """An array, or a text, too large to keep: its element type ("STRING", "FLOAT32", …) and how many there are."""

    kind: str
    length: int


Scalar = bool | int | float | str
Value = Scalar | tuple[Scalar, ...] | Skipped


class TensorInfo(msgspec.Struct, frozen=True):
    """Where one tensor lies. `shape` as in the file: the length of a row first."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int
    """Bytes from the start of the data section of its file."""
    part: int = 0
    """Which file of a split model holds it, from 0."""

    @property
    def elements(self) -> int:
        count = 1
        for length in self.shape:
            count *= length
        return count

    @property
    def size(self) -> int:
        """Bytes in the file, without padding."""
        return self.elements // self.type.block * self.type.size


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one file says."""

    version: int
    metadata: dict[str, Value]
    tensors: tuple[TensorInfo, ...]
    alignment: int
    data_offset: int
    file_size: int
    bytes_with_token: int
    """How many of the 256 bytes the vocabulary has a token for (`<0x0A>` or the byte itself)."""


def parse(path: Path, part: int = 0) -> Part:
    """Read and check the header of one file; raises ModelError with a sentence about whatever is wrong."""
    name = path.name
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ModelError(f"“{name}” is a folder.", "Choose the .gguf file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(f"“{name}” is not an ordinary file.", "Choose a .gguf file.")
        with path.open("rb") as file:
            return _parse(Cursor(file, file.seek(0, 2), name), part)
    except FileNotFoundError as error:
        raise ModelError(f"The model “{name}” is not there.", "Choose another one, or put it back.") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = getattr(error, "strerror", None) or "impossible path"
        raise ModelError(f"“{name}” cannot be opened ({reason}).", "Check that you may read it.") from error


def _parse(cursor: Cursor, part: int) -> Part:
    if not cursor.size:
        raise ModelError(f"“{cursor.name}” is empty.", DOWNLOAD_AGAIN)
    start = cursor.peek(512)
    if not start.startswith(MAGIC):
        raise not_a_gguf(cursor.name, start)
    cursor.skip(len(MAGIC))
    version = cursor.u32()
    if version not in _VERSIONS:
        raise wrong_version(cursor.name, version)
    tensor_count, pair_count = cursor.u64(), cursor.u64()
    _believable(cursor, pair_count, _MAX_KEYS, _SMALLEST_PAIR, "entries")
    _believable(cursor, tensor_count, _MAX_TENSORS, _SMALLEST_TENSOR, "tensors")
    pairs = _Pairs(cursor)
    pairs.read(pair_count)
    alignment = _alignment(cursor.name, pairs.metadata)
    tensors = _tensors(cursor, tensor_count, part)
    data_offset = -(-cursor.position // alignment) * alignment
    _check_layout(cursor, tensors, alignment, data_offset)
    return Part(
        version=version,
        metadata=pairs.metadata,
        tensors=tensors,
        alignment=alignment,
        data_offset=data_offset,
        file_size=cursor.size,
        bytes_with_token=pairs.bytes_with_token,
    )


def _believable(cursor: Cursor, count: int, limit: int, smallest: int, what: str) -> None:
    if count > limit:
        raise damaged(cursor.name, f"it claims to hold {count:,} {what}")
    if count * smallest > cursor.left:
        raise cursor.ends_early()


class _Pairs:
    """Reads the key-value pairs of one file."""

    def __init__(self, cursor: Cursor) -> None:
        self.metadata: dict[str, Value] = {}
        self.bytes_with_token = 0
        self._cursor = cursor
        self._kept = 0

    def read(self, count: int) -> None:
        for _ in range(count):
            key = self._key()
            if key in self.metadata:
                raise damaged(self._cursor.name, f"the entry “{shown(key)}” appears twice")
            self.metadata[key] = self._value(key)

    def _key(self) -> str:
        length = self._cursor.u64()
        if not 0 < length <= _MAX_KEY_BYTES or not self._keep(length):
            raise damaged(self._cursor.name, "the name of an entry is empty or absurdly long")
        try:
            return self._cursor.take(length).decode()
        except UnicodeDecodeError:
            raise damaged(self._cursor.name, "the name of an entry is not readable text") from None

    def _value(self, key: str) -> Value:
        kind = self._cursor.u32()
        if kind == STRING:
            return self._text()
        if kind == ARRAY:
            return self._array(key)
        value: Scalar = self._cursor.number(self._layout(kind, key)[1])
        return value

    def _layout(self, kind: int, key: str) -> tuple[str, struct.Struct]:
        if kind not in SCALARS:
            raise damaged(self._cursor.name, f"the entry “{shown(key)}” is of an unknown kind ({kind})")
        return SCALARS[kind]

    def _text(self) -> str | Skipped:
        length = self._cursor.u64()
        if length > self._cursor.left:
            raise self._cursor.ends_early()
        if length > _MAX_KEPT_STRING or not self._keep(length):
            self._cursor.skip(length)
            return Skipped("UINT8", length)
        return self._cursor.take(length).decode(errors="replace")

    def _array(self, key: str) -> Value:
        cursor = self._cursor
        kind, count = cursor.u32(), cursor.u64()
        if kind == STRING:
            return self._texts(key, count)
        if kind == ARRAY:
            raise damaged(cursor.name, f"the entry “{shown(key)}” is a list of lists")
        name, layout = self._layout(kind, key)
        if count * layout.size > cursor.left:
            raise cursor.ends_early()
        if count > _MAX_KEPT_ITEMS or not self._keep(count * 8):
            cursor.skip(count * layout.size)
            return Skipped(name, count)
        return tuple(item[0] for item in layout.iter_unpack(cursor.take(count * layout.size)))

    def _texts(self, key: str, count: int) -> Value:
        if key == _TOKENS:
            self.bytes_with_token = self._cursor.tokens(count)
        elif count > _MAX_KEPT_ITEMS or not self._keep(count * 16):  # 16: a text of no length costs memory and time too
            self._cursor.skip_strings(count)
        else:
            texts = [self._text() for _ in range(count)]
            kept = tuple(text for text in texts if isinstance(text, str))
            if len(kept) == count:
                return kept
        return Skipped("STRING", count)

    def _keep(self, count: int) -> bool:
        """Whether `count` more bytes may be kept; counts them when they may."""
        fits = self._kept + count <= _MAX_KEPT
        self._kept += count if fits else 0
        return fits


def _alignment(name: str, metadata: dict[str, Value]) -> int:
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 8 <= alignment <= 1 << 30 or alignment & (alignment - 1):
        raise damaged(name, "the alignment of its data is not a power of two")
    return alignment


def _tensors(cursor: Cursor, count: int, part: int) -> tuple[TensorInfo, ...]:
    tensors: dict[str, TensorInfo] = {}
    for _ in range(count):
        length = cursor.u64()
        if not 0 < length <= _MAX_NAME_BYTES:
            raise damaged(cursor.name, "the name of a tensor is empty or absurdly long")
        try:
            name = cursor.take(length).decode()
        except UnicodeDecodeError:
            raise damaged(cursor.name, "the name of a tensor is not readable text") from None
        if name in tensors:
            raise damaged(cursor.name, f"the tensor “{shown(name)}” appears twice")
        dimensions = cursor.u32()
        if not 1 <= dimensions <= 4:
            raise damaged(cursor.name, f"the tensor “{shown(name)}” has {dimensions:,} dimensions")
        shape = tuple(cursor.u64() for _ in range(dimensions))
        tensor = TensorInfo(name, shape, _tensor_type(cursor, name), cursor.u64(), part)
        if not all(shape) or tensor.elements >= 1 << 63 or tensor.size >= 1 << 63:
            raise damaged(cursor.name, f"the tensor “{shown(name)}” has an impossible shape")
        if shape[0] % tensor.type.block:
            what = f"the rows of the tensor “{shown(name)}” cannot be packed as {tensor.type.name}"
            raise damaged(cursor.name, what)
        tensors[name] = tensor
    return tuple(tensors.values())


def _tensor_type(cursor: Cursor, tensor: str) -> TensorType:
    number = cursor.u32()
    if number in TENSOR_TYPES:
        return TENSOR_TYPES[number]
    if number in REMOVED_TENSOR_TYPES:
        what = f"“{cursor.name}” packs “{shown(tensor)}” in a way that llama.cpp has given up (type {number})"
        raise ModelError(f"{what}.", "Download another build, such as Q4_0.")
    if number < 256:  # numbers are handed out one by one; anything much larger is damage
        what = f"“{cursor.name}” was made with a newer llama.cpp: it packs “{shown(tensor)}” as type {number}"
        raise ModelError(f"{what}.", "Update Companion, or choose another build, such as Q4_0.")
    raise damaged(cursor.name, f"the tensor “{shown(tensor)}” is of the unknown type {number}")


def _check_layout(cursor: Cursor, tensors: tuple[TensorInfo, ...], alignment: int, data_offset: int) -> None:
    """llama.cpp wants the tensors in file order, each at the first aligned byte after the one before."""
    expected = end = 0
    for tensor in tensors:
        if tensor.offset % alignment:
            raise damaged(cursor.name, f"the data of “{shown(tensor.name)}” is not aligned")
        if tensor.offset < expected:
            raise damaged(cursor.name, f"the data of “{shown(tensor.name)}” overlaps that of another tensor")
        if tensor.offset > expected:
            beyond = data_offset + tensor.offset > cursor.size
            where = "lies outside the file" if beyond else "is not where it belongs"
            raise damaged(cursor.name, f"the data of “{shown(tensor.name)}” {where}")
        end = tensor.offset + tensor.size
        expected = -(-end // alignment) * alignment
    missing = data_offset + end - cursor.size
    if tensors and missing > 0:
        whole = bytes_text(data_offset + end)
        raise ModelError(f"“{cursor.name}” is incomplete: {bytes_text(missing)} of {whole} are missing.", DOWNLOAD_AGAIN)
