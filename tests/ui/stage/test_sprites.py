from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage

from companion.ui.stage.picture_files import MOST_PIXELS
from companion.ui.stage.pictures import Pictures, read_scaled
from companion.ui.stage.sprites import MOST_FILES, SpritePack


def picture(path: Path, colour: str = "#00FF00", size: tuple[int, int] = (40, 60)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = QImage(*size, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    assert image.save(str(path))
    return path


def test_variants_belong_to_their_label_and_one_is_chosen_by_chance(tmp_path: Path, qapp):
    for name in ("joy.png", "joy-1.png", "joy_2.webp", "joy 3.jpg", "JOY4.PNG", "anger.png", "notes.txt", "readme"):
        picture(tmp_path / name) if name[-4:] in (".png", ".jpg", "webp", ".PNG") else (tmp_path / name).write_text("x")
    pack = SpritePack(tmp_path)
    assert pack.labels == ("anger", "joy")
    assert len(pack.pictures("joy")) == 5
    chosen = {pack.choose("joy", Random(seed)) for seed in range(60)}
    assert len(chosen) == 5


def test_a_missing_label_falls_back_to_a_near_one_then_to_neutral_then_to_nothing(tmp_path: Path, qapp):
    joy = picture(tmp_path / "joy.png")
    pack = SpritePack(tmp_path)
    assert pack.pictures("amusement") == (joy,)
    assert pack.pictures("grief") == ()
    assert pack.choose("grief", Random(1)) is None
    neutral = picture(tmp_path / "neutral.png")
    pack = SpritePack(tmp_path)
    assert pack.pictures("grief") == (neutral,)
    assert pack.pictures("no such label") == (neutral,)
    assert pack.pictures("amusement") == (joy,)


def test_sub_folders_are_costumes_and_what_a_costume_lacks_comes_from_everyday_clothes(tmp_path: Path, qapp):
    folder = tmp_path / "sprites"
    everyday = picture(folder / "anger.png")
    coat = picture(folder / "winter coat" / "joy.png")
    (folder / "empty").mkdir()
    pack = SpritePack(folder, "winter coat")
    assert pack.costumes == ("empty", "winter coat")
    assert pack.labels == ("joy",)
    assert pack.pictures("joy") == (coat,)
    assert pack.pictures("anger") == (everyday,)
    assert SpritePack(folder, "empty").labels == ("anger",)


def test_a_costume_never_leads_out_of_the_folder(tmp_path: Path, qapp):
    picture(tmp_path / "secret" / "joy.png")
    folder = tmp_path / "sprites"
    folder.mkdir()
    for name in ("../secret", "..", "/", str(tmp_path / "secret"), "a\0b"):
        assert SpritePack(folder, name).labels == ()


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_hostile_folder_is_a_pack_without_surprises(tmp_path: Path, qapp):
    outside = picture(tmp_path / "outside" / "joy.png")
    folder = tmp_path / "sprites"
    folder.mkdir()
    (folder / "joy.png").symlink_to(outside)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "anger.png").mkdir()
    (folder / ".hidden.png").write_bytes(b"x")
    (folder / ("x" * 200 + ".png")).write_bytes(b"x")
    (folder / "sadness.png").write_bytes(b"no picture at all")
    pack = SpritePack(folder)
    assert pack.labels == ("sadness",)
    assert pack.costumes == ("anger.png",)
    assert read_scaled(folder / "sadness.png", QSize(10, 10)).isNull()
    assert SpritePack(folder / "sadness.png").labels == ()
    assert SpritePack(tmp_path / "gone").labels == ()


def test_a_folder_of_thousands_is_not_read_to_its_end(tmp_path: Path):
    folder = tmp_path / "sprites"
    folder.mkdir()
    for number in range(MOST_FILES + 50):
        (folder / f"joy{number}.png").touch()
    assert len(SpritePack(folder).pictures("joy")) == MOST_FILES


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_costume_and_any_label_are_answered(costume: str, label: str):
    assert SpritePack(Path("/nowhere"), costume).pictures(label) == ()


def test_pictures_too_large_to_be_shown_are_not_read(tmp_path: Path, qapp):
    huge = QImage(MOST_PIXELS // 1000, 1001, QImage.Format.Format_Mono)
    huge.fill(1)
    assert huge.save(str(tmp_path / "huge.png"))
    assert read_scaled(tmp_path / "huge.png", QSize(100, 100)).isNull()
    fine = read_scaled(picture(tmp_path / "fine.png"), QSize(100, 90))
    assert fine.size() == QSize(60, 90)
    assert read_scaled(tmp_path / "fine.png", QSize(100, 90), cover=True).size() == QSize(100, 150)


def test_a_picture_is_read_once_and_handed_to_everyone_who_asked(tmp_path: Path, qtbot, qapp):
    path = picture(tmp_path / "joy.png")
    pictures = Pictures()
    got: list[QImage] = []
    pictures.request(path, QSize(40, 60), got.append)
    pictures.request(path, QSize(40, 60), got.append)
    assert not got, "not on this thread"
    qtbot.waitUntil(lambda: len(got) == 2)
    path.unlink()
    pictures.request(path, QSize(40, 60), got.append)
    assert len(got) == 3
    assert got[0] == got[2]
