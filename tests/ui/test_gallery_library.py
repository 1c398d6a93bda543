"""The page and the real library together, connected as the window connects them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication

from companion.app.characters import Characters
from companion.app.notices import Notice, Notices
from companion.app.preferences import Preferences
from companion.core.cards.reading import read_card_file
from companion.core.cards.writing import card_json, card_png
from companion.core.character import BUILT_IN, Card
from companion.core.character_library import CharacterLibrary
from companion.core.paths import settings_file
from companion.ui.characters.gallery import Gallery
from companion.ui.characters.pictures import portrait_png
from companion.ui.stage.picture_files import png_bytes
from companion.ui.theme import Theme


@pytest.fixture
def told() -> list[Notice]:
    return []


@pytest.fixture
def characters(qapp, told):
    notices = Notices()
    notices.notice_raised.connect(told.append)
    made = Characters(CharacterLibrary(), Preferences(settings_file(), notices), notices)
    yield made
    made.close()


@pytest.fixture
def gallery(theme: Theme, qtbot, characters: Characters) -> Gallery:
    page = Gallery(theme)
    qtbot.addWidget(page, before_close_func=lambda page: page.thumbnails.close())

    def show() -> None:
        page.show_characters(characters.all(), characters.current.identifier)

    characters.changed.connect(show)
    characters.chosen.connect(lambda character: page.set_chosen(character.identifier))
    characters.added.connect(lambda character: page.put_cursor_on(character.identifier))
    characters.import_progressed.connect(page.show_progress)
    page.import_requested.connect(characters.import_files)
    page.stop_requested.connect(characters.stop_import)
    page.talk_requested.connect(characters.choose)
    page.duplicate_requested.connect(characters.duplicate)
    page.delete_requested.connect(characters.delete)
    page.resize(896, 800)
    show()
    with qtbot.waitActive(page):
        page.show()
        page.activateWindow()
    return page


def card(folder: Path, name: str, form: str = "png") -> Path:
    image = QImage(300, 400, QImage.Format.Format_RGB32)
    image.fill(QColor("#00FF00"))
    made = Card(name=name, tags=("green",), creator="tests")
    path = folder / f"{name}.{form}"
    path.write_bytes(card_png(made, png_bytes(image)) if form == "png" else card_json(made))
    return path


def drop(gallery: Gallery, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, left, none = QPoint(200, 200), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(gallery, QDragEnterEvent(where, Qt.DropAction.CopyAction, data, left, none))
    QApplication.sendEvent(gallery, QDropEvent(QPointF(where), Qt.DropAction.CopyAction, data, left, none))


def names(gallery: Gallery) -> set[str]:
    return {gallery.model.index(row).data() for row in range(gallery.model.rowCount())}


def test_dropped_cards_appear_with_their_portraits_and_can_be_talked_with(gallery: Gallery, characters, qtbot, tmp_path):
    drop(gallery, card(tmp_path, "Ada"), card(tmp_path, "Ben", "json"))
    qtbot.waitUntil(lambda: names(gallery) == {"Hoshi", "Ada", "Ben"}, timeout=5000)
    assert not gallery.header.progress.isVisible()
    cursor = gallery.model.summary_at(gallery.view.currentIndex())
    assert cursor.name == "Ben", "the last one that came in"
    gallery.header.search.setText("ada")
    index = gallery.model.index(0)

    def colour() -> QColor:
        return gallery.view.viewport().grab().toImage().pixelColor(gallery.view.picture_place(index).center())

    qtbot.waitUntil(lambda: colour().green() > 240 and colour().red() < 30, timeout=5000)
    gallery.view.setCurrentIndex(index)
    qtbot.keyClick(gallery.view, Qt.Key.Key_Return)
    assert characters.current.name == "Ada"
    assert gallery.model.chosen == characters.current.identifier


def test_deleting_with_the_keyboard_can_be_undone(gallery: Gallery, characters, qtbot, tmp_path, told):
    characters.create(Card(name="Ada"))
    assert names(gallery) == {"Hoshi", "Ada"}
    qtbot.keyClick(gallery.view, Qt.Key.Key_Delete)
    assert names(gallery) == {"Hoshi"}
    assert gallery.view.currentIndex().isValid(), "the keyboard goes on from somewhere"
    told[-1].act()
    assert names(gallery) == {"Hoshi", "Ada"}


def test_a_copy_stands_beside_its_original_with_the_cursor_on_it(gallery: Gallery, characters, qtbot):
    gallery.view.put_cursor_on(BUILT_IN)
    qtbot.keyClick(gallery.view, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert gallery.model.rowCount() == 2
    copy = gallery.model.summary_at(gallery.view.currentIndex())
    assert copy.identifier != BUILT_IN
    assert copy.portrait.endswith("portrait.svg")
    with qtbot.waitSignal(gallery.thumbnails.arrived, timeout=5000, check_params_cb=lambda key: key[0] == copy.portrait):
        gallery.view.viewport().update()
    assert gallery.thumbnails.find(copy.portrait, copy.modified) is not None, "her drawing was read in the copy too"


def test_a_picture_that_is_no_card_is_said_in_one_sentence(gallery: Gallery, qtbot, tmp_path, told):
    plain = QImage(30, 40, QImage.Format.Format_RGB32)
    plain.fill(0)
    (tmp_path / "holiday.png").write_bytes(png_bytes(plain))
    drop(gallery, tmp_path / "holiday.png")
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    assert "holiday.png" in told[0].what
    assert names(gallery) == {"Hoshi"}


def test_the_built_in_one_exports_as_a_png_card_others_can_read(characters, qtbot, tmp_path, told):
    path = tmp_path / "Hoshi.png"
    characters.export(BUILT_IN, path, "png", portrait_png)
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    read = read_card_file(path)
    assert read.card == characters.current.card
    assert QImage.fromData(path.read_bytes()).height() == 1024
