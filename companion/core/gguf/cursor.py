"""Reading forward through the header of a GGUF file, believing no length before it was compared with what is left."""

from __future__ import annotations

import struct
from typing import BinaryIO

from companion.core.errors import ModelError

DOWNLOAD_AGAIN = "Download it again."

_CHUNK = 1 << 20
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_MAX_HEADER = 256 << 20
_MAX_STRINGS = 4_000_000
_MAX_TOKENS = 1 << 20
_MAX_TOKEN_BYTES = 65_535


def damaged(name: str, what: str, remedy: str = DOWNLOAD_AGAIN) -> ModelError:
    """The error for a file that is a GGUF but not a sound one."""
    return ModelError(f"“{name}” is damaged: {what}.", remedy)


def shown(text: str) -> str:
    """Text from an untrusted file, fit for a sentence: printable, one line, 60 characters at most."""
    line = "".join(c if c.isprintable() else "�" for c in text[:61])
    return line if len(line) <= 60 else line[:59] + "…"


class Cursor:
    """Chunked reads instead of a memory map: a map of a file that another program truncates kills the reader.

    Every method raises ModelError when the file ends too early. The limits keep any file below 2 s and 100 MB; the
    starter model's header has 1.8 MB and 98,052 strings, a vocabulary of 262,144 tokens about ten times as much.
    """

    def __init__(self, file: BinaryIO, size: int, name: str) -> None:
        self.size = size
        self.name = name
        self._file = file
        self._chunk = b""
        self._start = 0
        self._at = 0
        self._strings = 0

    @property
    def position(self) -> int:
        """Bytes from the start of the file."""
        return self._start + self._at

    @property
    def left(self) -> int:
        return self.size - self.position

    def u32(self) -> int:
        return self.number(_U32)

    def u64(self) -> int:
        return self.number(_U64)

    def number(self, layout: struct.Struct) -> int:
        """One value of a fixed size (int, float or bool, as the layout says)."""
        self._have(layout.size)
        value: int = layout.unpack_from(self._chunk, self._at)[0]
        self._at += layout.size
        return value

    def peek(self, count: int) -> bytes:
        """The next bytes without stepping over them; fewer than `count` at the end of the file."""
        self._have(min(count, self.left))
        return self._chunk[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """The next `count` bytes. The caller has bounded `count`."""
        self._have(count)
        self._at += count
        return self._chunk[self._at - count : self._at]

    def skip(self, count: int) -> None:
        if count > self.left:
            raise self.ends_early()
        self._bounded(self.position + count)
        self._at += count

    def skip_strings(self, count: int) -> None:
        """Step over `count` strings without decoding them (100,000 take 10 ms)."""
        self._count_strings(count)
        unpack = _U64.unpack_from
        while count:
            self._have(8)
            chunk, at, last = self._chunk, self._at, len(self._chunk) - 8
            while count and at <= last:
                at += 8 + unpack(chunk, at)[0]
                count -= 1
            self._at = at
            if self.left < 0:
                raise self.ends_early()

    def tokens(self, count: int) -> int:
        """Step over the vocabulary; returns how many of the 256 bytes have a token of their own (`<0x0A>` or the byte).

        Raises ModelError for a token that appears twice: llama.cpp aborts on it (GGML_ASSERT in llama_vocab::load).
        Only 64-bit hashes are kept, so that a million tokens stay below 100 MB; two different tokens of a million
        share one with a probability of 3e-8.
        """
        self._count_strings(count)
        if count > _MAX_TOKENS:
            raise damaged(self.name, f"it claims a vocabulary of {count:,} tokens")
        seen: set[int] = set()
        empty, left, unpack = 0, count, _U64.unpack_from
        while left:
            self._have(8)
            length = unpack(self._chunk, self._at)[0]
            if length > _MAX_TOKEN_BYTES:
                raise damaged(self.name, "a token of its vocabulary is absurdly long")
            self._have(8 + length)  # one token at least, so that every round makes progress
            chunk, at, last, size = self._chunk, self._at, len(self._chunk) - 8, len(self._chunk)
            while left and at <= last:
                end = at + 8 + unpack(chunk, at)[0]
                if end > size:
                    break
                if end - at > 8:
                    seen.add(hash(chunk[at + 8 : end]))
                else:
                    empty += 1
                at, left = end, left - 1
            self._at = at
        if len(seen) + empty < count:
            raise damaged(self.name, "a token appears twice in its vocabulary", "Choose another build of this model.")
        return sum(hash(b"<0x%02X>" % byte) in seen or hash(bytes((byte,))) in seen for byte in range(256))

    def ends_early(self) -> ModelError:
        return ModelError(f"“{self.name}” is incomplete or damaged: it ends in the middle of its header.", DOWNLOAD_AGAIN)

    def _count_strings(self, count: int) -> None:
        self._strings += count
        if self._strings > _MAX_STRINGS:
            raise damaged(self.name, f"it claims a list of {count:,} texts")
        if count * 8 > self.left:
            raise self.ends_early()

    def _bounded(self, end: int) -> None:
        if end > _MAX_HEADER:
            raise damaged(self.name, "its header is absurdly long")

    def _have(self, count: int) -> None:
        """Make the next `count` bytes lie in the chunk."""
        if len(self._chunk) - self._at >= count:
            return
        start = self.position
        if count > self.size - start:
            raise self.ends_early()
        self._bounded(start + count)
        self._file.seek(start)
        self._chunk = self._file.read(max(count, _CHUNK))
        self._start, self._at = start, 0
        if len(self._chunk) < count:  # the file has become shorter since it was opened
            raise self.ends_early()
