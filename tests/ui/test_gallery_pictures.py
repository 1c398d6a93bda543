"""Portraits come with cards from anywhere: they are read in threads, with limits."""

from __future__ import annotations

import struct
import threading
import zlib
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from companion.core.character import BUILT_IN, Card, Character
from companion.core.character_library import CharacterSummary, built_in_character
from companion.ui.characters import thumbnails as thumbnails_module
from companion.ui.characters.gallery import Gallery
from companion.ui.characters.pictures import TALLEST, crop_to, portrait_png, read_picture
from companion.ui.characters.thumbnails import SIZE, Thumbnails, thumbnail
from companion.ui.theme import Theme


def picture(path: Path, width: int = 300, height: int = 400, colour: str = "#336699") -> Path:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    assert image.save(str(path), "PNG")
    return path


def png_that_claims(width: int, height: int) -> bytes:
    """The head of a PNG of this size with hardly anything in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.fixture
def thumbnails(qapp, tmp_path: Path):
    made = Thumbnails(tmp_path / "thumbnails")
    yield made
    made.close()


def fetch(qtbot, thumbnails: Thumbnails, path: Path, modified: float = 1.0):
    with qtbot.waitSignal(thumbnails.arrived, timeout=5000):
        assert thumbnails.find(str(path), modified) is None
    return thumbnails.find(str(path), modified)


def counting(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Thread and file of every picture that is read from now on."""
    read: list[tuple[int, str]] = []

    def reading(path: Path, least: QSize | None = None) -> QImage:
        read.append((threading.get_ident(), path.name))
        return read_picture(path, least)

    monkeypatch.setattr(thumbnails_module, "read_picture", reading)
    return read


def test_five_hundred_characters_are_painted_without_reading_a_picture_in_the_thread_of_the_window(
    theme: Theme, qtbot, tmp_path, monkeypatch, fresh_cache
):
    read = counting(monkeypatch)
    paths = [picture(tmp_path / f"{number}.png") for number in range(20)]
    five_hundred = [
        CharacterSummary(
            identifier=f"c{n}", name=f"Name {n}", creator="", tags=(), portrait=str(paths[n % 20]), modified=float(n)
        )
        for n in range(500)
    ]
    gallery = Gallery(theme)
    qtbot.addWidget(gallery, before_close_func=lambda page: page.thumbnails.close())
    gallery.resize(896, 800)
    gallery.show_characters(five_hundred, "c1")
    with qtbot.waitExposed(gallery):
        gallery.show()
    first = gallery.grab().toImage()
    assert not first.isNull()
    qtbot.waitUntil(lambda: len(read) >= 8, timeout=5000)
    assert threading.get_ident() not in {thread for thread, _ in read}
    assert gallery.model.rowCount() == 500
    seen = len(gallery.thumbnails._kept) + len(gallery.thumbnails._waiting) + len(gallery.thumbnails._reading)
    assert seen < 60, "only what can be seen is read"


def test_a_picture_that_arrives_is_painted_in_place_of_the_initial(theme: Theme, qtbot, tmp_path):
    shown = CharacterSummary(
        identifier="a", name="Ada", creator="", tags=(), portrait=str(picture(tmp_path / "a.png", colour="#00FF00")), modified=1.0
    )
    gallery = Gallery(theme)
    qtbot.addWidget(gallery, before_close_func=lambda page: page.thumbnails.close())
    gallery.resize(896, 800)
    gallery.show_characters([shown], "")
    with qtbot.waitExposed(gallery):
        gallery.show()

    def middle() -> QColor:
        place = gallery.view.picture_place(gallery.model.index(0)).center()
        return gallery.view.viewport().grab().toImage().pixelColor(place)

    qtbot.waitUntil(lambda: middle().green() > 240 and middle().red() < 20, timeout=5000)


def test_a_thumbnail_is_kept_in_memory_and_on_disk(thumbnails, qtbot, tmp_path, monkeypatch):
    read = counting(monkeypatch)
    path = picture(tmp_path / "a.png")
    assert fetch(qtbot, thumbnails, path).size() == SIZE
    assert sum(name == "a.png" for _, name in read) == 1
    again = Thumbnails(tmp_path / "thumbnails")
    assert fetch(qtbot, again, path).size() == SIZE
    again.close()
    assert sum(name == "a.png" for _, name in read) == 1, "the second time it came from the disk"


def test_a_portrait_that_changed_is_read_again(thumbnails, qtbot, tmp_path):
    path = picture(tmp_path / "a.png", colour="#FF0000")
    assert fetch(qtbot, thumbnails, path).toImage().pixelColor(5, 5).red() > 240
    picture(path, 320, 400, "#0000FF")
    assert fetch(qtbot, thumbnails, path, modified=2.0).toImage().pixelColor(5, 5).blue() > 240


def test_a_damaged_thumbnail_on_disk_is_made_again(thumbnails, qtbot, tmp_path):
    path = picture(tmp_path / "a.png")
    fetch(qtbot, thumbnails, path)
    for file in (tmp_path / "thumbnails").iterdir():
        file.write_bytes(b"not a picture")
    assert thumbnail(path, SIZE, tmp_path / "thumbnails").size() == SIZE


def test_a_folder_that_cannot_be_written_costs_only_time(qapp, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert thumbnail(picture(tmp_path / "a.png"), SIZE, tmp_path / "file" / "thumbnails").size() == SIZE


def test_memory_keeps_only_as_much_as_it_may(thumbnails, qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnails_module, "MOST_BYTES", SIZE.width() * SIZE.height() * 4 * 2)
    for number in range(4):
        fetch(qtbot, thumbnails, picture(tmp_path / f"{number}.png"))
    assert len(thumbnails._kept) == 2
    assert thumbnails.find(str(tmp_path / "3.png"), 1.0) is not None
    assert thumbnails.find(str(tmp_path / "0.png"), 1.0) is None


def test_the_disk_keeps_only_the_newest(qtbot, tmp_path, monkeypatch, qapp):
    monkeypatch.setattr(thumbnails_module, "MOST_FILES", 3)
    folder = tmp_path / "thumbnails"
    for number in range(6):
        thumbnail(picture(tmp_path / f"{number}.png"), SIZE, folder)
    made = Thumbnails(folder)
    fetch(qtbot, made, picture(tmp_path / "last.png"))
    qtbot.waitUntil(lambda: len(list(folder.iterdir())) == 3, timeout=5000)
    made.close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        png_that_claims(60_000, 60_000),
        png_that_claims(2_000_000_000, 2_000_000_000),
        png_that_claims(0, 100),
        b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100'><rect width='100' height='100'/></svg>",
        b"%PDF-1.4\n",
        b"GIF89a\xff\xff\xff\xff\x00",
        b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    ],
)
@pytest.mark.qt_log_ignore("QImageIOHandler|libpng|PNG|gif|GIF|Web|webp|Incompatible|Decode|VP8|IHDR|Size|rejecting")
def test_a_hostile_picture_is_shown_as_an_initial(thumbnails, qtbot, tmp_path, content):
    path = tmp_path / "portrait.png"
    path.write_bytes(content)
    assert fetch(qtbot, thumbnails, path) is None
    assert thumbnails.find(str(path), 1.0) is None
    assert not thumbnails._reading, "it is not read again"


@pytest.mark.qt_log_ignore("libpng|PNG")
def test_a_picture_that_ends_too_early_does_no_harm(qapp, tmp_path):
    path = picture(tmp_path / "a.png", 2000, 2000)
    path.write_bytes(path.read_bytes()[:3000])
    assert thumbnail(path, SIZE, tmp_path / "thumbnails").size() in (SIZE, QSize(0, 0))


@pytest.mark.parametrize("path", ["/nowhere/at/all.png", "/tmp", "bad\0name", ""])
def test_a_file_that_is_none_is_no_picture(qapp, path, tmp_path):
    assert read_picture(Path(path)).isNull()
    assert thumbnail(Path(path), SIZE, tmp_path).isNull()


def test_a_picture_of_any_shape_is_cut_to_the_tile_near_its_top(qapp):
    tall = QImage(100, 1000, QImage.Format.Format_RGB32)
    tall.fill(Qt.GlobalColor.black)
    painter = QPainter(tall)
    painter.fillRect(0, 200, 100, 60, Qt.GlobalColor.white)  # where the face is
    painter.end()
    cut = crop_to(tall, SIZE)
    assert cut.width() == 100
    assert abs(cut.height() - 133) <= 1
    assert any(cut.pixelColor(50, y) == QColor("white") for y in range(cut.height()))
    assert crop_to(QImage(1000, 10, QImage.Format.Format_RGB32), SIZE).height() == 10


# For a PNG card


def test_the_built_in_portrait_becomes_a_png_of_reasonable_size(qapp):
    image = QImage.fromData(portrait_png(built_in_character()))
    assert image.height() == TALLEST
    assert 0.5 < image.width() / image.height() < 1
    assert image.pixelColor(image.width() // 2, image.height() // 2).alpha() == 255


def test_a_large_picture_is_made_smaller_and_a_small_one_is_kept(qapp, tmp_path):
    for height, expected in ((3000, TALLEST), (400, 400)):
        path = picture(tmp_path / "a.png", 300, height)
        character = Character(identifier="a", card=Card(name="Ada"), portrait=str(path))
        assert QImage.fromData(portrait_png(character)).height() == expected


def test_whoever_has_no_portrait_gets_an_initial(qapp):
    image = QImage.fromData(portrait_png(Character(identifier=BUILT_IN, card=Card(name="ada"))))
    assert image.size() == QSize(600, 800)
    assert len({image.pixelColor(x, 400).name() for x in range(600)}) > 1
