from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage

from companion.core.character import Card, Character
from companion.core.character_library import built_in_character
from companion.ui.palette import contrast
from companion.ui.stage.avatar import avatar
from companion.ui.stage.portrait import Portrait
from companion.ui.stage.scenery import sky_at
from companion.ui.stage.stage import STRIP_HEIGHT, PortraitStrip, Stage
from companion.ui.theme import Theme

SIZES = [(220, 400), (320, 800), (500, 1200), (500, 400), (160, 200)]


def at(hour: int):
    return lambda: datetime(2026, 6, 1, hour, 0)


@pytest.fixture
def hoshi() -> Character:
    return built_in_character()


@pytest.fixture
def stranger() -> Character:
    return Character(identifier="x", card=Card(name="mira"))


def test_the_portrait_is_made_of_the_layers_that_animation_needs(hoshi: Character):
    text = Path(hoshi.portrait).read_text(encoding="utf-8")
    groups = re.findall(r'<g id="([\w-]+)"', text)
    order = [name for name in groups if not name.startswith("eye-")]
    wanted = ["hair-behind", "body", "arms", "steam", "face", "nose", "blush", "eyes", "mouth", "hair-front", "brows", "clip"]
    assert order == wanted
    for side in ("left", "right"):
        assert [f"eye-{side}-{part}" in groups for part in ("white", "iris", "highlight", "lid")] == [True] * 4
    unreliable = r"<(filter|mask|clipPath|image|script|foreignObject|style|text|use)\b|href"
    assert not re.search(unreliable, text), "only what QSvgRenderer draws properly, and nothing from outside"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["dark", "light"])
def test_her_face_is_on_the_stage_at_every_size(theme: Theme, qtbot, hoshi: Character, size: tuple[int, int], name: str):
    theme.choose(name)
    stage = Stage(theme, at(20))
    qtbot.addWidget(stage)
    stage.resize(*size)
    empty = stage.grab().toImage()
    stage.set_character(hoshi)
    shown = stage.grab().toImage()
    skin = [(x, y) for x in range(0, size[0], 4) for y in range(0, size[1], 4) if _is_skin(shown, x, y)]
    assert len(skin) > size[0] * size[1] / 16 * 0.02
    assert not any(_is_skin(empty, x, y) for x, y in skin)
    xs = [x for x, _ in skin]
    assert min(xs) > size[0] * 0.05
    assert max(xs) < size[0] * 0.95


def test_she_is_drawn_once_for_a_size_and_again_for_another(theme: Theme, qtbot, hoshi: Character, monkeypatch):
    drawn = []
    original = Portrait.paint
    monkeypatch.setattr(Portrait, "paint", lambda self, painter, target: drawn.append(target) or original(self, painter, target))
    stage = Stage(theme, at(20))
    qtbot.addWidget(stage)
    stage.set_character(hoshi)
    stage.resize(320, 640)
    stage.grab()
    stage.grab()
    assert len(drawn) == 1
    stage.resize(320, 700)
    dark = stage.grab().toImage()
    theme.choose("light")
    assert stage.grab().toImage() != dark
    assert len(drawn) == 1, "her size is the same, only the sky is new"
    stage.resize(300, 700)
    stage.grab()
    assert len(drawn) == 2


def test_the_mood_is_shown_and_hidden(theme: Theme, qtbot):
    stage = Stage(theme)
    qtbot.addWidget(stage)
    stage.show()
    assert not stage._mood.isVisible()
    stage.set_mood("caring")
    assert stage._mood.isVisible()
    assert stage.accessibleDescription() == "Mood: caring"
    stage.set_mood("")
    assert not stage._mood.isVisible()


def test_a_character_without_a_picture_becomes_a_silhouette_with_its_initial(theme: Theme, qtbot, stranger: Character):
    assert Portrait(stranger).is_silhouette
    assert Portrait(stranger).initial == "M"
    stage = Stage(theme, at(20))
    qtbot.addWidget(stage)
    stage.resize(320, 640)
    empty = stage.grab().toImage()
    stage.set_character(stranger)
    assert stage.grab().toImage() != empty


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_picture_that_cannot_be_read_becomes_a_silhouette(tmp_path: Path, content: bytes):
    path = tmp_path / "face.png"
    path.write_bytes(content)
    assert Portrait(Character(identifier="x", card=Card(name="Mira"), portrait=str(path))).is_silhouette
    assert Portrait(Character(identifier="x", card=Card(name="Mira"), portrait=str(tmp_path / "gone.svg"))).is_silhouette


def test_a_huge_picture_is_not_read(tmp_path: Path, qapp):
    path = tmp_path / "huge.png"
    image = QImage(5000, 5000, QImage.Format.Format_Mono)
    image.fill(1)
    assert image.save(str(path))
    assert Portrait(Character(identifier="x", card=Card(name="Mira"), portrait=str(path))).is_silhouette


def test_a_png_portrait_is_shown(tmp_path: Path, qapp):
    path = tmp_path / "face.png"
    image = QImage(400, 600, QImage.Format.Format_RGB32)
    image.fill(QColor("#00FF00"))
    assert image.save(str(path))
    portrait = Portrait(Character(identifier="x", card=Card(name="Mira"), portrait=str(path)))
    assert portrait.size == QSize(400, 600)
    drawn = avatar(Character(identifier="x", card=Card(name="Mira"), portrait=str(path)), 36, 1.0).toImage()
    assert drawn.pixelColor(18, 18) == QColor("#00FF00")


@pytest.mark.parametrize("dpr", [1.0, 1.5, 2.0])
def test_an_avatar_is_round_and_crisp_on_every_screen(qapp, hoshi: Character, dpr: float):
    drawn = avatar(hoshi, 36, dpr)
    side = round(36 * dpr)
    assert drawn.size() == QSize(side, side)
    assert drawn.devicePixelRatio() == dpr
    image = drawn.toImage()
    assert image.pixelColor(0, 0).alpha() == 0
    assert image.pixelColor(side // 2, side // 2).alpha() == 255
    assert any(0 < image.pixelColor(x, side // 7).alpha() < 255 for x in range(side)), "the edge is smooth"
    assert any(_is_skin(image, x, y) for x in range(side) for y in range(side // 2, side))


def test_the_strip_is_72_px_and_says_who_it_is(theme: Theme, qtbot, hoshi: Character):
    strip = PortraitStrip(theme, at(20))
    qtbot.addWidget(strip)
    strip.set_character(hoshi)
    strip.set_mood("caring")
    strip.resize(480, strip.height())
    assert strip.height() == STRIP_HEIGHT == 72
    assert strip.accessibleName() == "Portrait of Hoshi"
    assert _is_anywhere_skin(strip.grab().toImage())


def test_words_in_the_strip_stand_on_the_plain_background(theme: Theme, qtbot, hoshi: Character):
    strip = PortraitStrip(theme, at(12))
    qtbot.addWidget(strip)
    strip.set_character(hoshi)
    strip.resize(480, 72)
    image = strip.grab().toImage()
    for x in range(130, 480, 10):
        assert contrast(theme.palette.muted, image.pixelColor(x, 4).name().upper()) >= 4.5


@pytest.mark.parametrize("name", ["dark", "light"])
def test_the_sky_changes_gently_through_the_day(name: str):
    hours = [step / 4 for step in range(97)]
    skies = [sky_at(hour, name) for hour in hours]
    assert skies[0] == skies[-1]
    assert skies[0].stars > 0.5
    assert sky_at(12, name).stars == 0
    for first, second in pairwise(skies):
        assert contrast(first.horizon, second.horizon) < 1.6


def _is_skin(image: QImage, x: int, y: int) -> bool:
    colour = image.pixelColor(x, y)
    return colour.red() > 248 and 200 < colour.green() < 240 and 185 < colour.blue() < 228 and colour.green() - colour.blue() > 4


def _is_anywhere_skin(image: QImage) -> bool:
    return any(_is_skin(image, x, y) for x in range(0, 120) for y in range(0, 72))
