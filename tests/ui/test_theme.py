from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QLabel, QPushButton

from companion.core.paths import assets_folder
from companion.ui.palette import contrast, mix
from companion.ui.style_sheet import outline, style_sheet
from companion.ui.theme import DARK, LIGHT, Palette, Theme

BACKGROUNDS = ("bg", "surface", "raised")
SHAPES = ("name", "line", "on_accent", *BACKGROUNDS)
"""Everything else in a palette is the colour of some text."""


def test_contrast_is_the_one_wcag_defines():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)
    assert contrast("#FF8FB3", "#FF8FB3") == pytest.approx(1)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_text_can_be_read_on_every_background(palette: Palette, background: str):
    for token in (field.name for field in fields(palette) if field.name not in SHAPES):
        assert contrast(getattr(palette, token), getattr(palette, background)) >= 4.5, token


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_the_primary_button_and_a_selection_can_be_read(palette: Palette):
    assert contrast(palette.on_accent, palette.accent) >= 4.5
    assert contrast(palette.text, mix(palette.surface, palette.accent, 0.32)) >= 4.5


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_the_focus_ring_stands_out(palette: Palette):
    assert all(contrast(palette.accent, getattr(palette, background)) >= 3 for background in BACKGROUNDS)
    assert all(contrast(outline(palette), getattr(palette, background)) >= 3 for background in BACKGROUNDS)


def test_choosing_a_theme_restyles_widgets_that_exist_already(theme: Theme, qtbot):
    button, label = QPushButton("Teach"), QLabel("Words")
    button.setProperty("role", "primary")
    qtbot.addWidget(button)
    qtbot.addWidget(label)
    button.resize(120, 40)
    button.show()
    assert _middle(button) == QColor(DARK.accent)
    with qtbot.waitSignal(theme.changed):
        theme.choose("light")
    assert _middle(button) == QColor(LIGHT.accent)
    assert label.palette().color(QPalette.ColorRole.WindowText) == QColor(LIGHT.text)


def test_text_size_scales_every_size_alike(theme: Theme, qtbot):
    with qtbot.waitSignal(theme.changed):
        theme.set_font_size(21)
    assert theme.font().pixelSize() == 21
    assert theme.font(20, 600).pixelSize() == 30
    assert theme.font(20, 600).weight() == 600
    assert "font-size: 30px" in style_sheet(theme.palette, 21)


def test_reduced_motion_makes_every_duration_zero(theme: Theme, qtbot):
    assert theme.duration(160) == 0
    with qtbot.waitSignal(theme.changed):
        theme.set_reduce_motion(False)
    assert theme.duration(160) == 160


def test_what_does_not_change_is_not_announced(theme: Theme, qtbot):
    with qtbot.assertNotEmitted(theme.changed):
        theme.choose("dark")
        theme.set_font_size(theme.font_size)
        theme.set_reduce_motion(True)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_marks_inside_controls_have_the_colours_of_their_theme(palette: Palette):
    used = set(re.findall(r'url\("(.+?)"\)', style_sheet(palette, 14)))
    assert used
    for name in used:
        text = Path(name).read_text(encoding="utf-8")
        assert palette.muted in text or palette.on_accent in text
        assert str(assets_folder().as_posix()) in name


def _middle(button: QPushButton) -> QColor:
    # Above the words, inside the border.
    return button.grab().toImage().pixelColor(button.width() // 2, 5)
