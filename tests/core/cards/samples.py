"""Cards as other programs write them, and pictures and archives to put them in."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator, Mapping

EXTENSIONS = (
    r'{ "talkativeness":"0.5", "fav" : false,"depth_prompt":{"depth":4,"prompt":"\u00e9\/caf\u00e9"},'
    '\n\t"numbers":[1.0, 1e5, -0, 1E+2, 123456789012345678901234567890, 0.10],"twice":1,"twice":2, "日本":"語 😀", "none":null }'
)
"""Number spellings, escapes, white space, an order and a field that is there twice: all of it must survive."""

V1 = (
    '{"name": "Mira", "description": "Tall.\\nDark.", "personality": "calm", "scenario": "A tower", "first_mes": "Hi {{user}}",'
    ' "mes_example": "<START>\\n{{char}}: Hm.", "avatar" : "none", "chat": 1.50}'
)
_V2_DATA = (
    '"name": "Mira", "description": "Tall.", "personality": "calm", "scenario": "A tower", "first_mes": "Hi {{user}}",'
    ' "mes_example": "<START>", "creator_notes": "notes", "system_prompt": "{{original}} Be kind.",'
    ' "post_history_instructions": "Stay.", "alternate_greetings": ["Yo", "Hey"], "tags": ["a", "b, c"], "creator": "me",'
    ' "character_version": "1.1", "extensions": ' + EXTENSIONS + ', "odd" : [1.0,  2e3], ".dot": {"x" :1}, "../up": 1e0'
)
_BOOK = (
    '{"name": "World", "description": "of towers", "scan_depth": 3, "token_budget": 512, "recursive_scanning": true,'
    ' "extensions": { "b" : 1.0 }, "own": "\\u0041", "entries": ['
    '{"keys": ["tower", "/spire\\\\s/i"], "content": "@@depth 4\\nIt is high.", "extensions": {"probability" : 50.0}, "enabled":'
    ' false, "insertion_order": 7, "case_sensitive": true, "name": "Tower", "priority": 2.5, "id": 3, "comment": "c",'
    ' "selective": true, "secondary_keys": ["north"], "constant": false, "position": "after_char", "mine": {"a" :  1}},'
    ' {"keys": [], "content": "Always.", "extensions": {}, "enabled": true, "insertion_order": -1.5, "constant": true,'
    ' "id": "x", "use_regex": true, "position": "before_char"}]}'
)
V2 = (
    '{"spec": "chara_card_v2", "spec_version": "2.0", "data": {'
    + _V2_DATA
    + ', "character_book": '
    + _BOOK
    + '}, "side": { "s":1}}'
)
V3 = (
    '{"spec": "chara_card_v3", "spec_version": "3.0", "data": {' + _V2_DATA + ', "character_book": ' + _BOOK + ","
    ' "nickname": "Miri", "group_only_greetings": ["All!"], "creator_notes_multilingual": {"en": "notes", "ja": "メモ"},'
    ' "source": ["https://example.org/mira"], "creation_date": 1700000000, "modification_date": 1700000001, "assets": ['
    '{"type": "icon", "uri": "embeded://assets/icon/main.png", "name": "main", "ext": "png"},'
    '{"type": "emotion", "uri": "embeded://assets/emotion/0.png", "name": "Happy", "ext": "png"},'
    '{"type": "emotion", "uri": "embeded://assets/emotion/1.png", "name": "happy", "ext": "png"},'
    '{"type": "background", "uri": "embeded://assets/background/hill.png", "name": "hill", "ext": "png"},'
    '{"type": "emotion", "uri": "https://example.org/sad.png", "name": "sad", "ext": "png"}]}, "side": { "s":1}}'
)
WORLD = (
    '{"entries": {"0": {"uid": 0, "key": ["tower", "spire"], "keysecondary": ["north"], "comment": "The tower", "content":'
    ' "It is high.", "constant": false, "selective": true, "order": 7, "position": 4, "disable": true, "depth": 2, "role": 1,'
    ' "caseSensitive": true, "selectiveLogic": 2, "excludeRecursion": true, "probability": 50, "useProbability": true,'
    ' "scanDepth": null}, "1": {"uid": 1, "key": "a, b", "content": "Before.", "order": 100, "position": 0, "disable": false}},'
    ' "name": "World"}'
)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


HEAD = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
DATA = chunk(b"IDAT", zlib.compress(b"\0\1\2\3"))
END = chunk(b"IEND", b"")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
NOTE = chunk(b"tEXt", b"Software\0a painter")
GAMMA = chunk(b"gAMA", struct.pack(">I", 45455))


def png(*extra: bytes) -> bytes:
    """A picture of one pixel, with further chunks."""
    return SIGNATURE + HEAD + b"".join(extra) + DATA + END


def text_chunk(keyword: str, card: str) -> bytes:
    return chunk(b"tEXt", keyword.encode() + b"\0" + base64.b64encode(card.encode()))


def charx(files: Mapping[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return target.getvalue()


def mira_charx() -> bytes:
    pictures = {name: png(chunk(b"tEXt", b"Comment\0" + name.encode())) for name in ("main", "0", "1", "hill")}
    return charx(
        {
            "card.json": V3,
            "assets/icon/main.png": pictures["main"],
            "assets/emotion/0.png": pictures["0"],
            "assets/emotion/1.png": pictures["1"],
            "assets/background/hill.png": pictures["hill"],
            "module.risum": b"other",
        }
    )


def v2_with(**fields: object) -> str:
    return json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Mira", **fields}})


@contextlib.contextmanager
def memory_below(most: int) -> Iterator[None]:
    """Fails when Python holds more bytes at once in the block than this, beyond what it held before."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak:,} bytes"
