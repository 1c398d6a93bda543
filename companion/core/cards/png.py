"""The text chunks of a PNG picture that hold a card; the picture itself is never decoded.

PNG specification, 3rd edition: https://www.w3.org/TR/png-3/ (chunks in 5.3, text in 11.3.3).
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from companion.core.cards.limits import MAX_CARD_BYTES, MAX_CHUNKS, MAX_PICTURE_BYTES
from companion.core.cards.raw_json import too_large
from companion.core.errors import CharacterError

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
V2: Final = b"chara"
V3: Final = b"ccv3"
_KEYWORDS: Final = (V3, V2)
_TEXT_KINDS: Final = (b"tEXt", b"zTXt", b"iTXt")
_MAX_TEXT: Final = MAX_CARD_BYTES * 4 // 3 + 4096
"""Of the base64 of the largest card."""
_SPACE: Final = re.compile(rb"\s+")


class _Chunk(NamedTuple):
    kind: bytes
    body: memoryview
    whole: memoryview
    """With its length before and its checksum behind."""


def card_json_in(png: bytes, name: str) -> bytes:
    """The JSON of the card in a picture, V3 before V2; raises CharacterError."""
    texts: dict[bytes, _Chunk] = {}
    for chunk in _chunks(png, name):
        if (keyword := _card_keyword(chunk)) is not None:
            texts.setdefault(keyword, chunk)
    for keyword in _KEYWORDS:
        if keyword in texts:
            return _decoded(_text(texts[keyword], name), name)
    raise CharacterError(
        f"“{name}” is a picture without a character in it.",
        "Choose the picture as its author published it: a screenshot, or a copy that was saved again, has lost the card.",
    )


def without_card(png: bytes, name: str) -> bytes:
    """The picture alone; raises CharacterError."""
    return SIGNATURE + b"".join(chunk.whole for chunk in _chunks(png, name) if _card_keyword(chunk) is None)


def with_card(png: bytes, v2: bytes, v3: bytes, name: str) -> bytes:
    """The picture with these cards in JSON in the place of those it had; raises CharacterError."""
    parts: list[bytes | memoryview] = [SIGNATURE]
    for chunk in _chunks(png, name):
        if chunk.kind == b"IEND":
            parts += [_text_chunk(V2, v2), _text_chunk(V3, v3)]
        if _card_keyword(chunk) is None:
            parts.append(chunk.whole)
    result = b"".join(parts)
    if len(result) > MAX_PICTURE_BYTES:
        raise CharacterError("The picture with the card in it would be larger than 32 MB.", "Choose a smaller picture.")
    return result


def _chunks(png: bytes, name: str) -> Iterator[_Chunk]:
    """The chunks from IHDR to IEND; what follows is left out."""
    if not png.startswith(SIGNATURE):
        raise CharacterError(f"“{name}” is not a PNG picture.", "Choose a PNG file.")
    view, at = memoryview(png), len(SIGNATURE)
    for number in range(MAX_CHUNKS):
        if at + 12 > len(png):
            raise CharacterError(f"The picture “{name}” is cut off.", "Get the file again.")
        (length,) = struct.unpack_from(">I", png, at)
        kind, end = png[at + 4 : at + 8], at + 12 + length
        if not (kind.isalpha() and kind.isascii()) or (kind == b"IHDR") != (number == 0) or (number == 0 and length != 13):
            raise CharacterError(f"The picture “{name}” is damaged.", "Get the file again.")
        if end > len(png):
            raise CharacterError(f"The picture “{name}” is cut off.", "Get the file again.")
        yield _Chunk(kind, view[at + 8 : end - 4], view[at:end])
        if kind == b"IEND":
            return
        at = end
    raise CharacterError(f"The picture “{name}” has more parts than a picture can need.", "Choose another file.")


def _card_keyword(chunk: _Chunk) -> bytes | None:
    if chunk.kind not in _TEXT_KINDS:
        return None
    keyword = bytes(chunk.body[:80]).partition(b"\0")[0].lower()
    return keyword if keyword in _KEYWORDS else None


def _text(chunk: _Chunk, name: str) -> bytes:
    if zlib.crc32(chunk.whole[4:-4]) != int.from_bytes(chunk.whole[-4:], "big"):
        raise _damaged(name)
    _, _, text = bytes(chunk.body).partition(b"\0")
    packed = chunk.kind == b"zTXt"
    if packed:  # method, text
        method, text = text[:1], text[1:]
    elif chunk.kind == b"iTXt":  # whether packed, method, language, keyword in that language, text
        flag, method, text = text[:1], text[1:2], text[2:].partition(b"\0")[2].partition(b"\0")[2]
        packed = flag == b"\1"
    if not packed:
        return text
    if method != b"\0":
        raise _damaged(name)
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(text, _MAX_TEXT + 1)
    except zlib.error as error:
        raise _damaged(name) from error
    if len(text) > _MAX_TEXT:
        raise too_large(name)
    if not unpack.eof:
        raise _damaged(name)
    return text


def _decoded(text: bytes, name: str) -> bytes:
    if len(text) > _MAX_TEXT:
        raise too_large(name)
    text = _SPACE.sub(b"", text).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise _damaged(name) from error


def _text_chunk(keyword: bytes, text: bytes) -> bytes:
    content = b"tEXt" + keyword + b"\0" + base64.b64encode(text)
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _damaged(name: str) -> CharacterError:
    return CharacterError(f"The card in the picture “{name}” is damaged.", "Get the file again.")
