from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QApplication, QWidget

from companion.core.character import Card, Character, CharacterOptions
from companion.core.paths import assets_folder
from companion.ui.stage.backdrop import Backdrop
from companion.ui.stage.drawn_figure import DrawnFigure, changed_areas
from companion.ui.stage.face import Face
from companion.ui.stage.figure_view import FigureView, FigureWidget
from companion.ui.stage.layers import Layers
from companion.ui.stage.pictures import Pictures
from companion.ui.stage.portrait import Portrait
from companion.ui.stage.posture import Posture
from companion.ui.stage.stage import PortraitStrip, Stage
from companion.ui.theme import Theme

HOSHI = assets_folder() / "characters" / "hoshi"


def evening() -> datetime:
    return datetime(2026, 6, 1, 20, 0)


@pytest.fixture
def hoshi() -> Character:
    return Character(identifier="", card=Card(name="Hoshi"), folder=str(HOSHI), portrait=str(HOSHI / "portrait.svg"))


@pytest.fixture
def moving(qapp: QApplication):
    made = Theme(qapp, "dark")
    yield made
    made.deleteLater()


def shown(widget: FigureWidget, qtbot, character: Character, size: tuple[int, int] = (320, 640)) -> FigureWidget:
    """The widget on the screen with everything prepared."""
    qtbot.addWidget(widget)
    widget.resize(*size)
    widget.set_character(character)
    widget.show()
    qtbot.waitUntil(lambda: widget.frames_painted > 0)
    qtbot.waitUntil(lambda: prepared(widget))
    return widget


def prepared(widget: FigureWidget) -> bool:
    actor = widget.figure._actor
    return actor is not None and (getattr(actor, "_figure", None) is not None or not getattr(actor, "_now", QImage()).isNull())


def picture(path: Path, colour: str, size: tuple[int, int] = (320, 640)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = QImage(*size, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    assert image.save(str(path))


def colour(widget: QWidget) -> str:
    image = widget.grab().toImage()
    return image.pixelColor(image.width() // 2, image.height() - 40).name()


@pytest.mark.parametrize("kind", [Stage, PortraitStrip, FigureView])
def test_her_face_changes_with_her_mood(theme: Theme, qtbot, hoshi: Character, kind: type[FigureWidget]):
    widget = shown(kind(theme), qtbot, hoshi, (400, 500))
    whole = widget.rect() if kind is not PortraitStrip else QRect(0, 0, 110, 71)  # not the words beside her
    neutral = widget.grab(whole).toImage()
    widget.set_mood("joy")
    joyful = widget.grab(whole).toImage()
    assert joyful != neutral
    widget.set_mood("")
    assert widget.grab(whole).toImage() == neutral


def test_with_reduced_motion_no_frame_is_painted_unasked(theme: Theme, qtbot, hoshi: Character):
    stage = shown(Stage(theme, evening), qtbot, hoshi)
    qtbot.wait(50)
    before = stage.frames_painted
    stage.hear("this is not mouthed")
    qtbot.wait(150)
    assert stage.frames_painted == before
    assert not stage.clock.running


def test_a_stage_that_is_not_seen_has_no_clock(moving: Theme, qtbot, hoshi: Character):
    stage = shown(Stage(moving, evening), qtbot, hoshi)
    assert stage.clock.running
    stage.hide()
    assert not stage.clock.running
    stage.show()
    assert stage.clock.running
    stage.set_paused(True)
    assert not stage.clock.running
    stage.set_paused(False)
    stage.set_plain(True)
    assert not stage.clock.running
    stage.set_plain(False)
    assert stage.clock.running
    moving.set_reduce_motion(True)
    assert not stage.clock.running


def test_speaking_paints_frames_of_the_mouth(moving: Theme, qtbot, hoshi: Character):
    stage = shown(Stage(moving, evening), qtbot, hoshi)
    before = stage.frames_painted
    stage.hear("Good evening, the sky is wonderfully clear tonight.")
    qtbot.waitUntil(lambda: stage.frames_painted > before + 10 and len(stage.clock.intervals) > 10)
    stage.stop_speaking()


def test_thinking_and_sleep_pass_and_her_mood_is_back(theme: Theme, qtbot, hoshi: Character):
    stage = shown(Stage(theme, evening), qtbot, hoshi)
    stage.set_mood("joy")
    joyful = stage.grab().toImage()
    stage.set_thinking(True)
    thinking = stage.grab().toImage()
    stage.set_asleep(True)
    asleep = stage.grab().toImage()
    assert joyful != thinking != asleep != joyful
    stage.set_asleep(False)
    assert stage.grab().toImage() == thinking
    stage.set_thinking(False)
    assert stage.grab().toImage() == joyful


def test_the_plain_portrait_has_no_expressions(theme: Theme, qtbot, hoshi: Character):
    stage = shown(Stage(theme, evening), qtbot, hoshi)
    stage.set_plain(True)
    still = stage.grab().toImage()
    stage.set_mood("anger")
    stage._mood.hide()
    assert stage.grab().toImage() == still


def test_her_options_decide_about_plain_costume_and_background(theme: Theme, qtbot, hoshi: Character, tmp_path: Path):
    picture(tmp_path / "night.png", "#FF0000")
    options = msgspec.structs.replace(hoshi.options, plain=True, background=str(tmp_path / "night.png"))
    stage = Stage(theme, evening)
    qtbot.addWidget(stage)
    stage.resize(320, 900)
    stage.set_character(msgspec.structs.replace(hoshi, options=options))
    qtbot.waitUntil(lambda: stage.grab().toImage().pixelColor(5, 300).red() > 180)
    assert not stage.figure.moves


def test_a_background_that_cannot_be_read_leaves_the_observatory(qtbot, qapp, tmp_path: Path):
    size, pictures = QSize(320, 640), Pictures()
    backdrop = Backdrop(pictures)
    sky = backdrop.pixmap(size, 1.0, "dark", 20.0).toImage()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    for path in (tmp_path / "broken.png", tmp_path / "gone.jpg", tmp_path):
        backdrop.set_picture(str(path))
        backdrop.pixmap(size, 1.0, "dark", 20.0)
        read: list[QImage] = []
        pictures.request(path, size, read.append, cover=True)
        qtbot.waitUntil(lambda read=read: bool(read))
        assert backdrop.pixmap(size, 1.0, "dark", 20.0).toImage() == sky


def test_the_view_is_transparent_around_her(theme: Theme, qtbot, hoshi: Character):
    window = QWidget()
    window.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
    qtbot.addWidget(window)
    view = FigureView(theme)
    view.setParent(window)
    view.resize(320, 520)
    view.set_character(hoshi)
    image = QImage(QSize(320, 520), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    window.resize(320, 520)
    window.render(image)
    assert image.pixelColor(4, 4).alpha() == 0
    assert image.pixelColor(160, 200).alpha() == 255


def test_sprites_of_her_folder_are_shown_by_mood_and_costume(theme: Theme, qtbot, tmp_path: Path):
    picture(tmp_path / "sprites" / "neutral.png", "#0000FF")
    picture(tmp_path / "sprites" / "joy.png", "#00FF00")
    picture(tmp_path / "sprites" / "coat" / "neutral.png", "#FF0000")
    mira = Character(identifier="x", card=Card(name="Mira"), folder=str(tmp_path))
    stage = shown(Stage(theme, evening), qtbot, mira)
    assert colour(stage) == "#0000ff"
    stage.set_mood("amusement")
    qtbot.waitUntil(lambda: colour(stage) == "#00ff00")
    stage.set_mood("amusement", 0.1)
    qtbot.waitUntil(lambda: colour(stage) == "#0000ff")
    stage.set_character(msgspec.structs.replace(mira, options=CharacterOptions(costume="coat")))
    qtbot.waitUntil(lambda: colour(stage) == "#ff0000")


def test_a_broken_sprite_leaves_the_portrait(theme: Theme, qtbot, tmp_path: Path):
    picture(tmp_path / "face.png", "#00FFFF")
    picture(tmp_path / "sprites" / "neutral.png", "#0000FF")
    (tmp_path / "sprites" / "joy.png").write_bytes((tmp_path / "sprites" / "neutral.png").read_bytes()[:60])
    (tmp_path / "sprites" / "anger.png").write_bytes(b"nothing")
    mira = Character(identifier="x", card=Card(name="Mira"), folder=str(tmp_path), portrait=str(tmp_path / "face.png"))
    stage = shown(Stage(theme, evening), qtbot, mira)
    assert colour(stage) == "#0000ff"
    stage.set_mood("joy")
    qtbot.waitUntil(lambda: colour(stage) == "#00ffff")
    stage.set_mood("")
    qtbot.waitUntil(lambda: colour(stage) == "#0000ff")
    stage.set_mood("anger")
    qtbot.waitUntil(lambda: colour(stage) == "#00ffff")


def test_two_sprites_are_faded_into_each_other(moving: Theme, qtbot, tmp_path: Path):
    picture(tmp_path / "sprites" / "neutral.png", "#000000")
    picture(tmp_path / "sprites" / "joy.png", "#FFFFFF")
    stage = shown(Stage(moving, evening), qtbot, Character(identifier="x", card=Card(name="Mira"), folder=str(tmp_path)))
    stage.set_mood("joy")
    seen = set()

    def white() -> bool:
        seen.add(colour(stage))
        return "#ffffff" in seen

    qtbot.waitUntil(white)
    greys = {int(name[1:3], 16) for name in seen}
    assert any(30 < grey < 225 for grey in greys)


def test_another_character_takes_the_place_of_the_last(theme: Theme, qtbot, hoshi: Character, tmp_path: Path):
    picture(tmp_path / "face.png", "#00FFFF")
    stage = shown(Stage(theme, evening), qtbot, hoshi)
    stage.set_character(Character(identifier="x", card=Card(name="Mira"), portrait=str(tmp_path / "face.png")))
    qtbot.waitUntil(lambda: colour(stage) == "#00ffff")
    assert stage.accessibleName() == "Portrait of Mira"
    stage.set_character(hoshi)
    qtbot.waitUntil(lambda: colour(stage) != "#00ffff")


@pytest.mark.parametrize("posture", [Posture(), Posture(turn=1, nod=1, tilt=9), Posture(turn=-1, nod=-1, tilt=-9, rise=6)])
@pytest.mark.parametrize(
    "face",
    [
        Face(eye_open=0),
        Face(eye_open=1.25, eye_tilt=1, gaze_x=1, gaze_y=-1),
        Face(mouth_open=24, mouth_arch=6, mouth_width=30, mouth_y=2),
        Face(sweat=1, vein=1, sparkle=1, hearts=1, tear=1, blush=2, pale=1, brow_raise=15, brow_tilt=-1.4),
    ],
)
def test_a_part_that_is_painted_again_fits_the_picture_around_it(qapp, hoshi: Character, face: Face, posture: Posture):
    layers = Layers(Portrait(hoshi), 0.25, 1.0)
    while not layers.complete:
        layers.prepare()
    figure = DrawnFigure(layers)

    def paint(image: QImage, shown: Face, parts: list[QRectF]) -> QImage:
        painter = QPainter(image)
        painter.scale(0.25, 0.25)
        if parts:
            painter.setClipRect(parts[0].toAlignedRect())
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
            painter.fillRect(QRectF(0, 0, 640, 1040), QColor(0, 0, 0, 0))
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        figure.paint(painter, shown, posture)
        painter.end()
        return image

    def blank() -> QImage:
        image = QImage(160, 260, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        return image

    whole = paint(blank(), face, [])
    parts = changed_areas(Face(), face, 0.25)
    assert len(parts) == 1
    patched = paint(paint(blank(), Face(), []), face, parts)
    assert _difference(patched, whole) <= 14, "rounding alone"


def _difference(first: QImage, second: QImage) -> int:
    """The largest difference of any channel of any pixel."""
    return max(abs(a - b) for a, b in zip(bytes(first.constBits()), bytes(second.constBits()), strict=True))


def test_a_drawing_that_only_looks_like_ours_is_shown_as_a_picture(theme: Theme, qtbot, hoshi: Character, tmp_path: Path):
    shutil.copy(HOSHI / "portrait.svg", tmp_path / "portrait.svg")
    (tmp_path / "faces.toml").write_text("[neutral]\nnose = 1", encoding="utf-8")
    stage = Stage(theme, evening)
    other = Character(identifier="x", card=Card(name="Mira"), folder=str(tmp_path), portrait=str(tmp_path / "portrait.svg"))
    shown(stage, qtbot, other)
    neutral = stage.grab().toImage()
    stage.set_mood("joy")
    stage._mood.hide()
    assert stage.grab().toImage() == neutral
