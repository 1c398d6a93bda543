"""What was used before is known after a restart; what was deleted comes back whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from companion.core.character import CharacterAdapter
from companion.core.errors import ModelError
from companion.core.library import history as history_module
from companion.core.library.history import Change, Choice, History
from companion.core.library.item import Item
from companion.core.library.trash import Trash
from companion.core.paths import data_folder
from tests.core.library.conftest import Shelf

FIRST = Change(when=1.0, before=Choice(), after=Choice(model="/a.gguf"))
SECOND = Change(
    when=2.0, character="mia", name="Mia", before=Choice(), after=Choice(adapters=(CharacterAdapter("/v.gguf", 0.8),))
)


def test_a_history_is_there_again_after_a_restart(home):
    History().add(FIRST)
    History().add(SECOND)
    again = History()
    assert again.changes == (FIRST, SECOND)
    assert again.last() == SECOND
    assert again.last("/a.gguf") == FIRST
    assert again.last("/v.gguf") == SECOND
    assert again.last("/never.gguf") is None
    again.remove(SECOND)
    assert History().changes == (FIRST,)


def test_only_the_latest_changes_are_kept(home, monkeypatch):
    monkeypatch.setattr(history_module, "MOST_CHANGES", 2)
    history = History()
    for when in range(4):
        history.add(replace(FIRST, when=float(when)))
    assert [change.when for change in History().changes] == [2.0, 3.0]


def test_a_damaged_history_is_set_aside(home):
    file = data_folder() / "library" / "history.json"
    file.parent.mkdir()
    file.write_bytes(b"[{")
    assert History().changes == ()
    assert len(list(file.parent.glob("history damaged *.json"))) == 1


def test_what_was_deleted_comes_back_whole(shelf: Shelf):
    item, content = shelf.items()["base"], shelf.base.read_bytes()
    trash = Trash()
    deleted = trash.put(item)
    assert not shelf.base.exists()
    assert [(each.name, each.bytes) for each in trash.entries()] == [("base", len(content))]
    Trash().restore(deleted.number)
    assert shelf.base.read_bytes() == content
    assert trash.entries() == ()


def test_all_files_of_an_item_go_together(shelf: Shelf):
    item = replace(shelf.items()["base"], copies=(shelf.build,))
    deleted = Trash().put(item)
    assert not shelf.build.exists()
    assert deleted.bytes == 2 * item.bytes
    Trash().restore(deleted.number)
    assert shelf.base.exists()
    assert shelf.build.exists()


def test_one_file_that_cannot_move_keeps_all_in_their_places(shelf: Shelf):
    item = replace(shelf.items()["base"], copies=(shelf.base.with_name("absent.gguf"),))
    with pytest.raises(ModelError, match="could not be deleted"):
        Trash().put(item)
    assert shelf.base.exists()
    assert Trash().entries() == ()


def test_nothing_of_others_is_ever_deleted(shelf: Shelf, tmp_path: Path):
    ours = shelf.items()["base"]
    theirs = tmp_path / "theirs.gguf"
    theirs.write_bytes(b"x")
    for item in (replace(ours, path=theirs, place="linked"), replace(ours, path=theirs), replace(ours, place="starter")):
        with pytest.raises(ModelError, match="is not deleted"):
            Trash().put(item)
    assert theirs.exists()
    assert shelf.base.exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_deleting_a_link_leaves_what_it_leads_to(shelf: Shelf, tmp_path: Path):
    theirs = tmp_path / "theirs.gguf"
    shelf.base.rename(theirs)
    shelf.base.symlink_to(theirs)
    Trash().put(shelf.items()["base"])
    Trash().purge()
    assert theirs.exists()


def test_another_file_in_its_place_is_not_overwritten(shelf: Shelf):
    deleted = Trash().put(shelf.items()["base"])
    shelf.base.write_bytes(b"new")
    with pytest.raises(ModelError, match="taken the place"):
        Trash().restore(deleted.number)
    assert shelf.base.read_bytes() == b"new"
    assert len(Trash().entries()) == 1


def test_a_forged_entry_leads_nowhere_outside(shelf: Shelf, tmp_path: Path):
    deleted = Trash().put(shelf.items()["base"])
    entry = data_folder() / "trash" / deleted.number / "entry.json"
    entry.write_bytes(entry.read_bytes().replace(str(shelf.base).encode(), str(tmp_path / "elsewhere.gguf").encode()))
    assert Trash().entries() == ()
    with pytest.raises(ModelError, match="no longer in the trash"):
        Trash().restore(deleted.number)


def test_the_trash_is_emptied_after_its_time(shelf: Shelf):
    item: Item = shelf.items()["base"]
    Trash().put(item)
    assert Trash().purge(3600) == 0
    assert Trash().purge() == item.bytes
    assert list((data_folder() / "trash").iterdir()) == []
