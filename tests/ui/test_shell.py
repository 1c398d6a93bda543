"""The first frame, and how the content takes its place."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from companion.core.appearance import Appearance, read_appearance
from companion.core.paths import settings_file
from companion.core.settings import Settings, save_settings
from companion.program import Program
from companion.ui.chat import header
from companion.ui.palette import DARK, LIGHT
from companion.ui.shell import Shell
from companion.ui.skeleton import HEADER_HEIGHT, places

PALETTES = {"dark": DARK, "light": LIGHT}


@pytest.fixture
def make_shell(qapp: QApplication, qtbot):
    def make(**wanted: object) -> Shell:
        shell = Shell(qapp, Appearance(**wanted))
        qtbot.addWidget(shell)
        return shell

    return make


@pytest.mark.parametrize("width", [1280, 1000, 700])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_first_frame_has_the_places_and_colours_of_the_finished_window(
    make_shell, qapp, qtbot, talkative_model, theme, width
):
    save_settings(settings_file(), Settings(theme=theme, model=str(talkative_model)))
    shell = make_shell(theme=theme)
    shell.resize(width, 800)
    with qtbot.waitActive(shell):
        shell.show()
        shell.activateWindow()
    first = shell.grab().toImage()
    program = Program(qapp, shell)
    try:
        content, at = program.content, places(shell.size(), False)
        last = shell.grab().toImage()
        assert first.size() == last.size()

        def place(widget: QWidget):
            return widget.rect().translated(widget.mapTo(content, QPoint(0, 0)))

        assert place(content.rail) == at.rail
        assert content.list.isVisible() == bool(at.list.width())
        assert content.stage.isVisible() == bool(at.stage.width())
        assert content.strip.isVisible() == bool(at.strip.width())
        shown = {content.list: at.list, content.stage: at.stage, content.strip: at.strip}
        assert all(place(widget) == where for widget, where in shown.items() if widget.isVisible())
        assert place(content.chat_view.header) == at.header
        assert place(content.chat_view.composer.edit.parentWidget()) == at.card
        palette = PALETTES[theme]
        empty = {  # where neither has words or a picture
            QPoint(at.rail.right() - 4, 400): palette.surface,
            QPoint(at.rail.right(), 400): palette.line,
            at.header.bottomLeft() + QPoint(2, 0): palette.line,
            at.header.bottomLeft() + QPoint(2, 300): palette.bg,
            QPoint(at.card.left(), at.card.center().y()): palette.accent,
            QPoint(at.card.center().x(), at.card.top() + 3): palette.surface,
        }
        if at.list.width():
            empty[QPoint(at.list.right(), 400)] = palette.line
            empty[QPoint(at.list.left() + 4, 400)] = palette.surface
        for point, colour in empty.items():
            assert first.pixelColor(point) == last.pixelColor(point) == QColor(colour), point
        for y in range(0, at.stage.height() if at.stage.width() else 0, 40):
            point = at.stage.topRight() + QPoint(0, y)
            assert first.pixelColor(point) == last.pixelColor(point)
    finally:
        program.close()
        program.theme.deleteLater()


def test_the_sizes_of_the_first_frame_are_those_of_the_views():
    assert header.HEIGHT == HEADER_HEIGHT


def test_a_folded_list_is_folded_in_the_first_frame():
    size = QSize(1280, 800)
    assert places(size, True).list.width() == 0
    assert places(size, True).header.left() == places(size, False).list.left()


def test_the_first_frame_is_told_once(make_shell, qtbot):
    shell = make_shell()
    told = []
    shell.first_painted.connect(lambda: told.append(1))
    shell.show()
    qtbot.waitUntil(lambda: bool(told))
    shell.resize(900, 700)
    shell.repaint()
    qtbot.wait(20)
    assert told == [1]


class Page(QWidget):
    """Content with a layout, which remembers how it was arranged each time it was painted."""

    def __init__(self) -> None:
        super().__init__()
        self.field = QLineEdit()
        column = QVBoxLayout(self)
        column.addStretch(1)
        column.addWidget(self.field)
        self.field.setFocus()
        self.frames = []

    def paintEvent(self, event: QEvent) -> None:
        self.frames.append((self.size(), self.field.geometry(), self.field.isVisible()))


def test_the_content_is_complete_in_its_first_frame(make_shell, qtbot):
    shell = make_shell()
    with qtbot.waitSignal(shell.first_painted):
        shell.show()
    page = Page()
    shell.set_content(page)
    assert len(page.frames) == 1, "painted before anything else can happen"
    qtbot.wait(30)
    assert set(map(str, page.frames)) == {str((shell.size(), page.field.geometry(), True))}


def test_the_keyboard_is_where_the_content_wants_it(make_shell, qtbot):
    shell = make_shell()
    shell.show()
    with qtbot.waitActive(shell):
        shell.activateWindow()
    page = Page()
    shell.set_content(page)
    assert page.field.hasFocus()


def test_the_content_replaces_what_was_painted(make_shell, qapp):
    shell = make_shell(theme="light")
    shell.show()
    page = QWidget()
    page.setAutoFillBackground(True)
    colours = page.palette()
    colours.setColor(page.backgroundRole(), QColor("#123456"))
    page.setPalette(colours)
    shell.set_content(page)
    seen = shell.grab().toImage()
    assert {seen.pixelColor(x, y).name() for x in range(0, 1280, 97) for y in range(0, 800, 61)} == {"#123456"}


def test_the_geometry_is_told_on_closing_and_taken_up_again(make_shell, qtbot):
    shell = make_shell()
    shell.show()
    shell.resize(713, 571)  # the offscreen screen has 800 × 800
    with qtbot.waitSignal(shell.closed) as closed:
        shell.close()
    again = make_shell(window_geometry=closed.args[0])
    assert again.size() == QSize(713, 571)
    assert make_shell(window_geometry="not geometry").size() == QSize(1280, 800)


@pytest.mark.qt_log_ignore("does not support raise")
def test_a_window_that_comes_forward_is_no_longer_minimized(make_shell):
    shell = make_shell()
    shell.showMinimized()
    shell.come_forward()
    assert shell.isVisible()
    assert not shell.windowState() & Qt.WindowState.WindowMinimized


def test_the_appearance_is_part_of_the_settings():
    for name, value in Appearance()._asdict().items():
        assert getattr(Settings(), name) == value


def test_the_appearance_is_read_from_the_settings_file():
    wanted = {"theme": "light", "list_folded": True, "window_geometry": "AAAA"}
    save_settings(settings_file(), Settings(**wanted, font_size=18))
    assert read_appearance(settings_file()) == Appearance(**wanted)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{broken",
        b"[1, 2]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        json.dumps({"theme": None, "list_folded": 1, "window_geometry": ["x"], "other": None}).encode(),
    ],
)
def test_whatever_is_damaged_counts_as_the_default_for_the_first_frame(content):
    settings_file().write_bytes(content)
    assert read_appearance(settings_file()) == Appearance()
    settings_file().unlink()
    assert read_appearance(settings_file()) == Appearance()


def test_a_settings_file_with_a_byte_order_mark_is_read():
    settings_file().write_bytes(b"\xef\xbb\xbf" + b'{"theme": "light"}')
    assert read_appearance(settings_file()).theme == "light"
