from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from companion.app.characters import Characters
from companion.app.notices import Notice, Notices, Tone
from companion.app.preferences import Preferences
from companion.core.cards.reading import read_card, read_card_file
from companion.core.cards.writing import card_json, card_png
from companion.core.character import BUILT_IN, Card, Character, CharacterOptions
from companion.core.character_library import CharacterLibrary
from companion.core.paths import settings_file
from companion.core.settings import Settings, load_settings, save_settings


def png(colour: int = 0) -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes([0, colour, colour, colour]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


class House:
    """The characters, their folder, and all that was said about them."""

    def __init__(self) -> None:
        self.notices = Notices()
        self.told: list[Notice] = []
        self.notices.notice_raised.connect(self.told.append)
        self.preferences = Preferences(settings_file(), self.notices)
        self.library = CharacterLibrary()
        self.characters = Characters(self.library, self.preferences, self.notices)
        self.happened: list[tuple[str, str]] = []
        for name in ("chosen", "added", "character_changed"):
            signal = getattr(self.characters, name)
            signal.connect(lambda character, name=name: self.happened.append((name, character.name)))

    def close(self) -> None:
        self.characters.close()
        self.preferences.save()

    def names(self) -> list[str]:
        return [summary.name for summary in self.characters.all()]

    def said(self) -> str:
        return " | ".join(f"{notice.what} {notice.remedy}".strip() for notice in self.told)


@pytest.fixture
def house(qapp) -> Iterator[House]:
    made = House()
    yield made
    made.close()


def card_file(folder: Path, name: str, form: str = "json") -> Path:
    card = Card(name=name, description=f"{name} is here.", tags=("test",))
    path = folder / f"{name}.{form}"
    path.write_bytes(card_png(card, png()) if form == "png" else card_json(card))
    return path


def imported(house: House, qtbot, *paths: Path) -> None:
    with qtbot.waitSignal(house.characters.import_progressed, timeout=10_000, check_params_cb=lambda done, total: done == total):
        house.characters.import_files(paths)
    qtbot.wait(1)


def mira(house: House) -> Character:
    made = house.characters.create(Card(name="Mira", description="A detective."), png())
    assert made is not None
    house.happened.clear()
    return made


# Choosing


def test_the_built_in_one_is_there_and_current_from_the_start(house: House):
    assert house.names() == ["Hoshi"]
    assert house.characters.current.identifier == BUILT_IN
    assert house.characters.notice == ""


def test_choosing_is_told_and_remembered(house: House):
    made = mira(house)
    house.characters.choose(made.identifier)
    assert house.happened == [("chosen", "Mira")]
    assert house.characters.current == made
    house.preferences.save()
    assert load_settings(settings_file()).settings.character == made.identifier
    house.characters.close()
    assert Characters(house.library, house.preferences, house.notices).current == made


def test_one_who_is_gone_is_replaced_at_the_start_with_a_sentence(qapp):
    save_settings(settings_file(), Settings(character="nobody"))
    house = House()
    assert house.characters.current.identifier == BUILT_IN
    assert house.characters.notice.endswith("Hoshi takes her place.")
    assert "nobody" in house.characters.notice
    house.close()


def test_choosing_one_who_is_gone_changes_nothing_and_is_told(house: House):
    house.characters.choose("nobody")
    assert house.characters.current.identifier == BUILT_IN
    assert house.happened == []
    assert house.told[0].tone is Tone.ERROR


# Coming in


@pytest.mark.parametrize("form", ["png", "json"])
def test_a_card_is_imported_and_one_can_talk_at_once(house: House, qtbot, tmp_path, form):
    imported(house, qtbot, card_file(tmp_path, "Mira", form))
    assert house.names() == ["Hoshi", "Mira"]
    assert house.happened == [("added", "Mira")]
    notice = house.told[-1]
    assert (notice.tone, notice.what, notice.action) == (Tone.SUCCESS, "Mira is among your characters.", "Talk")
    notice.act()
    assert house.characters.current.name == "Mira"


def test_of_several_files_the_sound_ones_come_in_and_the_others_are_told_of(house: House, qtbot, tmp_path):
    bad = tmp_path / "picture.png"
    bad.write_bytes(png())
    imported(house, qtbot, card_file(tmp_path, "Ada"), bad, card_file(tmp_path, "Ben", "png"), tmp_path / "gone.json")
    assert house.names() == ["Hoshi", "Ada", "Ben"]
    assert [notice.tone for notice in house.told] == [Tone.ERROR, Tone.ERROR, Tone.SUCCESS]
    assert "picture.png" in house.told[0].what
    assert "gone.json" in house.told[1].what
    assert house.told[2].what == "2 of 4 characters were imported."


def test_many_refused_files_are_told_in_one_notice(house: House, qtbot, tmp_path):
    bad = []
    for number in range(5):
        bad.append(tmp_path / f"bad {number}.json")
        bad[-1].write_text("{")
    imported(house, qtbot, *bad)
    assert [notice.what for notice in house.told] == [
        "5 files could not be imported: bad 0.json, bad 1.json, bad 2.json and 2 more."
    ]


def test_importing_reads_no_file_in_the_thread_of_the_window_and_tells_how_far_it_is(house: House, qtbot, tmp_path):
    threads = set()

    class Watched(CharacterLibrary):
        def add(self, path: Path) -> Character:
            threads.add(threading.get_ident())
            return super().add(path)

    characters = Characters(Watched(), house.preferences, house.notices)
    progress: list[tuple[int, int]] = []
    characters.import_progressed.connect(lambda done, total: progress.append((done, total)))
    paths = [card_file(tmp_path, f"C{number}") for number in range(6)]
    with qtbot.waitSignal(characters.import_progressed, timeout=10_000, check_params_cb=lambda done, total: done == total == 6):
        characters.import_files(paths[:4])
        characters.import_files(paths[4:])  # joins what is under way
    characters.close()
    assert threading.get_ident() not in threads
    assert progress[0] == (0, 4)
    assert progress[1:] == [(number, 6) for number in range(7)]


def test_an_import_can_be_stopped_and_keeps_what_is_in(house: House, qtbot, tmp_path):
    paths = [card_file(tmp_path, f"C{number}") for number in range(30)]

    def stop_after_two(done: int, total: int) -> None:
        if done == 2:
            house.characters.stop_import()

    house.characters.import_progressed.connect(stop_after_two)
    imported(house, qtbot, *paths)
    assert len(house.names()) == 4, "the built-in one, two, and the one that was being read"
    assert house.told[-1].what == "3 of 30 characters were imported."


def test_a_new_character_has_a_name_until_it_is_given_one(house: House):
    made = house.characters.create()
    assert made is not None
    assert made.name == "New character"
    assert house.happened == [("added", "New character")]


# Changing


def test_a_saved_card_is_told_and_the_current_one_follows(house: House, qtbot):
    made = mira(house)
    house.characters.choose(made.identifier)
    house.happened.clear()
    with qtbot.waitSignal(house.characters.changed):
        saved = house.characters.save(made.identifier, msgspec.structs.replace(made.card, description="A pirate."), png(200))
    assert saved is not None
    assert house.happened == [("character_changed", "Mira")]
    assert house.characters.current.card.description == "A pirate."
    assert Path(saved.portrait).read_bytes() == png(200)


def test_editing_the_built_in_one_makes_a_copy(house: House):
    before = house.characters.current.card
    saved = house.characters.save(BUILT_IN, msgspec.structs.replace(before, description="Mine."))
    assert saved is not None
    assert saved.identifier != BUILT_IN
    assert saved.portrait.startswith(str(house.library.folder))
    assert house.library.load(saved.identifier).card.description == "Mine."
    assert house.library.load(BUILT_IN).card == before
    assert house.happened == [("added", "Hoshi"), ("character_changed", "Hoshi")]


def test_choices_are_kept_for_the_built_in_one_too(house: House):
    saved = house.characters.save_options(BUILT_IN, CharacterOptions(plain=True))
    assert saved is not None
    assert house.characters.current.options.plain
    assert house.happened == [("character_changed", "Hoshi")]


def test_a_copy_is_another_character(house: House):
    made = mira(house)
    copy = house.characters.duplicate(made.identifier)
    assert copy is not None
    assert copy.identifier != made.identifier
    assert copy.card.description == "A detective."
    assert house.names() == ["Hoshi", "Mira", "Mira"]


def test_whoever_is_deleted_comes_back_with_undo(house: House):
    made = mira(house)
    house.characters.delete(made.identifier)
    assert house.names() == ["Hoshi"]
    notice = house.told[-1]
    assert (notice.what, notice.action) == ("“Mira” was deleted.", "Undo")
    notice.act()
    assert house.names() == ["Hoshi", "Mira"]
    assert house.happened == [("added", "Mira")]
    assert house.characters.load(made.identifier) == made


def test_when_the_current_one_is_deleted_the_built_in_one_steps_in_until_it_comes_back(house: House):
    made = mira(house)
    house.characters.choose(made.identifier)
    house.characters.delete(made.identifier)
    assert house.characters.current.identifier == BUILT_IN
    assert house.preferences.settings.character == BUILT_IN
    house.told[-1].act()
    assert house.characters.current == made
    assert house.preferences.settings.character == made.identifier


def test_the_built_in_one_stays(house: House):
    house.characters.delete(BUILT_IN)
    assert house.names() == ["Hoshi"]
    assert house.told[-1].what == "Hoshi is built in and stays."


def test_undoing_twice_is_told_not_raised(house: House):
    made = mira(house)
    house.characters.delete(made.identifier)
    undo = house.told[-1].act
    undo()
    undo()
    assert house.told[-1].tone is Tone.ERROR


def test_a_damaged_folder_is_told_of_once_and_hides_nobody(house: House):
    mira(house)
    folder = house.library.folder / "broken"
    folder.mkdir()
    (folder / "card.json").write_text("{")
    assert house.names() == ["Hoshi", "Mira"]
    assert house.names() == ["Hoshi", "Mira"]
    assert [notice.tone for notice in house.told] == [Tone.WARNING]
    assert (folder / "card.json").read_text() == "{"


def test_what_was_deleted_long_ago_is_forgotten_at_a_start(house: House, qtbot, monkeypatch):
    monkeypatch.setattr("companion.app.characters.KEEP_DELETED_SECONDS", -1.0)
    made = mira(house)
    house.characters.delete(made.identifier)
    house.characters.start()
    trash = house.library.folder / ".trash" / made.identifier
    qtbot.waitUntil(lambda: not trash.exists(), timeout=2000)


# Going out


def exported(house: House, qtbot, identifier: str, path: Path, form: str, drawn: bytes = b"") -> Notice:
    before = len(house.told)
    house.characters.export(identifier, path, form, lambda _: drawn)
    qtbot.waitUntil(lambda: len(house.told) > before, timeout=5000)
    return house.told[-1]


@pytest.mark.parametrize("form", ["png", "v3", "v2", "charx"])
def test_an_exported_card_can_be_read_again(house: House, qtbot, tmp_path, form):
    made = mira(house)
    path = tmp_path / f"out.{ {'png': 'png', 'charx': 'charx'}.get(form, 'json') }"
    notice = exported(house, qtbot, made.identifier, path, form)
    assert (notice.tone, notice.what) == (Tone.SUCCESS, f"Mira is saved as “{path.name}”.")
    assert read_card(path).description == "A detective."


def test_a_png_card_has_the_portrait_as_it_is_and_a_drawn_one_only_when_there_is_none(house: House, qtbot, tmp_path):
    path = tmp_path / "out.png"
    exported(house, qtbot, mira(house).identifier, path, "png", drawn=png(99))
    assert b"".join(_pixels(path)) == b"".join(_pixels_of(png()))
    exported(house, qtbot, BUILT_IN, path, "png", drawn=png(99))
    assert b"".join(_pixels(path)) == b"".join(_pixels_of(png(99)))
    assert read_card_file(path).card.name == "Hoshi"


def test_a_place_that_cannot_be_written_is_told(house: House, qtbot, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    notice = exported(house, qtbot, BUILT_IN, tmp_path / "file" / "out.json", "v3")
    assert notice.tone is Tone.ERROR
    assert "out.json" in notice.what


def test_a_drawing_that_is_no_png_is_told(house: House, qtbot, tmp_path):
    notice = exported(house, qtbot, BUILT_IN, tmp_path / "out.png", "png", drawn=b"nothing")
    assert notice.tone is Tone.ERROR
    assert not (tmp_path / "out.png").exists()


def _pixels(path: Path) -> Iterator[bytes]:
    return _pixels_of(path.read_bytes())


def _pixels_of(content: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"IDAT":
            yield content[at + 8 : at + 8 + length]
        at += 12 + length
