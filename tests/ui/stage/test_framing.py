from __future__ import annotations

import shutil
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from companion.core.character import Card, Character
from companion.ui.stage.figure_view import FigureView
from companion.ui.stage.framing import LEAST_WIDTH, filling, is_solid
from companion.ui.stage.portrait import LONGEST, Portrait, likely_face
from companion.ui.stage.stage import PortraitStrip, Stage
from companion.ui.theme import Theme

RED = QColor("#FF0000")


def evening() -> datetime:
    return datetime(2026, 6, 1, 20, 0)


def art(path: Path, size: tuple[int, int], colour: QColor = RED) -> Path:
    """A picture of one colour with an alpha channel, as painting programs write them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = QImage(*size, QImage.Format.Format_ARGB32)
    image.fill(colour)
    assert image.save(str(path))
    return path


def cut_out(path: Path, size: tuple[int, int]) -> Path:
    """Somebody who stands at the lower edge, with nothing around her."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = QImage(*size, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.fillRect(size[0] // 4, size[1] // 5, size[0] // 2, size[1], RED)
    painter.end()
    assert image.save(str(path))
    return path


def mira(portrait: Path, folder: Path | None = None, **options: object) -> Character:
    made = Character(identifier="x", card=Card(name="Mira"), portrait=str(portrait), folder=str(folder or ""))
    return msgspec.structs.replace(made, options=msgspec.structs.replace(made.options, **options))


def is_red(image: QImage, x: int, y: int) -> bool:
    return image.pixelColor(x, y) == RED


@pytest.mark.parametrize("height", [500, 640, 800])
@pytest.mark.parametrize("plain", [False, True])
def test_a_picture_with_its_own_background_fills_the_stage(theme: Theme, qtbot, tmp_path: Path, height: int, plain: bool):
    stage = Stage(theme, evening)
    qtbot.addWidget(stage)
    stage.resize(320, height)
    stage.set_character(mira(art(tmp_path / "face.png", (400, 600)), plain=plain))
    shown = stage.grab().toImage()
    assert all(is_red(shown, x, y) for x in (0, 160, 319) for y in (0, height // 2, height - 1))


@pytest.mark.parametrize("size", [(600, 600), (900, 600)])
def test_a_low_picture_fades_into_the_ground(theme: Theme, qtbot, tmp_path: Path, size: tuple[int, int]):
    stage = Stage(theme, evening)
    qtbot.addWidget(stage)
    stage.resize(320, 1000)
    empty = stage.grab().toImage()
    stage.set_character(mira(art(tmp_path / "face.png", size)))
    shown = stage.grab().toImage()
    assert is_red(shown, 160, 0)
    assert is_red(shown, 160, 300)
    assert shown.pixelColor(160, 999) == empty.pixelColor(160, 999)
    rows = [(shown.pixelColor(160, y).red(), empty.pixelColor(160, y).red()) for y in range(200, 1000)]
    for (one, ground), (other, next_ground) in pairwise(rows):
        assert abs(one - other) <= abs(ground - next_ground) + 8, "no edge but those of the hills"


def test_a_picture_with_nothing_around_her_stands_on_the_ground(theme: Theme, qtbot, tmp_path: Path):
    stage = Stage(theme, evening)
    qtbot.addWidget(stage)
    stage.resize(320, 800)
    empty = stage.grab().toImage()
    stage.set_character(mira(cut_out(tmp_path / "face.png", (400, 600))))
    shown = stage.grab().toImage()
    assert is_red(shown, 160, 799)
    assert all(shown.pixelColor(x, 200) == empty.pixelColor(x, 200) for x in (2, 160, 317))


def test_before_a_chosen_background_it_is_a_card(theme: Theme, qtbot, tmp_path: Path):
    behind = art(tmp_path / "behind.png", (320, 800), QColor("#0000FF"))
    stage = Stage(theme, evening)
    qtbot.addWidget(stage)
    stage.resize(320, 800)
    stage.set_character(mira(art(tmp_path / "face.png", (400, 600)), background=str(behind)))
    qtbot.waitUntil(lambda: stage.grab().toImage().pixelColor(4, 400).blue() > 180)
    shown = stage.grab().toImage()
    assert is_red(shown, 160, 600)
    assert not is_red(shown, 8, 600)
    assert not is_red(shown, 21, 778), "its corner is round"


def test_sprites_with_their_own_background_fill_the_stage_and_others_stand(theme: Theme, qtbot, tmp_path: Path):
    for name, make in (("solid", art), ("clear", cut_out)):
        make(tmp_path / name / "sprites" / "neutral.png", (400, 600))
        stage = Stage(theme, evening)
        qtbot.addWidget(stage)
        stage.resize(320, 800)
        portrait = cut_out(tmp_path / name / "portrait.png", (400, 600))
        stage.set_character(mira(portrait, tmp_path / name))
        stage.show()
        qtbot.waitUntil(lambda stage=stage, name=name: is_red(stage.grab().toImage(), 0, 400) == (name == "solid"))
        qtbot.waitUntil(lambda stage=stage: is_red(stage.grab().toImage(), 160, 799))


def test_an_opaque_portrait_does_not_flash_before_a_sprite(theme: Theme, qtbot, tmp_path: Path):
    cut_out(tmp_path / "sprites" / "neutral.png", (400, 600))
    stage = Stage(theme, evening)
    qtbot.addWidget(stage)
    stage.resize(320, 800)
    empty = stage.grab().toImage()
    stage.set_character(mira(art(tmp_path / "face.png", (400, 600)), tmp_path))
    assert stage.grab().toImage() == empty
    qtbot.waitUntil(lambda: is_red(stage.grab().toImage(), 160, 799))


def test_in_the_strip_it_has_ended_before_the_words(theme: Theme, qtbot, tmp_path: Path):
    strip = PortraitStrip(theme, evening)
    qtbot.addWidget(strip)
    strip.resize(480, strip.height())
    strip.set_character(mira(art(tmp_path / "face.png", (400, 600))))
    shown = strip.grab().toImage()
    assert is_red(shown, 0, 0)
    assert is_red(shown, 60, 60)
    assert shown.pixelColor(124, 4) == theme.colour("bg")
    assert shown.pixelColor(20, strip.height() - 1) == theme.colour("line")


def test_alone_it_is_a_card_with_round_corners(theme: Theme, qtbot, tmp_path: Path):
    view = FigureView(theme)
    qtbot.addWidget(view)
    view.resize(284, 380)
    view.set_character(mira(art(tmp_path / "face.png", (400, 600))))
    drawn = QImage(view.size(), QImage.Format.Format_ARGB32_Premultiplied)
    drawn.fill(Qt.GlobalColor.transparent)
    view.render(drawn, renderFlags=view.RenderFlag.DrawChildren)
    assert is_red(drawn, 142, 190)
    assert is_red(drawn, 0, 190)
    for corner in ((0, 0), (283, 0), (0, 379), (283, 379)):
        assert drawn.pixelColor(*corner).alpha() == 0


def test_corners_tell_whether_a_picture_has_a_background(qapp):
    image = QImage(60, 90, QImage.Format.Format_ARGB32)
    image.fill(RED)
    assert is_solid(image)
    image.setPixelColor(59, 0, Qt.GlobalColor.transparent)
    assert not is_solid(image)
    assert is_solid(QImage(60, 90, QImage.Format.Format_RGB32))
    assert not is_solid(QImage())
    assert not is_solid(QImage(10, 90, QImage.Format.Format_RGB32)), "a ribbon is no portrait"


@given(st.integers(30, 4000), st.integers(30, 4000), st.integers(160, 600), st.integers(200, 1600))
def test_the_sides_are_filled_and_a_face_in_the_middle_is_not_cut(width: int, height: int, wide: int, high: int):
    size = QSize(width, height)
    corner, scale = filling(size, likely_face(size), QSizeF(wide, high))
    assert corner.x() <= 0.5
    assert corner.x() + width * scale >= wide - 0.5
    assert corner.y() <= 0
    assert corner.y() + height * scale >= min(high, height * scale) - 1
    assert wide >= LEAST_WIDTH * min(width, height) * scale - 1


def test_a_large_portrait_is_kept_no_larger_than_it_is_shown(tmp_path: Path, qapp):
    portrait = Portrait(mira(art(tmp_path / "face.png", (2000, 3000))))
    assert portrait.is_slow
    portrait.load()
    assert not portrait.is_slow
    assert portrait.size.height() == LONGEST
    assert portrait.size.width() == round(LONGEST * 2 / 3)


def test_a_portrait_is_smooth_when_it_is_made_small(tmp_path: Path, qapp):
    """Lines of one pixel become grey, none is left out."""
    image = QImage(800, 800, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    for x in range(0, 800, 2):
        painter.fillRect(x, 0, 1, 800, Qt.GlobalColor.white)
    painter.end()
    assert image.save(str(tmp_path / "face.png"))
    drawn = QImage(80, 80, QImage.Format.Format_RGB32)
    painter = QPainter(drawn)
    Portrait(mira(tmp_path / "face.png")).paint(painter, QRectF(0, 0, 80, 80))
    painter.end()
    greys = [drawn.pixelColor(x, 40).red() for x in range(4, 76)]
    assert max(greys) - min(greys) < 12


def test_her_picture_is_read_beside_the_window(program, qtbot, tmp_path: Path):
    qtbot.waitUntil(lambda: program.content.stage.accessibleName() == "Portrait of Hoshi")
    made = program.characters.create(Card(name="Mira"))
    assert made is not None
    shutil.copy(art(tmp_path / "face.png", (900, 1350)), Path(made.folder) / "portrait.png")
    program.characters.choose(made.identifier)
    qtbot.waitUntil(lambda: program.content.stage.accessibleName() == "Portrait of Mira")
    qtbot.waitUntil(lambda: is_red(program.content.stage.grab().toImage(), 160, 400))
