"""Who the person is: chosen for a conversation, changed, and given up again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.core.conversation import Conversation
from companion.core.paths import database_file
from tests.app.conftest import Household

PNG = b"\x89PNG\r\n\x1a\n" + b"a picture"


class Desk(Household):
    def conversation(self, persona: int = 0) -> Conversation:
        return self.store.create_conversation(character="", character_name="", persona=persona)

    def again(self, conversation: Conversation) -> Conversation:
        found = self.store.conversation(conversation.id)
        assert found is not None
        return found


@pytest.fixture
def desk(qapp) -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


def test_without_a_choice_the_person_is_the_one_of_the_settings(desk: Desk):
    assert desk.personas.of(None) == desk.personas.of(desk.conversation()) == desk.personas.default == desk.personas.person
    assert (desk.personas.person.name, desk.personas.person.id) == ("Sam", 0)
    assert desk.personas.all() == ()


def test_a_persona_is_chosen_per_conversation(desk: Desk, qtbot):
    captain = desk.personas.add("Captain", "Sails by night.")
    assert captain is not None
    conversation, other = desk.conversation(), desk.conversation()
    with qtbot.waitSignal(desk.personas.changed):
        desk.personas.choose(conversation.id, captain.id)
    assert desk.personas.of(desk.again(conversation)) == captain
    assert desk.personas.of(desk.again(other)) == desk.personas.person
    desk.personas.choose(conversation.id, 0)
    assert desk.personas.of(desk.again(conversation)) == desk.personas.person


def test_the_default_is_a_setting(desk: Desk):
    captain = desk.personas.add("Captain")
    assert captain is not None
    desk.personas.set_default(captain.id)
    assert desk.personas.default == captain
    assert desk.preferences.settings.persona == captain.id
    desk.personas.delete(captain.id)
    assert desk.personas.default == desk.personas.person


def test_a_deleted_persona_gives_way_and_comes_back(desk: Desk):
    captain = desk.personas.add("Captain")
    assert captain is not None
    conversation = desk.conversation(captain.id)
    desk.personas.delete(captain.id)
    assert desk.personas.of(conversation) == desk.personas.person
    (notice,) = desk.told
    assert notice.what == "The persona “Captain” was deleted."
    assert notice.act is not None
    notice.act()
    assert desk.personas.of(conversation) == captain
    desk.personas.delete(999)
    assert len(desk.told) == 1


def test_a_persona_is_changed(desk: Desk):
    captain = desk.personas.add("Captain")
    assert captain is not None
    assert desk.personas.update(captain.id, "Admiral", "Older now.")
    assert [(p.name, p.description) for p in desk.personas.all()] == [("Admiral", "Older now.")]
    assert not desk.personas.update(captain.id, " ", "")
    assert not desk.personas.update(999, "Nobody", "")
    assert [notice.what for notice in desk.told] == ["A persona needs a name.", "This persona no longer exists."]
    assert desk.personas.add("") is None


class TestPortraits:
    def test_the_picture_is_copied(self, desk: Desk, tmp_path: Path):
        picture = tmp_path / "me.PNG"
        picture.write_bytes(PNG)
        captain = desk.personas.add("Captain", portrait=picture)
        assert captain is not None
        picture.unlink()
        copy = Path(captain.portrait)
        assert copy.read_bytes() == PNG
        assert (copy.parent, copy.suffix) == (database_file().parent / "personas", ".png")
        assert desk.personas.update(captain.id, "Admiral", "")
        assert desk.personas.all()[0].portrait == captain.portrait
        assert desk.personas.set_portrait(captain.id, None)
        assert desk.personas.all()[0].portrait == ""

    @pytest.mark.parametrize("content", [b"", b"<svg/>", b"RIFFxxxxWAVE", None])
    def test_what_is_no_picture_is_refused(self, desk: Desk, tmp_path: Path, content: bytes | None):
        captain = desk.personas.add("Captain")
        assert captain is not None
        file = tmp_path / "x.png"
        if content is not None:
            file.write_bytes(content)
        assert not desk.personas.set_portrait(captain.id, file)
        assert desk.personas.add("Other", portrait=file) is None
        assert [notice.what[:9] for notice in desk.told] == ["“x.png” i"] * 2
        assert desk.personas.all() == (captain,)

    def test_portraits_nobody_has_are_removed(self, desk: Desk, tmp_path: Path):
        desk.personas.tidy()
        picture = tmp_path / "me.png"
        picture.write_bytes(PNG)
        one, two = desk.personas.add("One", portrait=picture), desk.personas.add("Two", portrait=picture)
        assert one is not None
        assert two is not None
        desk.personas.set_portrait(one.id, picture)
        desk.personas.delete(two.id)
        desk.personas.tidy()
        left = {path.name for path in (database_file().parent / "personas").iterdir()}
        assert left == desk.store.personas.portraits()
        assert len(left) == 2
