from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QImage
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QPushButton

from companion.core.paths import assets_folder
from companion.ui.chat.icon_button import IconButton
from companion.ui.icons import icon, lead_with_icon, pixmap
from companion.ui.rail import Rail
from companion.ui.theme import DARK, LIGHT, Theme

NAMES = sorted(path.stem for path in (assets_folder() / "icons").glob("*.svg"))
WANTED = [
    "chat",
    "workshop",
    "library",
    "settings",
    "search",
    "plus",
    "send",
    "stop",
    "more",
    "edit",
    "copy",
    "check",
    "trash",
    "regenerate",
    "continue",
    "thumb-up",
    "thumb-down",
    "chevron-left",
    "chevron-right",
    "chevron-down",
    "download",
    "upload",
    "close",
    "warning",
    "information",
    "error",
    "memory",
    "speak",
    "undo",
    "star",
    "folder",
    "person",
    "fold",
    "arrow-down",
]


def test_every_icon_of_the_design_is_there():
    assert set(WANTED) <= set(NAMES)


def test_a_button_that_is_an_icon_grows_with_the_words_around_it(theme: Theme, qtbot):
    button, rail = IconButton(theme, "close", "Close"), Rail(theme)
    for widget in (button, rail):
        qtbot.addWidget(widget)
    small, on_rail = button.iconSize(), rail.buttons["chat"].iconSize()
    theme.set_font_size(24)
    assert button.iconSize().width() > 1.3 * small.width()
    assert button.width() > button.iconSize().width()
    assert rail.buttons["chat"].iconSize().width() > 1.3 * on_rail.width()
    assert rail.buttons["chat"].iconSize().width() < rail.buttons["chat"].width()


@pytest.mark.parametrize("font_size", [14, 20])
def test_an_icon_before_words_grows_with_them_and_keeps_off_them(theme: Theme, qtbot, font_size: int):
    theme.set_font_size(font_size)
    button = QPushButton("New")
    qtbot.addWidget(button)
    lead_with_icon(button, "plus", theme, "text", 14)
    size = button.iconSize()
    assert size.height() == font_size
    drawn = button.icon().pixmap(size).toImage()
    assert drawn.size() == size
    inked = [x for x in range(size.width()) if any(drawn.pixelColor(x, y).alpha() > 40 for y in range(size.height()))]
    assert size.width() - inked[-1] > 3


@pytest.mark.parametrize("name", NAMES)
def test_icon_belongs_to_the_family_and_is_not_empty(name: str, theme: Theme):
    text = (assets_folder() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    assert 'viewBox="0 0 24 24"' in text
    assert 'stroke="currentColor"' in text
    assert 'stroke-width="1.75"' in text
    assert not re.search(r"#[0-9a-fA-F]{3,6}", text), "the theme colours icons"
    assert QSvgRenderer(str(assets_folder() / "icons" / f"{name}.svg")).isValid()
    image = pixmap(name, theme, "text", 20, 2.0).toImage()
    assert image.size() == QSize(40, 40)
    assert any(image.pixelColor(x, y).alpha() > 200 for x in range(40) for y in range(40))


def test_an_icon_has_the_colour_of_its_token_and_follows_the_theme(theme: Theme):
    assert _like(icon("stop", theme, "accent").pixmap(20).toImage(), DARK.accent)
    theme.choose("light")
    assert _like(icon("stop", theme, "accent").pixmap(20).toImage(), LIGHT.accent)


def test_a_checked_icon_can_have_another_colour(theme: Theme):
    drawn = icon("stop", theme, "muted", checked_token="accent")
    checked = drawn.pixmap(QSize(20, 20), 1.0, QIcon.Mode.Normal, QIcon.State.On).toImage()
    assert _like(checked, DARK.accent)
    assert _like(drawn.pixmap(20).toImage(), DARK.muted)


def test_an_icon_is_drawn_once(theme: Theme):
    assert icon("send", theme) is icon("send", theme)


def test_a_name_we_have_not_drawn_is_refused(theme: Theme):
    with pytest.raises(FileNotFoundError):
        icon("no-such-icon", theme)


def _like(image: QImage, colour: str) -> bool:
    """Whether the most opaque pixel has this colour, up to the rounding of premultiplied alpha."""
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    found, wanted = max(pixels, key=lambda pixel: pixel.alpha()), QColor(colour)
    channels = ((found.red(), wanted.red()), (found.green(), wanted.green()), (found.blue(), wanted.blue()))
    return all(abs(a - b) <= 3 for a, b in channels)
