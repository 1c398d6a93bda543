"""Cards in PNG pictures."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path

import pytest

from companion.core.cards.limits import MAX_CARD_BYTES, MAX_PICTURE_BYTES
from companion.core.cards.reading import read_card, read_card_file
from companion.core.cards.writing import card_png
from companion.core.character import Card
from companion.core.errors import CharacterError
from tests.core.cards import samples
from tests.core.cards.samples import DATA, END, HEAD, SIGNATURE, chunk, png, text_chunk

ADA = '{"name": "Ada"}'
CARD = text_chunk("chara", ADA)


def name_in(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "mira.png"
    path.write_bytes(content)
    return read_card(path).name


def refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(CharacterError, match=words) as refusal:
        name_in(tmp_path, content)
    assert "mira.png" in refusal.value.what
    assert refusal.value.remedy


def test_v3_is_preferred_to_v2(tmp_path: Path) -> None:
    for chunks in ((CARD, text_chunk("ccv3", samples.V3)), (text_chunk("ccv3", samples.V3), CARD)):
        assert name_in(tmp_path, png(*chunks)) == "Mira"
    assert name_in(tmp_path, png(CARD)) == "Ada"


def test_the_card_may_stand_behind_the_picture(tmp_path: Path) -> None:
    assert name_in(tmp_path, SIGNATURE + HEAD + DATA + CARD + END) == "Ada"


def test_packed_and_international_text_is_read(tmp_path: Path) -> None:
    text = base64.b64encode(ADA.encode())
    for other in (
        chunk(b"zTXt", b"chara\0\0" + zlib.compress(text)),
        chunk(b"iTXt", b"chara\0\0\0en\0key\0" + text),
        chunk(b"iTXt", b"chara\0\1\0\0\0" + zlib.compress(text)),
    ):
        assert name_in(tmp_path, png(other)) == "Ada"


def test_base64_may_have_line_ends_and_lack_its_padding(tmp_path: Path) -> None:
    text = base64.encodebytes(samples.V3.encode()).rstrip(b"=\n")
    assert name_in(tmp_path, png(chunk(b"tEXt", b"ccv3\0" + text))) == "Mira"


def test_what_follows_the_end_is_nothing_of_the_picture(tmp_path: Path) -> None:
    (tmp_path / "mira.png").write_bytes(png(CARD) + b"MZ" * 1000)
    assert read_card_file(tmp_path / "mira.png").picture == png()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (png(), "without a character"),
        (SIGNATURE, "cut off"),
        (png(CARD)[:-1], "cut off"),
        (png(CARD)[:-12], "cut off"),
        (png(CARD)[: len(SIGNATURE + HEAD) + 40], "cut off"),
        (SIGNATURE + CARD + HEAD + END, "damaged"),
        (SIGNATURE + HEAD + HEAD + CARD + END, "damaged"),
        (SIGNATURE + chunk(b"IHDR", b"") + CARD + END, "damaged"),
        (SIGNATURE + HEAD + b"\xff\xff\xff\xfftEXt" + CARD + END, "cut off"),
        (SIGNATURE + HEAD + struct.pack(">I", 2**31) + b"tEXt" + CARD + END, "cut off"),
        (png(chunk(b"t\0Xt", b"")), "damaged"),
        (SIGNATURE + HEAD + chunk(b"IDAT", b"") * 70_000 + CARD + END, "more parts"),
        (png(chunk(b"tEXt", b"chara")), "not JSON"),
        (png(chunk(b"tEXt", b"chara\0%%%%")), "damaged"),
        (png(chunk(b"tEXt", b"chara\0A")), "damaged"),
        (png(chunk(b"tEXt", b"chara\0" + base64.b64encode(b"\xff\xfe\xff"))), "not UTF-8"),
        (png(chunk(b"tEXt", b"chara\0" + base64.b64encode(b"[1]"))), "not JSON"),
        (png(chunk(b"zTXt", b"chara\0\0" + b"not packed")), "damaged"),
        (png(chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"e30=")[:-3])), "damaged"),
        (png(chunk(b"zTXt", b"chara\0\1" + zlib.compress(b"e30="))), "damaged"),
        (png(chunk(b"iTXt", b"chara\0\1")), "damaged"),
    ],
)
def test_damage_is_refused_with_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    refused(tmp_path, content, words)


def test_a_card_whose_checksum_is_wrong_is_refused_and_a_picture_is_not(tmp_path: Path) -> None:
    wrong = CARD[:-1] + bytes([CARD[-1] ^ 1])
    refused(tmp_path, png(wrong), "damaged")
    assert name_in(tmp_path, SIGNATURE + HEAD + CARD + DATA[:-1] + b"\0" + END) == "Ada"


def test_text_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    bomb = zlib.compress(b"A" * (MAX_CARD_BYTES * 2))
    refused(tmp_path, png(chunk(b"zTXt", b"chara\0\0" + bomb)), "larger")
    refused(tmp_path, png(chunk(b"iTXt", b"ccv3\0\1\0\0\0" + bomb)), "larger")
    refused(tmp_path, png(chunk(b"tEXt", b"chara\0" + b"A" * (MAX_CARD_BYTES * 2))), "larger")


@pytest.mark.parametrize("head", [b"zTXt" + b"chara\0\0", b"iTXt" + b"ccv3\0\1\0\0\0"], ids=["zTXt", "iTXt"])
def test_no_more_of_a_bomb_is_unpacked_than_a_card_may_hold(tmp_path: Path, head: bytes) -> None:
    bomb = zlib.compress(bytes(25 * MAX_CARD_BYTES))
    with samples.memory_below(6 * MAX_CARD_BYTES):
        refused(tmp_path, png(chunk(head[:4], head[4:] + bomb)), "larger")


def test_a_huge_picture_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "mira.png").open("wb") as file:
        file.write(SIGNATURE)
        file.truncate(MAX_PICTURE_BYTES + 1)
    with pytest.raises(CharacterError, match="larger"):
        read_card(tmp_path / "mira.png")


def test_only_a_png_picture_takes_a_card() -> None:
    with pytest.raises(CharacterError, match="not a PNG"):
        card_png(Card(name="Mira"), b"\xff\xd8\xff")
    with pytest.raises(CharacterError, match="larger than 32 MB"):
        card_png(Card(name="Mira"), png(chunk(b"prVt", bytes(MAX_PICTURE_BYTES))))
