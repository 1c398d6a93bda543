"""The library while the program runs."""

from __future__ import annotations

from companion.core.character import BUILT_IN
from companion.core.library.uses import EVERYBODY
from tests.app.library.conftest import Office
from tests.tiny_models import write_tiny_llama


def test_checksums_come_later_and_the_family_with_them(office: Office):
    collection = office.collect()
    base, voice = (collection.family.item(str(path)) for path in (office.base, office.voice))
    assert collection.family.children(base) == (voice,)
    assert [use.who for use in collection.uses[base.key]] == [EVERYBODY]
    assert collection.health[voice.key][0].state == "good"


def test_a_model_that_runs_is_healthy(office: Office):
    checks = office.collect().health[str(office.base)]
    assert any("ran on this machine" in check.sentence for check in checks)


def test_deleting_can_be_undone(office: Office):
    office.library.delete(office.item(office.other))
    assert not office.other.exists()
    collection = office.collect()
    assert [deleted.name for deleted in collection.deleted] == ["other"]
    undo = office.told[-1]
    assert undo.action == "Undo"
    undo.act()
    assert office.other.exists()
    assert office.collect().deleted == ()


def test_deleting_everybodys_model_brings_the_starter_and_undoing_brings_it_back(office: Office, starter):
    office.library.delete(office.item(office.base))
    office.wait_for(starter.resolve())
    office.told[-1].act()
    office.wait_for(office.base)


def test_linked_models_are_shown_and_only_unlinked(office: Office, tmp_path):
    theirs = write_tiny_llama(tmp_path / "theirs.gguf")
    office.library.link([theirs, theirs])
    item = office.item(theirs)
    assert item.place == "linked"
    office.library.delete(item)
    assert theirs.exists()
    office.library.unlink(item)
    assert office.item(theirs) is None
    assert theirs.exists()
    office.told[-1].act()
    assert office.item(theirs) is not None


def test_the_trash_can_be_emptied(office: Office):
    office.library.delete(office.item(office.other))
    with office.qtbot.waitSignal(office.notices.notice_raised):
        office.library.empty_trash()
    assert office.collect().deleted == ()


def test_what_a_character_uses_is_known(office: Office):
    office.adoption.use_for(BUILT_IN, office.item(office.voice))
    uses = office.collect().uses[str(office.voice)]
    assert [(use.who, use.by_card) for use in uses] == [("Hoshi", False)]
