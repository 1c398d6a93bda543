from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QContextMenuEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPushButton, QToolButton

from companion.core.character import BUILT_IN
from companion.core.character_library import CharacterSummary
from companion.ui.characters.gallery import Gallery
from companion.ui.characters.gallery_actions import TileMenu
from companion.ui.characters.gallery_model import Order
from companion.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def about(identifier: str, name: str, *tags: str, creator: str = "", modified: float = 0.0) -> CharacterSummary:
    return CharacterSummary(identifier=identifier, name=name, creator=creator, tags=tags, portrait="", modified=modified)


HOSHI = about(BUILT_IN, "Hoshi", "astronomy")
FOUR = (
    HOSHI,
    about("mira", "Mira", "detective", "witty", creator="quill", modified=10),
    about("elodie", "Élodie", "pirate", modified=30),
    about("ash", "Ash", "night owl", modified=20),
)


@pytest.fixture
def gallery(theme: Theme, qtbot) -> Gallery:
    made = Gallery(theme)
    qtbot.addWidget(made, before_close_func=lambda page: page.thumbnails.close())
    made.resize(896, 800)
    made.show_characters(FOUR, "mira", {BUILT_IN: 100.0})
    with qtbot.waitActive(made):
        made.show()
        made.activateWindow()
    return made


@pytest.fixture
def asked(gallery: Gallery) -> list[tuple]:
    """What the page asked for, in order."""
    found: list[tuple] = []
    for name in ("talk", "edit", "duplicate", "delete", "export", "import", "new", "stop"):
        signal = getattr(gallery, f"{name}_requested")
        signal.connect(lambda *values, name=name: found.append((name, *values)))
    return found


def names(gallery: Gallery) -> list[str]:
    return [gallery.model.index(row).data() for row in range(gallery.model.rowCount())]


def place_of(gallery: Gallery, identifier: str) -> QPoint:
    return gallery.view.visualRect(gallery.model.index_of(identifier)).center()


def point_at(gallery: Gallery, identifier: str) -> None:
    QTest.mouseMove(gallery.view.viewport(), place_of(gallery, identifier))


def dragged(*names: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl(name) if "://" in name else QUrl.fromLocalFile(name) for name in names])
    return data


def enter(gallery: Gallery, data: QMimeData) -> QDragEnterEvent:
    event = QDragEnterEvent(QPoint(100, 100), Qt.DropAction.CopyAction, data, LEFT, NONE)
    event.ignore()
    QApplication.sendEvent(gallery, event)
    return event


def drop(gallery: Gallery, data: QMimeData) -> QDropEvent:
    event = QDropEvent(QPointF(100, 100), Qt.DropAction.CopyAction, data, LEFT, NONE)
    QApplication.sendEvent(gallery, event)
    return event


# Showing


def test_every_tile_has_a_second_line(gallery: Gallery):
    gallery.show_characters(
        (*FOUR, about("eve", "Eve"), about("adam", "Adam", creator=" ")), "mira", {BUILT_IN: 100.0, "eve": 5.0}
    )
    lines = {
        gallery.model.index(row).data(): gallery.model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(6)
    }
    assert lines["Hoshi"] == "Hoshi, Built in"
    assert lines["Mira"] == "Mira, chosen, by quill"
    assert lines["Ash"] == "Ash, night owl"
    assert lines["Eve"] == "Eve, Talked with before"
    assert lines["Adam"] == "Adam, Not talked with yet"


def test_whoever_was_talked_with_last_or_came_last_stands_first(gallery: Gallery):
    assert names(gallery) == ["Hoshi", "Élodie", "Ash", "Mira"]


def test_they_can_be_ordered_by_name_which_accents_do_not_change(gallery: Gallery):
    gallery.header.order.setCurrentIndex(gallery.header.order.findData(Order.NAME))
    assert names(gallery) == ["Ash", "Élodie", "Hoshi", "Mira"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("elo", ["Élodie"]), ("WITTY", ["Mira"]), ("quill det", ["Mira"]), ("owl", ["Ash"]), ("quill pirate", [])],
)
def test_search_looks_at_name_tags_and_creator(gallery: Gallery, text, found):
    QTest.keyClicks(gallery.header.search, text)
    assert names(gallery) == found


def test_a_search_without_a_hit_says_so_and_offers_the_way_back(gallery: Gallery, qtbot):
    QTest.keyClicks(gallery.header.search, "<b>nobody</b>")
    assert gallery.nothing.isVisible()
    assert not gallery.view.isVisible()
    assert gallery.nothing.sentence.text() == "Nobody here matches “<b>nobody</b>”."
    assert gallery.nothing.sentence.textFormat() is Qt.TextFormat.PlainText
    qtbot.mouseClick(gallery.nothing.button, LEFT)
    assert len(names(gallery)) == 4
    assert gallery.header.search.hasFocus()


def test_escape_ends_a_search(gallery: Gallery, qtbot):
    QTest.keyClicks(gallery.header.search, "ash")
    qtbot.keyClick(gallery.header.search, Qt.Key.Key_Escape)
    assert len(names(gallery)) == 4


def test_the_chosen_one_is_marked_for_eyes_and_screen_readers(gallery: Gallery):
    def corner(identifier: str):
        picture = gallery.view.picture_place(gallery.model.index_of(identifier))
        return gallery.view.viewport().grab().toImage().pixelColor(picture.right() - 12, picture.top() + 21)

    accent = gallery._theme.colour("accent")
    assert corner("mira") == accent
    assert corner("ash") != accent
    gallery.set_chosen("ash")
    assert corner("ash") == accent
    assert corner("mira") != accent
    text = gallery.model.index_of("ash").data(Qt.ItemDataRole.AccessibleTextRole)
    assert text == "Ash, chosen, night owl"


def test_with_nobody_but_the_built_in_one_the_page_teaches_how_cards_come_in(gallery: Gallery, asked, qtbot):
    assert not gallery.hint.isVisible()
    gallery.show_characters([HOSHI], BUILT_IN)
    assert "drop a .png, .json or .charx file" in gallery.hint.sentence.text()
    qtbot.mouseClick(gallery.hint.button, LEFT)
    assert asked == [("import", [])]


def test_cursor_and_scroll_position_stay_when_the_list_comes_again(gallery: Gallery):
    many = [about(f"c{number}", f"Name {number}", modified=number) for number in range(100)]
    gallery.show_characters(many, "c1")
    gallery.view.put_cursor_on("c10")
    scrolled = gallery.view.verticalScrollBar().value()
    assert scrolled > 0
    gallery.show_characters([*many, about("new", "New", modified=1000)], "c1")
    assert gallery.model.summary_at(gallery.view.currentIndex()).identifier == "c10"
    assert gallery.view.verticalScrollBar().value() == scrolled


def test_one_who_was_just_imported_is_brought_into_sight_even_from_behind_a_search(gallery: Gallery):
    gallery.header.search.setText("ash")
    gallery.put_cursor_on("mira")
    assert gallery.header.search.text() == ""
    assert gallery.model.summary_at(gallery.view.currentIndex()).identifier == "mira"


@pytest.mark.parametrize(("width", "columns"), [(416, 2), (896, 4), (1600, 8)])
def test_the_columns_fill_the_page(gallery: Gallery, qtbot, width, columns):
    gallery.show_characters([about(f"c{number}", "Name") for number in range(60)], "c1")
    gallery.resize(width, 700)
    view = gallery.view

    def across() -> int:
        return len({view.visualRect(gallery.model.index(row)).left() for row in range(gallery.model.rowCount())})

    qtbot.waitUntil(lambda: across() == columns, timeout=2000)
    assert not view.horizontalScrollBar().isVisible()


def test_names_of_a_million_letters_and_odd_tags_do_not_stop_the_page(gallery: Gallery):
    wild = about("wild", "W" * 1_000_000, "x" * 100_000, "", "🏴‍☠️ tag", *["tag"] * 900, creator="c" * 100_000)
    gallery.show_characters([HOSHI, wild], "wild")
    point_at(gallery, "wild")
    assert not gallery.grab().isNull()
    gallery.view.put_cursor_on(BUILT_IN)
    assert gallery.model.index_of("wild").isValid()


def test_a_long_name_can_be_read_whole_and_its_markup_is_only_text(gallery: Gallery):
    gallery.show_characters([about("x", "Bram <img src='file:///etc/passwd'> of the Reach"), HOSHI], "x")
    tip = gallery.model.index_of("x").data(Qt.ItemDataRole.ToolTipRole)
    assert "Bram &lt;img" in tip
    assert "<img" not in tip
    assert gallery.model.index_of(BUILT_IN).data(Qt.ItemDataRole.ToolTipRole) is None


# Doing


@pytest.mark.parametrize(
    ("key", "modifier", "deed"),
    [
        (Qt.Key.Key_Return, NONE, "talk"),
        (Qt.Key.Key_F2, NONE, "edit"),
        (Qt.Key.Key_E, NONE, "edit"),
        (Qt.Key.Key_Delete, NONE, "delete"),
        (Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier, "duplicate"),
    ],
)
def test_the_keyboard_does_everything_with_the_one_under_the_cursor(gallery: Gallery, asked, qtbot, key, modifier, deed):
    gallery.view.put_cursor_on("ash")
    qtbot.keyClick(gallery.view, key, modifier)
    assert asked == [(deed, "ash")]


def test_arrows_move_between_the_tiles(gallery: Gallery, asked, qtbot):
    gallery.view.put_cursor_on(BUILT_IN)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_Return):
        qtbot.keyClick(gallery.view, key)
    assert asked == [("talk", "elodie")]


def test_from_the_search_one_goes_on_to_the_tiles(gallery: Gallery, asked, qtbot):
    QTest.keyClicks(gallery.header.search, "mira")
    qtbot.keyClick(gallery.header.search, Qt.Key.Key_Return)
    assert gallery.view.hasFocus()
    qtbot.keyClick(gallery.view, Qt.Key.Key_Return)
    assert asked == [("talk", "mira")]


def test_the_built_in_one_cannot_be_deleted_by_key_or_menu(gallery: Gallery, asked, qtbot, theme):
    gallery.view.put_cursor_on(BUILT_IN)
    qtbot.keyClick(gallery.view, Qt.Key.Key_Delete)
    assert asked == []
    entries = {entry.text(): entry for entry in TileMenu(theme, HOSHI, gallery).actions()}
    assert not entries["Delete"].isEnabled()
    assert "View" in entries


def test_pointing_at_a_tile_brings_its_buttons(gallery: Gallery, asked, qtbot):
    QTest.mouseMove(gallery.view.viewport(), gallery.view.viewport().rect().bottomRight() - QPoint(2, 2))
    assert not gallery.view.buttons.isVisible()
    point_at(gallery, "ash")
    buttons = gallery.view.buttons
    assert buttons.isVisible()
    assert gallery.view.picture_place(gallery.model.index_of("ash")).contains(buttons.geometry())
    qtbot.mouseClick(buttons.talk, LEFT)
    qtbot.mouseClick(buttons.edit, LEFT)
    assert asked == [("talk", "ash"), ("edit", "ash")]
    QApplication.sendEvent(gallery.view.viewport(), QEvent(QEvent.Type.Leave))
    assert not buttons.isVisible()


def test_the_keyboard_reaches_the_buttons_of_the_tile_under_the_cursor(gallery: Gallery, asked, qtbot):
    gallery.view.put_cursor_on("ash")
    gallery.view.setFocus(Qt.FocusReason.TabFocusReason)
    assert gallery.view.buttons.isVisible()
    gallery.view.buttons.talk.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.wait(20)
    assert gallery.view.buttons.isVisible(), "the focus is still within the tile"
    qtbot.keyClick(gallery.view.buttons.talk, Qt.Key.Key_Space)
    assert asked == [("talk", "ash")]


def test_the_buttons_leave_when_the_keyboard_goes_elsewhere(gallery: Gallery, qtbot):
    gallery.view.put_cursor_on("ash")
    gallery.view.setFocus(Qt.FocusReason.TabFocusReason)
    gallery.header.search.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(lambda: not gallery.view.buttons.isVisible(), timeout=1000)


def test_one_click_only_points_and_two_begin_to_talk(gallery: Gallery, asked):
    QTest.mouseClick(gallery.view.viewport(), LEFT, pos=place_of(gallery, "elodie"))
    assert asked == []
    QTest.mouseDClick(gallery.view.viewport(), LEFT, pos=place_of(gallery, "elodie"))
    assert asked == [("talk", "elodie")]


def test_the_menu_holds_every_action(gallery: Gallery, asked, qtbot):
    where = place_of(gallery, "ash")
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, gallery.view.viewport().mapToGlobal(where))
    QApplication.sendEvent(gallery.view.viewport(), event)
    menu = gallery.view.findChild(TileMenu)
    assert menu.isVisible()
    for entry in menu.actions():
        if entry.menu() is None and not entry.isSeparator():
            entry.trigger()
    for entry in menu.findChild(QMenu).actions():
        entry.trigger()
    menu.close()
    exports = [("export", "ash", form) for form in ("png", "v3", "v2", "charx")]
    assert asked == [("talk", "ash"), ("edit", "ash"), ("duplicate", "ash"), ("delete", "ash"), *exports]


def test_the_menu_key_opens_the_menu_of_the_one_under_the_cursor(gallery: Gallery):
    gallery.view.put_cursor_on("mira")
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), QPoint(0, 0))
    QApplication.sendEvent(gallery.view.viewport(), event)
    menu = gallery.view.findChild(TileMenu)
    assert menu.accessibleName() == "Actions for Mira"
    menu.close()


def test_header_buttons_ask_for_a_new_one_and_for_files(gallery: Gallery, asked, qtbot):
    qtbot.mouseClick(gallery.header.new_button, LEFT)
    qtbot.mouseClick(gallery.header.import_button, LEFT)
    assert asked == [("new",), ("import", [])]


def test_an_import_shows_how_far_it_is_and_can_be_stopped(gallery: Gallery, asked, qtbot):
    progress = gallery.header.progress
    assert not progress.isVisible()
    gallery.show_progress(3, 40)
    assert progress.isVisible()
    assert (progress.bar.value(), progress.bar.maximum()) == (3, 40)
    qtbot.mouseClick(progress.stop, LEFT)
    assert asked == [("stop",)]
    gallery.show_progress(40, 40)
    assert not progress.isVisible()


# Dropping


def test_cards_that_are_dragged_over_the_page_are_announced_and_dropping_imports_them(gallery: Gallery, asked, tmp_path):
    files = [str(tmp_path / name) for name in ("a.PNG", "b.json", "c.charx")]
    data = dragged(*files, str(tmp_path / "notes.txt"))
    assert enter(gallery, data).isAccepted()
    veil = gallery._veil
    assert veil.isVisible()
    assert veil.geometry() == gallery.rect()
    assert veil.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    drop(gallery, data)
    assert not veil.isVisible()
    assert [(name, [str(path) for path in paths]) for name, paths in asked] == [("import", files)]


def test_the_veil_goes_when_the_cards_are_dragged_away(gallery: Gallery, asked):
    enter(gallery, dragged("/tmp/a.png"))
    QApplication.sendEvent(gallery, QDragLeaveEvent())
    assert not gallery._veil.isVisible()
    assert asked == []


@pytest.mark.parametrize("what", ["/tmp/model.gguf", "https://example.org/card.png", "/tmp/no suffix"])
def test_other_things_are_not_taken(gallery: Gallery, asked, what):
    assert not enter(gallery, dragged(what)).isAccepted()
    assert not gallery._veil.isVisible()
    drop(gallery, dragged(what))
    assert asked == []


def test_a_card_dropped_on_the_search_field_is_left_to_the_page(gallery: Gallery):
    assert not gallery.header.search.acceptDrops()
    assert not gallery.view.viewport().acceptDrops()
    assert gallery.acceptDrops()


# Names


def test_everything_that_can_be_pressed_has_a_name(gallery: Gallery):
    point_at(gallery, "ash")
    gallery.show_progress(1, 2)
    for kind in (QPushButton, QToolButton, QLineEdit):
        for widget in gallery.findChildren(kind):
            if widget.isVisible() and widget.parent() is not gallery.header.search:
                assert QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name), widget
    assert gallery.view.buttons.talk.accessibleName() == "Talk with Ash"
    assert gallery.view.accessibleName() == "Characters"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_change_of_theme_and_text_size_is_followed(gallery: Gallery, theme: Theme, qtbot, scheme):
    before = gallery.view.gridSize().height()
    theme.choose(scheme)
    theme.set_font_size(22)
    assert gallery.view.gridSize().height() > before
    theme.set_font_size(14)
    assert gallery.view.gridSize().height() == before
