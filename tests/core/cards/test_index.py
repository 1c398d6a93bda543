"""The list of all characters: quick, never hidden by a damaged one, true to what is on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from companion.core.cards import index
from companion.core.cards.limits import MAX_CARD_BYTES
from companion.core.cards.reading import read_outline
from companion.core.character import BUILT_IN, Card
from companion.core.character_library import CharacterLibrary, CharacterSummary
from tests.core.cards import samples


@pytest.fixture
def library(tmp_path: Path) -> CharacterLibrary:
    return CharacterLibrary(tmp_path / "characters")


def names(library: CharacterLibrary) -> list[str]:
    return [summary.identifier for summary in library.all()]


def test_the_list_says_what_a_gallery_shows(library: CharacterLibrary, tmp_path: Path) -> None:
    (tmp_path / "mira.png").write_bytes(samples.png(samples.text_chunk("ccv3", samples.V3)))
    library.add(tmp_path / "mira.png")
    library.create(Card(name="ada"))
    for _ in range(2):  # read, and from the index
        hoshi, ada, mira = library.all()
        assert (hoshi.identifier, hoshi.name) == (BUILT_IN, "Hoshi")
        assert Path(hoshi.portrait).exists()
        assert (ada.identifier, ada.portrait, ada.tags) == ("ada", "", ())
        assert mira == CharacterSummary(
            identifier="mira",
            name="Mira",
            creator="me",
            tags=("a", "b, c"),
            portrait=str(library.folder / "mira" / "portrait.png"),
            modified=(library.folder / "mira" / "card.json").stat().st_mtime,
        )


def test_the_list_follows_what_is_changed_by_hand(library: CharacterLibrary, tmp_path: Path) -> None:
    folder = Path(library.create(Card(name="Ada")).folder)
    assert library.all()[1].portrait == ""
    (folder / "portrait.webp").write_bytes(b"")
    assert library.all()[1].portrait == str(folder / "portrait.webp")
    (folder / "card.json").write_bytes(b'{"name": "Grace"}')
    assert library.all()[1].name == "Grace"
    moved = CharacterLibrary(tmp_path / "moved")
    library.folder.rename(moved.folder)
    assert moved.all()[1].portrait == str(moved.folder / "ada" / "portrait.webp")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"ada": 3}', b"\xff", b"[" * 100_000, b'{"ada": {"summary": {}, "stamp": []}}']
)
def test_a_damaged_index_is_made_again(library: CharacterLibrary, content: bytes) -> None:
    library.create(Card(name="Ada"))
    first = library.all()
    (library.folder / "index.json").write_bytes(content)
    assert library.all() == first
    assert "Ada" in (library.folder / "index.json").read_text()


def test_a_damaged_character_does_not_hide_the_others(library: CharacterLibrary) -> None:
    library.create(Card(name="Ada"))
    for name, content in (("broken", b"{"), ("huge", b" " * (MAX_CARD_BYTES + 1))):
        (library.folder / name).mkdir()
        (library.folder / name / "card.json").write_bytes(content)
    (library.folder / "empty").mkdir()
    (library.folder / "a file").write_bytes(b"")
    assert names(library) == [BUILT_IN, "ada"]
    assert sorted(Path(damaged.folder).name for damaged in library.damaged) == ["broken", "empty", "huge"]
    assert all(damaged.what.endswith(".") and damaged.remedy for damaged in library.damaged)
    shutil.rmtree(library.folder / "broken")
    library.all()
    assert len(library.damaged) == 2


def test_an_empty_library_has_the_built_in_character(library: CharacterLibrary) -> None:
    assert names(library) == [BUILT_IN]
    assert not library.folder.exists()


def test_a_card_is_read_again_only_when_it_has_changed(library: CharacterLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [Path(library.create(Card(name=name)).folder) for name in ("Ada", "Bo", "Cy")]
    listed = library.all()
    read: list[Path] = []

    def read_and_note(path: Path) -> object:
        read.append(path)
        return read_outline(path)

    monkeypatch.setattr(index, "read_outline", read_and_note)
    assert library.all() == listed
    assert read == []
    card = folders[1] / "card.json"
    card.write_bytes(card.read_bytes().replace(b'"Bo"', b'"Bob"'))
    assert sorted(summary.name for summary in library.all()) == ["Ada", "Bob", "Cy", "Hoshi"]
    assert read == [card]
