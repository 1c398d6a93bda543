"""Damaged copies of GGUF files: what disks, downloads and ill-meant files do to a header."""

from __future__ import annotations

import random
import struct

EXTREMES = (0, 1, 2, 3, 7, 8, 9, 12, 31, 33, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1)

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9


def number_fields(content: bytes) -> list[tuple[int, int]]:
    """Position and size of every number in the header of a sound GGUF: counts, lengths, types, values, shapes, offsets."""
    fields = [(4, 4), (8, 8), (16, 8)]
    tensors, pairs = struct.unpack_from("<QQ", content, 8)
    at = 24

    def number(size: int) -> int:
        nonlocal at
        fields.append((at, size))
        at += size
        return int.from_bytes(content[at - size : at], "little")

    def value(kind: int) -> None:
        nonlocal at
        if kind == _STRING:
            length = number(8)
            at += length
        else:
            number(_SIZES[kind])

    for _ in range(pairs):
        value(_STRING)
        kind = number(4)
        if kind == _ARRAY:
            kind, count = number(4), number(8)
            for _ in range(count):
                value(kind)
        else:
            value(kind)
    for _ in range(tensors):
        value(_STRING)
        for _ in range(number(4)):
            number(8)
        number(4)
        number(8)
    return fields


def mutate(content: bytes, fields: list[tuple[int, int]], seed: int) -> bytes:
    """One damaged copy of `content`; the same seed gives the same damage. Two in three hit the header's numbers."""
    dice = random.Random(seed)
    damaged = bytearray(content)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        dice.choice((_extreme, _extreme, _extreme, _extreme, _flip, _truncate, _insert, _swap))(damaged, fields, dice)
    return bytes(damaged)


def _extreme(content: bytearray, fields: list[tuple[int, int]], dice: random.Random) -> None:
    """Lists of the vocabulary hold nearly all numbers: half of the time, take one outside of them."""
    at, size = dice.choice(fields[:80] + fields[-120:] if dice.random() < 0.7 else fields)
    if at + size <= len(content):
        content[at : at + size] = (dice.choice(EXTREMES) % (1 << 8 * size)).to_bytes(size, "little")


def _flip(content: bytearray, fields: list[tuple[int, int]], dice: random.Random) -> None:
    header = min(fields[-1][0] + 8, len(content))
    for _ in range(dice.choice((1, 2, 16))):
        if header:
            content[dice.randrange(header)] ^= 1 << dice.randrange(8)


def _truncate(content: bytearray, fields: list[tuple[int, int]], dice: random.Random) -> None:
    del content[dice.randrange(len(content) + 1) :]


def _insert(content: bytearray, fields: list[tuple[int, int]], dice: random.Random) -> None:
    at = dice.randrange(len(content) + 1)
    content[at:at] = dice.randbytes(dice.choice((1, 8, 32, 4096)))


def _swap(content: bytearray, fields: list[tuple[int, int]], dice: random.Random) -> None:
    size = dice.choice((1, 4, 8, 64, 1024))
    if len(content) > 2 * size:
        one, two = sorted((dice.randrange(len(content) - size), dice.randrange(len(content) - size)))
        if two - one >= size:
            content[one : one + size], content[two : two + size] = content[two : two + size], content[one : one + size]
