"""The list of all characters: quick, never hidden by a damaged one, true to what is on the disk."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from companion.core.cards.limits import MAX_CARD_BYTES
from companion.core.character import BUILT_IN, Card
from companion.core.character_library import CharacterLibrary, CharacterSummary
from companion.core.lorebook import Lorebook, LoreEntry
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


def test_five_hundred_characters_are_listed_quickly(library: CharacterLibrary) -> None:
    book = Lorebook(entries=tuple(LoreEntry(keys=(f"key {n}",), content="lorem ipsum " * 20) for n in range(30)))
    content = Path(library.create(Card(name="Ada", description="bla " * 500, lorebook=book)).folder, "card.json").read_bytes()
    for number in range(499):
        (library.folder / f"ada-{number + 2}").mkdir()
        (library.folder / f"ada-{number + 2}" / "card.json").write_bytes(content)
    assert len(library.all()) == 501

    def seconds() -> float:
        begun = time.perf_counter()
        library.all()
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(3)) < 0.1  # 0.006 s on an idle machine
