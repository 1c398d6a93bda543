"""The person's characters on disk: taken in whole or not at all, never lost, never mixed up."""

from __future__ import annotations

import base64
import errno
import json
import os
import time
from pathlib import Path

import pytest

from companion.core import character_library as library_module
from companion.core.cards.limits import MAX_CARD_BYTES
from companion.core.cards.reading import read_card, read_card_file
from companion.core.character import BUILT_IN, Card, CharacterOptions
from companion.core.character_library import CharacterLibrary, built_in_character, load_character
from companion.core.errors import CharacterError
from companion.core.paths import data_folder
from tests.core.cards import samples


@pytest.fixture
def library(tmp_path: Path) -> CharacterLibrary:
    return CharacterLibrary(tmp_path / "characters")


def put(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(library: CharacterLibrary) -> list[str]:
    return [summary.identifier for summary in library.all()]


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# Coming in


@pytest.mark.parametrize("form", ["json", "png", "charx"])
def test_a_card_of_every_form_is_taken_in(library: CharacterLibrary, tmp_path: Path, form: str) -> None:
    contents = {"json": samples.V3, "png": samples.png(samples.text_chunk("ccv3", samples.V3)), "charx": samples.mira_charx()}
    path = put(tmp_path, f"card.{form}", contents[form])
    character = library.add(path)
    assert (character.identifier, character.name, character.called) == ("mira", "Mira", "Miri")
    assert character.card == read_card(path)
    assert Path(character.folder) == library.folder / "mira"
    assert bool(character.portrait) == (form != "json")
    assert library.load("mira") == character
    assert names(library) == [BUILT_IN, "mira"]
    path.unlink()  # nothing hangs on the file it came from
    assert library.load("mira") == character


def test_the_portrait_of_a_png_card_has_no_second_card_in_it(library: CharacterLibrary, tmp_path: Path) -> None:
    picture = samples.png(samples.NOTE, samples.text_chunk("chara", samples.V2))
    character = library.add(put(tmp_path, "mira.png", picture))
    assert Path(character.portrait).read_bytes() == samples.png(samples.NOTE)


def test_what_a_charx_file_brings_is_put_in_its_place(library: CharacterLibrary, tmp_path: Path) -> None:
    path = put(tmp_path, "mira.charx", samples.mira_charx())
    character = library.add(path)
    files, folder = read_card_file(path).files, Path(character.folder)
    assert visible(folder) == ["assets", "background.png", "card.json", "options.json", "other", "portrait.png", "sprites"]
    assert Path(character.portrait).read_bytes() == files["assets/icon/main.png"]
    assert visible(folder / "sprites") == ["joy-2.png", "joy.png"]
    assert (folder / "sprites" / "joy.png").read_bytes() == files["assets/emotion/0.png"]
    assert (folder / "assets" / "emotion" / "1.png").read_bytes() == files["assets/emotion/1.png"]
    assert (folder / "other" / "module.risum").read_bytes() == b"other"
    assert character.options.background == str(folder / "background.png")


def test_files_of_an_archive_cannot_stand_for_our_own(library: CharacterLibrary, tmp_path: Path) -> None:
    content = samples.charx(
        {"card.json": '{"name": "Ada"}', "options.json": "{", "portrait.svg": "<svg>", "sprites/joy.png": "x"}
    )
    character = library.add(put(tmp_path, "ada.charx", content))
    assert (character.portrait, character.options) == ("", CharacterOptions())
    assert visible(Path(character.folder)) == ["card.json", "other"]


def test_pictures_in_the_card_itself_become_files(library: CharacterLibrary, tmp_path: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(samples.png()).decode()
    kinds = [("icon", "main"), ("emotion", "sad"), ("background", "main"), ("emotion", "../../up"), ("emotion", "con")]
    assets = [{"type": kind, "uri": uri, "name": name, "ext": "png"} for kind, name in kinds]
    character = library.add(put(tmp_path, "mira.json", json.dumps({"data": {"name": "Mira", "assets": assets}})))
    folder = Path(character.folder)
    assert visible(folder / "sprites") == ["sadness.png", "up.png"]
    assert (folder / "portrait.png").read_bytes() == (folder / "background.png").read_bytes() == samples.png()
    assert character.card.assets[0].uri == uri


def test_one_picture_named_a_thousand_times_does_not_fill_the_disk(library: CharacterLibrary, tmp_path: Path) -> None:
    assets = [{"type": "emotion", "uri": "embeded://assets/a.png", "name": f"mood {n}", "ext": "png"} for n in range(1000)]
    card = json.dumps({"data": {"name": "Mira", "assets": assets}})
    character = library.add(put(tmp_path, "m.charx", samples.charx({"card.json": card, "assets/a.png": samples.png()})))
    assert len(visible(Path(character.folder) / "sprites")) == 500


def test_characters_of_one_name_get_folders_of_their_own(library: CharacterLibrary, tmp_path: Path) -> None:
    path = put(tmp_path, "mira.json", samples.V1)
    assert [library.add(path).identifier for _ in range(3)] == ["mira", "mira-2", "mira-3"]


def test_what_is_no_card_leaves_nothing_behind(library: CharacterLibrary, tmp_path: Path) -> None:
    for name, content in (("a.png", samples.png()), ("b.jpg", b"\xff\xd8\xff\xe0"), ("c.json", b"{}"), ("d.charx", b"PK\3\4")):
        with pytest.raises(CharacterError, match=name):
            library.add(put(tmp_path, name, content))
    assert visible(library.folder) == []


def test_an_import_that_fails_half_way_leaves_nothing_behind(
    library: CharacterLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, count = Path.write_bytes, 0

    def full(path: Path, content: bytes) -> int:
        nonlocal count
        count += 1
        if count > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, content)

    path = put(tmp_path, "mira.charx", samples.mira_charx())
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CharacterError, match=r"“Mira” could not be added \(No space left on device\)") as refusal:
        library.add(path)
    assert refusal.value.remedy
    assert visible(library.folder) == []


def test_a_new_character_is_created(library: CharacterLibrary) -> None:
    before = int(time.time())
    character = library.create(Card(name="Ada"), samples.png())
    assert character.identifier == "ada"
    assert character.portrait.endswith("portrait.png")
    assert character.card.creation_date is not None
    assert before <= character.card.creation_date == character.card.modification_date
    assert library.create(Card(name="Ada")).portrait == ""
    with pytest.raises(CharacterError, match="not a picture"):
        library.create(Card(name="Ada"), b"<svg/>")


# Changing


def test_a_changed_card_is_saved(library: CharacterLibrary, tmp_path: Path) -> None:
    character = library.add(put(tmp_path, "mira.charx", samples.mira_charx()))
    changed = library_module.replace(character.card, description="Short.")
    saved = library.save("mira", changed)
    assert (saved.card.description, saved.portrait, saved.options) == ("Short.", character.portrait, character.options)
    assert saved.card.extensions == samples.EXTENSIONS.encode()
    assert saved.card.modification_date is not None
    assert saved.card.modification_date > 1_700_000_001


def test_a_new_portrait_takes_the_place_of_the_old_one(library: CharacterLibrary) -> None:
    character = library.create(Card(name="Ada"), samples.png())
    saved = library.save("ada", character.card, b"GIF89a...")
    assert [path for path in visible(Path(saved.folder)) if "portrait" in path] == ["portrait.gif"]
    assert library.all()[1].portrait == saved.portrait
    with pytest.raises(CharacterError, match="not a picture"):
        library.save("ada", character.card, b"MZ")
    assert Path(saved.portrait).exists()


def test_a_card_that_cannot_be_written_changes_nothing(library: CharacterLibrary) -> None:
    library.create(Card(name="Ada", description="old"), samples.png())
    with pytest.raises(CharacterError):
        library.save("ada", Card(name="Ada", description="x" * MAX_CARD_BYTES), b"GIF89a")
    assert library.load("ada").card.description == "old"
    assert library.load("ada").portrait.endswith("portrait.png")


def test_what_is_not_the_persons_is_not_changed(library: CharacterLibrary, tmp_path: Path) -> None:
    file = str(put(tmp_path, "mira.json", samples.V1))
    for identifier in (BUILT_IN, file, "nobody", "../characters", "_hoshi", ".trash", "a/b"):
        with pytest.raises(CharacterError):
            library.save(identifier, Card(name="Ada"))
        with pytest.raises(CharacterError):
            library.delete(identifier)
        if identifier != BUILT_IN:
            with pytest.raises(CharacterError):
                library.save_options(identifier, CharacterOptions())
    assert read_card(Path(file)).name == "Mira"


def test_the_built_in_character_can_be_copied_and_changed(library: CharacterLibrary) -> None:
    library.save_options(BUILT_IN, CharacterOptions(notice_mood=True))
    copy = library.duplicate(BUILT_IN)
    assert (copy.identifier, copy.name, copy.options.notice_mood) == ("hoshi", "Hoshi", True)
    assert copy.card == built_in_character().card
    assert Path(copy.portrait).read_bytes() == Path(built_in_character().portrait).read_bytes()
    assert library.save("hoshi", Card(name="Luna")).name == "Luna"
    assert library.load(BUILT_IN).name == "Hoshi"


def test_a_copy_has_everything_and_stands_on_its_own(library: CharacterLibrary, tmp_path: Path) -> None:
    original = library.add(put(tmp_path, "mira.charx", samples.mira_charx()))
    outside = put(tmp_path, "secret.txt", "x")
    (Path(original.folder) / "assets" / "link").symlink_to(outside)
    copy = library.duplicate("mira")
    assert (copy.identifier, copy.card) == ("mira-2", original.card)
    assert visible(Path(copy.folder) / "sprites") == visible(Path(original.folder) / "sprites")
    assert copy.options.background == str(Path(copy.folder) / "background.png")
    assert not (Path(copy.folder) / "assets" / "link").exists()


def test_a_card_file_can_be_copied_into_the_library(library: CharacterLibrary, tmp_path: Path) -> None:
    assert library.duplicate(str(put(tmp_path, "mira.json", samples.V1))).identifier == "mira"


# Choices


def test_choices_are_kept_beside_the_card(library: CharacterLibrary) -> None:
    library.create(Card(name="Ada"))
    chosen = CharacterOptions(remember=False, memory_tokens=10, costume="coat", background="/pictures/hill.png")
    for identifier in ("ada", BUILT_IN):
        assert library.load(identifier).options == CharacterOptions()
        library.save_options(identifier, chosen)
        assert library.load(identifier).options == chosen
    assert library.load("ada").card.name == "Ada"
    assert built_in_character().options == CharacterOptions()


def test_a_background_moves_with_its_character_and_can_be_taken_away(library: CharacterLibrary, tmp_path: Path) -> None:
    character = library.add(put(tmp_path, "mira.charx", samples.mira_charx()))
    library.save_options("mira", character.options)
    moved = CharacterLibrary(tmp_path / "moved")
    library.folder.rename(moved.folder)
    assert moved.load("mira").options.background == str(moved.folder / "mira" / "background.png")
    moved.save_options("mira", CharacterOptions())
    assert moved.load("mira").options.background == ""


@pytest.mark.parametrize("content", [b"{", b'{"memory_tokens": "many"}', b"\xff", b"[" * 100_000])
def test_damaged_choices_are_set_aside(library: CharacterLibrary, content: bytes) -> None:
    folder = Path(library.create(Card(name="Ada")).folder)
    (folder / "options.json").write_bytes(content)
    assert library.load("ada").options == CharacterOptions()
    (aside,) = folder.glob("options damaged*")
    assert aside.read_bytes() == content


# Going


def test_a_deleted_character_can_be_restored_whole(library: CharacterLibrary, tmp_path: Path) -> None:
    character = library.add(put(tmp_path, "mira.charx", samples.mira_charx()))
    library.delete("mira")
    assert names(library) == [BUILT_IN]
    with pytest.raises(CharacterError, match="not there any more"):
        library.load("mira")
    assert library.restore("mira") == character
    assert names(library) == [BUILT_IN, "mira"]


def test_nobody_is_given_the_place_of_one_who_was_deleted(library: CharacterLibrary, tmp_path: Path) -> None:
    path = put(tmp_path, "mira.json", samples.V1)
    library.add(path)
    library.delete("mira")
    assert library.add(path).identifier == "mira-2"
    library.restore("mira")
    library.delete("mira")
    library.purge_trash()
    assert library.add(path).identifier == "mira-3"


def test_the_trash_keeps_what_is_young(library: CharacterLibrary) -> None:
    library.create(Card(name="Ada"))
    library.create(Card(name="Grace"))
    library.delete("ada")
    library.delete("grace")
    old = time.time() - 1000
    os.utime(library.folder / ".trash" / "ada", (old, old))
    library.purge_trash(500)
    assert visible(library.folder / ".trash") == ["grace"]
    with pytest.raises(CharacterError, match="cannot be brought back"):
        library.restore("ada")
    library.restore("grace")


def test_restoring_what_was_never_deleted_is_refused(library: CharacterLibrary) -> None:
    library.create(Card(name="Ada"))
    for identifier in ("ada", "nobody", "", "..", "../ada", "/"):
        with pytest.raises(CharacterError):
            library.restore(identifier)


def test_what_a_killed_import_left_is_swept_away_later(library: CharacterLibrary) -> None:
    for name, age in ((".new-old", 48 * 3600), (".new-young", 60)):
        (library.folder / name).mkdir(parents=True)
        os.utime(library.folder / name, (time.time() - age,) * 2)
    assert names(library) == [BUILT_IN]
    library.purge_trash(1e9)
    assert visible(library.folder)[:1] == [".new-young"]
    assert not (library.folder / ".new-old").exists()


# Going out


def test_a_character_goes_out_in_every_form(library: CharacterLibrary, tmp_path: Path) -> None:
    card = library.add(put(tmp_path, "mira.charx", samples.mira_charx())).card
    library.export_json("mira", tmp_path / "v3.json")
    library.export_json("mira", tmp_path / "v2.json", "v2")
    library.export_png("mira", tmp_path / "mira.png", samples.png())
    library.export_charx("mira", tmp_path / "again.charx")
    for name in ("v3.json", "v2.json", "mira.png", "again.charx"):
        assert read_card(tmp_path / name) == card
    assert json.loads((tmp_path / "v2.json").read_text())["spec"] == "chara_card_v2"
    assert read_card_file(tmp_path / "again.charx") == read_card_file(tmp_path / "mira.charx")


def test_a_new_portrait_goes_into_the_charx_file(library: CharacterLibrary, tmp_path: Path) -> None:
    card = library.add(put(tmp_path, "mira.charx", samples.mira_charx())).card
    library.save("mira", card, b"GIF89a new")
    library.export_charx("mira", tmp_path / "new.charx")
    assert read_card_file(tmp_path / "new.charx").picture == b"GIF89a new"
    library.export_charx(BUILT_IN, tmp_path / "hoshi.charx", samples.png())  # hers is an SVG, which others do not show
    assert read_card_file(tmp_path / "hoshi.charx").picture == samples.png()


def test_a_card_file_goes_out_alone(library: CharacterLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "mira.json", samples.V1)
    (tmp_path / "assets").mkdir()
    put(tmp_path / "assets", "secret.txt", "x")
    monkeypatch.chdir(tmp_path)
    library.export_charx("mira.json", tmp_path / "mira.charx")
    assert read_card_file(tmp_path / "mira.charx").files == {}


def test_a_place_that_cannot_be_written_is_a_sentence(library: CharacterLibrary, tmp_path: Path) -> None:
    library.create(Card(name="Ada"))
    (tmp_path / "taken").mkdir()
    with pytest.raises(CharacterError, match="could not be saved"):
        library.export_json("ada", tmp_path / "taken")


# Names


def test_old_conversations_find_their_card_file(library: CharacterLibrary, tmp_path: Path) -> None:
    path = put(tmp_path, "mira.png", samples.png(samples.text_chunk("chara", samples.V2)))
    character = library.load(str(path))
    assert (character.identifier, character.name, character.portrait, character.folder) == (str(path), "Mira", str(path), "")
    assert load_character(str(path)) == character
    with pytest.raises(CharacterError, match="cannot be opened"):
        load_character(str(tmp_path / "gone.json"))


def test_the_library_of_the_program_is_in_the_data_folder() -> None:
    assert load_character(BUILT_IN).name == "Hoshi"
    assert load_character(CharacterLibrary().create(Card(name="Ada")).identifier).name == "Ada"
    assert (data_folder() / "characters" / "ada" / "card.json").is_file()
