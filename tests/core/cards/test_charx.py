"""Cards in CHARX archives."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from companion.core.cards import charx as charx_module
from companion.core.cards.charx import is_safe_path
from companion.core.cards.limits import MAX_CARD_BYTES, MAX_MEMBERS, MAX_PATH
from companion.core.cards.reading import read_card, read_card_file
from companion.core.cards.writing import card_charx
from companion.core.character import Card
from companion.core.errors import CharacterError
from tests.core.cards import samples
from tests.core.cards.samples import charx

ADA = '{"name": "Ada"}'


def read(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "mira.charx"
    path.write_bytes(content)
    return read_card(path).name


def refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "mira.charx"
    path.write_bytes(content)
    with pytest.raises(CharacterError, match=words) as refusal:
        read_card_file(path)
    assert "mira.charx" in refusal.value.what
    assert refusal.value.remedy


def archive(*members: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as written:
        written.writestr("card.json", ADA)
        for info, content in members:
            written.writestr(info, content)
    return target.getvalue()


def renamed(content: bytes, old: bytes, new: bytes) -> bytes:
    """An archive whose member has a name that no writer would give it."""
    assert len(old) == len(new)
    return content.replace(old, new)


def test_a_picture_may_stand_before_the_archive(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xff\xd8\xff\xe0" + bytes(100) + charx({"card.json": ADA})) == "Ada"


def test_folders_and_what_a_mac_adds_are_passed_over(tmp_path: Path) -> None:
    content = charx({"card.json": ADA, "assets/": b"", "__MACOSX/../._card.json": b"x", "assets/a.png": b"p"})
    assert read(tmp_path, content) == "Ada"
    assert dict(read_card_file(tmp_path / "mira.charx").files) == {"assets/a.png": b"p"}


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/etc/passwd",
            "../x",
            "assets/../../x",
            "assets/./x",
            "assets//x",
            "C:/x",
            "C:x",
            "a\\..\\x",
            "\\\\host\\x",
            "x:stream",
        ),
        *(
            "CON",
            "nul.png",
            "assets/Aux",
            "com1.txt",
            "lpt9",
            "COM¹",
            "con .png",
            "conin$",
            "x.",
            "x ",
            "assets./x",
            " x",
            "a\nb",
        ),
        *("a?b", "a*b", "a|b", 'a"b', "<a>", "a\x7f", "a" * (MAX_PATH + 1)),
    ],
)
def test_a_path_that_leaves_its_folder_or_cannot_be_a_file_is_refused(tmp_path: Path, path: str) -> None:
    assert not is_safe_path(path)
    refused(tmp_path, charx({"card.json": ADA, path: b"x"}), "where they do not belong")
    with pytest.raises(CharacterError):
        card_charx(Card(name="Mira"), {path: b"x"})


@pytest.mark.parametrize(
    "path", ["assets/icon/main.png", "assets/é 星/a-b_c (1).png", "a", "console.png", "com.png", ".hidden", "..."]
)
def test_an_ordinary_path_is_safe(path: str) -> None:
    assert is_safe_path(path) == (path != "...")


def test_a_nul_in_a_path_is_refused(tmp_path: Path) -> None:
    content = renamed(charx({"card.json": ADA, "assets/x.png+exe": b"x"}), b"x.png+exe", b"x.png\0exe")
    refused(tmp_path, content, "where they do not belong")


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFSOCK):
        info = zipfile.ZipInfo("assets/a.png")
        info.external_attr = (kind | 0o777) << 16
        refused(tmp_path, archive((info, b"/etc/passwd")), "where they do not belong")
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    assert read(tmp_path, archive((info, b"x"))) == "Ada"


@pytest.mark.parametrize("paths", [("a/B.png", "A/b.PNG"), ("é", "e\u0301"), ("a", "a/b"), ("a/b/c", "A"), ("CARD.JSON", "x")])
def test_names_that_are_one_on_another_system_are_refused(tmp_path: Path, paths: tuple[str, str]) -> None:
    refused(tmp_path, charx({"card.json": ADA, **dict.fromkeys(paths, b"x")}), "two files of the same name")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, archive((zipfile.ZipInfo("card.json"), b"{}")), "two files of the same name")


def test_a_locked_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(charx({"card.json": ADA}))
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(sign) + at] |= 1
    refused(tmp_path, bytes(content), "password")


def test_unusual_packing_is_refused(tmp_path: Path) -> None:
    for packing in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        info = zipfile.ZipInfo("assets/a.png")
        info.compress_type = packing
        refused(tmp_path, archive((info, b"x" * 100)), "unusual way")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    refused(tmp_path, charx({"card.json": ADA, "assets/a.png": bytes(8 * 1024**2)}), "would grow")
    refused(tmp_path, charx({"card.json": ADA + " " * MAX_CARD_BYTES}), "larger")


def test_more_than_fits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charx_module, "MAX_ARCHIVE_BYTES", 5000)
    monkeypatch.setattr(charx_module, "MAX_MEMBER_BYTES", 3000)
    refused(tmp_path, charx({"card.json": ADA, "a": bytes(3001)}), "larger than a character can be")
    refused(tmp_path, charx({"card.json": ADA, "a": bytes(2500), "b": bytes(2500)}), "larger than a character can be")


def test_an_archive_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    content = bytearray(charx({"card.json": ADA, "assets/a.png": b"x" * 5000}))
    at = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 24, 10)
    refused(tmp_path, bytes(content), "damaged")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, charx({"card.json": ADA, **{f"a/{n}": b"" for n in range(MAX_MEMBERS)}}), "more than 5,000 files")


def test_a_table_of_contents_without_end_is_not_read(tmp_path: Path) -> None:
    content = bytearray(charx({"card.json": ADA}))
    content[:0] = bytes(8 * 1024**2)
    content[:4] = b"PK\x03\x04"
    struct.pack_into("<I", content, len(content) - 22 + 12, 8 * 1024**2)
    (tmp_path / "mira.charx").write_bytes(content)
    with samples.memory_below(6 * 1024**2), pytest.raises(CharacterError, match="damaged"):
        read_card_file(tmp_path / "mira.charx")


@pytest.mark.parametrize("cut", [1, 10, 30, 60])
def test_what_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    refused(tmp_path, charx({"card.json": ADA})[:-cut], "damaged")


def test_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    content = charx({"card.json": ADA})
    broken = bytearray(content)
    for sign, at in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
        broken[content.index(sign) + at] ^= 1
    refused(tmp_path, bytes(broken), "damaged")


def test_an_archive_without_a_card_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, charx({"assets/card.json": ADA}), "without a character")
    refused(tmp_path, charx({}), "without a character")


def test_the_main_icon_is_the_portrait(tmp_path: Path) -> None:
    read(tmp_path, samples.mira_charx())
    found = read_card_file(tmp_path / "mira.charx")
    assert found.picture == found.files["assets/icon/main.png"]
    assert found.picture_kind == "png"
