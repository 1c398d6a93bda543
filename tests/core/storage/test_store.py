"""What the store promises to the window: conversations, messages, the active path."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from companion.core.conversation import Message
from companion.core.errors import StoreError
from companion.core.storage.store import Store
from tests.core.talks import begin, chain


def texts(store: Store, conversation: int) -> list[str]:
    return [step.message.text for step in store.path(conversation)]


def places(store: Store, conversation: int) -> list[tuple[int, int]]:
    return [(step.alternate, step.alternates) for step in store.path(conversation)]


class TestConversations:
    def test_greetings_are_alternates_of_the_first_message(self, store: Store) -> None:
        conversation = begin(store, "Hello", "Good evening", "You again")
        assert places(store, conversation.id) == [(1, 3)]
        first = store.path(conversation.id)[0].message
        assert (first.text, first.role, first.parent, first.status) == ("Hello", "assistant", None, "complete")
        assert conversation.active == first.id
        assert conversation.preview == "Hello"

    def test_without_greetings_the_path_is_empty(self, store: Store) -> None:
        conversation = begin(store)
        assert conversation.active is None
        assert store.path(conversation.id) == ()

    def test_the_most_recently_used_comes_first(self, store: Store) -> None:
        first, second = begin(store, "a"), begin(store, "b")
        assert [c.id for c in store.conversations()] == [second.id, first.id]
        chain(store, first.id, "news", parent=first.active)
        assert [c.id for c in store.conversations()] == [first.id, second.id]
        assert store.conversations()[0].preview == "news"

    def test_the_preview_is_one_short_line(self, store: Store) -> None:
        conversation = begin(store, "one\ntwo\u2028three   four " + "x" * 1000)
        assert conversation.preview.startswith("one two three four x")
        assert len(conversation.preview) <= 120

    def test_a_title_of_the_person_outlives_automatic_ones(self, store: Store) -> None:
        conversation = begin(store, title="Automatic")
        store.set_automatic_title(conversation.id, "Better")
        assert [(c.title, c.titled_by_person) for c in store.conversations()] == [("Better", False)]
        store.rename_conversation(conversation.id, " My\nname ")
        store.set_automatic_title(conversation.id, "Ignored")
        assert [(c.title, c.titled_by_person) for c in store.conversations()] == [("My name", True)]
        store.rename_conversation(conversation.id, "")
        store.set_automatic_title(conversation.id, "Automatic again")
        assert store.conversations()[0].title == "Automatic again"

    def test_deleting_can_be_undone_until_it_is_purged(self, store: Store) -> None:
        conversation = begin(store, "a", "b")
        chain(store, conversation.id, "c", "d", parent=conversation.active)
        store.delete_conversation(conversation.id)
        assert store.conversations() == ()
        assert store.conversation(conversation.id) is None
        store.purge_deleted(3600)
        store.restore_conversation(conversation.id)
        assert texts(store, conversation.id) == ["a", "c", "d"]
        store.delete_conversation(conversation.id)
        store.purge_deleted(0)
        store.restore_conversation(conversation.id)
        assert store.conversations() == ()
        assert store.path(conversation.id) == ()

    def test_a_conversation_outlasts_what_is_purged_earlier(self, store: Store) -> None:
        talked, greeted = begin(store, "a"), begin(store, "a")
        store.add_message(talked.id, parent=talked.active, role="user", text="b")
        for conversation in (talked, greeted):
            store.delete_conversation(conversation.id)
        store.purge_deleted(0, conversations=3600)
        assert [each.id for each in store.deleted_conversations()] == [talked.id], "a greeting alone is not worth it"
        store.remove_conversation(talked.id)
        store.remove_conversation(greeted.id)
        assert store.deleted_conversations() == ()
        kept = begin(store, "a")
        store.remove_conversation(kept.id)
        assert store.conversation(kept.id) is not None, "only what was deleted"

    def test_everything_is_there_after_reopening(self, store: Store, tmp_path: Path) -> None:
        conversation = begin(store, "a", title="t")
        chain(store, conversation.id, "b 🌟", "c", parent=conversation.active)
        before = store.conversations(), store.path(conversation.id), store.tree(conversation.id)
        store.close()
        again = Store(tmp_path / "companion.sqlite3")
        assert (again.conversations(), again.path(conversation.id), again.tree(conversation.id)) == before
        assert again.notice == ""
        again.close()


class TestWhoAndHow:
    def test_persona_and_note_are_kept_within_bounds(self, store: Store) -> None:
        conversation = store.create_conversation(character="", character_name="", persona=3)
        assert (conversation.persona, conversation.note, conversation.note_depth) == (3, "", 4)
        store.set_persona(conversation.id, 5)
        store.set_note(conversation.id, " It rains.\r\n\x00", -2)
        (found,) = store.conversations()
        assert (found.persona, found.note, found.note_depth) == (5, "It rains.", 0)
        store.set_note(conversation.id, "")
        assert store.conversations()[0].note == ""

    def test_a_message_has_a_mood(self, store: Store) -> None:
        (message,) = chain(store, begin(store).id, "Hooray")
        assert message.mood == ""
        store.set_mood(message.id, "joy")
        assert store.message(message.id) == msgspec.structs.replace(message, mood="joy")

    def test_the_last_talk_with_a_character_is_known(self, store: Store) -> None:
        assert (store.last_talk(""), store.talks("")) == (None, 0)
        first, _greeted_only = begin(store, "Hello"), begin(store, "Hello")
        assert (store.last_talk(""), store.talks("")) == (None, 0)
        before = time.time()
        (said,) = chain(store, first.id, "Good evening", parent=first.active)
        moment = store.last_talk("")
        assert moment is not None
        assert before <= moment <= time.time()
        assert (store.talks(""), store.last_talk("mira"), store.talks("mira")) == (1, None, 0)
        store.delete_message(said.id)
        assert store.last_talk("") is None
        store.restore_message(said.id)
        store.delete_conversation(first.id)
        assert (store.last_talk(""), store.talks("")) == (None, 0)


class TestMessages:
    def test_a_reply_streams_and_is_finished(self, store: Store) -> None:
        conversation = begin(store)
        (question,) = chain(store, conversation.id, "why?")
        reply = store.add_message(
            conversation.id, parent=question.id, role="assistant", text="", status="streaming", model="smol"
        )
        store.save_text(reply.id, "Bec")
        assert store.message(reply.id) == msgspec.structs.replace(reply, text="Bec")
        done = store.finish_message(reply.id, text="Because.", status="stopped", tokens=3, tokens_per_second=41.5)
        assert (done.text, done.status, done.tokens, done.tokens_per_second, done.model) == (
            "Because.",
            "stopped",
            3,
            41.5,
            "smol",
        )
        assert store.message(reply.id) == done

    def test_a_speed_that_is_no_number_is_stored_as_zero(self, store: Store) -> None:
        (message,) = chain(store, begin(store).id, "x")
        assert (
            store.finish_message(message.id, text="x", status="complete", tokens_per_second=float("nan")).tokens_per_second == 0
        )

    def test_interrupted_replies_are_marked_also_empty_ones(self, store: Store) -> None:
        conversation = begin(store)
        ids = [
            store.add_message(conversation.id, parent=None, role="assistant", text=text, status="streaming").id
            for text in ("", "half a sen")
        ]
        assert store.recover_interrupted() == 2
        found = [store.message(number) for number in ids]
        assert [m and (m.status, m.text) for m in found] == [("interrupted", ""), ("interrupted", "half a sen")]
        assert store.recover_interrupted() == 0

    def test_text_no_later_stage_can_hold_is_mended(self, store: Store) -> None:
        (message,) = chain(store, begin(store).id, "a\x00b\r\nc\ud800d")
        assert message.text == "ab\nc\ufffdd"
        assert store.message(message.id) == message

    def test_feedback_stays_between_down_and_up(self, store: Store) -> None:
        (message,) = chain(store, begin(store).id, "x")
        for value, stored in ((1, 1), (-1, -1), (0, 0), (5, 1)):
            store.set_feedback(message.id, value)
            found = store.message(message.id)
            assert found is not None
            assert found.feedback == stored

    def test_what_is_gone_is_refused_with_a_sentence(self, store: Store) -> None:
        conversation, other = begin(store, "a"), begin(store, "b")
        for parent in (999, other.active):
            with pytest.raises(StoreError, match="no longer exists"):
                store.add_message(conversation.id, parent=parent, role="user", text="x")
        with pytest.raises(StoreError, match="conversation no longer exists"):
            store.add_message(999, parent=None, role="user", text="x")
        for action in (store.delete_message, store.restore_message, store.show_message):
            with pytest.raises(StoreError, match="no longer exists"):
                action(999)
        with pytest.raises(StoreError):
            store.finish_message(999, text="", status="complete")
        with pytest.raises(StoreError):
            store.select_alternate(999, 1)
        store.save_text(999, "nobody hears this")
        assert store.message(999) is None


class TestTree:
    def test_alternates_lead_back_to_where_each_branch_was_left(self, store: Store) -> None:
        conversation = begin(store, "a", "b")
        assert conversation.active is not None
        chain(store, conversation.id, "a1", "a2", parent=conversation.active)
        store.select_alternate(conversation.active, 1)
        assert texts(store, conversation.id) == ["b"]
        second = store.path(conversation.id)[0].message
        chain(store, conversation.id, "b1", parent=second.id)
        store.select_alternate(second.id, -1)
        assert texts(store, conversation.id) == ["a", "a1", "a2"]
        store.select_alternate(conversation.active, -1)
        assert texts(store, conversation.id) == ["a", "a1", "a2"]
        store.select_alternate(conversation.active, 1)
        assert texts(store, conversation.id) == ["b", "b1"]
        assert places(store, conversation.id) == [(2, 2), (1, 1)]

    def test_deleting_a_reply_shows_the_alternate_before_it(self, store: Store) -> None:
        conversation = begin(store)
        (question,) = chain(store, conversation.id, "q")
        replies = [store.add_message(conversation.id, parent=question.id, role="assistant", text=t) for t in "xyz"]
        store.delete_message(replies[2].id)
        assert texts(store, conversation.id) == ["q", "y"]
        assert places(store, conversation.id) == [(1, 1), (2, 2)]
        store.delete_message(replies[1].id)
        store.delete_message(replies[0].id)
        assert texts(store, conversation.id) == ["q"]
        store.delete_message(question.id)
        assert store.path(conversation.id) == ()
        for message in (question, replies[0], replies[1], replies[2]):
            store.restore_message(message.id)
        assert texts(store, conversation.id) == ["q", "z"]
        assert places(store, conversation.id) == [(1, 1), (3, 3)]

    def test_restoring_brings_back_the_same_path_below(self, store: Store) -> None:
        conversation = begin(store, "a", "b")
        path = chain(store, conversation.id, "1", "2", "3", "4", parent=conversation.active)
        before = store.path(conversation.id)
        store.delete_message(path[1].id)
        assert texts(store, conversation.id) == ["a", "1"]
        assert all(store.message(m.id) is None for m in path[1:])
        store.restore_message(path[1].id)
        assert store.path(conversation.id) == before

    def test_a_branch_deleted_before_its_ancestor_stays_deleted(self, store: Store) -> None:
        conversation = begin(store)
        path = chain(store, conversation.id, "1", "2", "3", "4")
        store.delete_message(path[3].id)
        store.delete_message(path[1].id)
        store.restore_message(path[1].id)
        assert texts(store, conversation.id) == ["1", "2", "3"]
        store.restore_message(path[3].id)
        assert texts(store, conversation.id) == ["1", "2", "3", "4"]

    def test_a_branch_restored_before_its_ancestor_comes_back_with_it(self, store: Store) -> None:
        conversation = begin(store)
        path = chain(store, conversation.id, "1", "2", "3", "4")
        store.delete_message(path[3].id)
        store.delete_message(path[1].id)
        store.restore_message(path[3].id)
        assert texts(store, conversation.id) == ["1"]
        store.restore_message(path[1].id)
        assert texts(store, conversation.id) == ["1", "2", "3", "4"]

    def test_purging_removes_deleted_branches_only(self, store: Store) -> None:
        conversation = begin(store)
        path = chain(store, conversation.id, *"12345")
        store.delete_message(path[3].id)
        store.delete_message(path[2].id)
        store.purge_deleted(0)
        assert [m.text for m in store.tree(conversation.id)] == ["1", "2"]
        with pytest.raises(StoreError):
            store.restore_message(path[2].id)

    def test_purging_works_when_the_clock_was_set_back(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        conversation = begin(store)
        path = chain(store, conversation.id, *"12345")
        now = time.time()
        store.delete_message(path[3].id)
        monkeypatch.setattr(time, "time", lambda: now - 1000)
        store.delete_message(path[1].id)
        monkeypatch.undo()
        store.purge_deleted(500)
        assert [m.text for m in store.tree(conversation.id)] == ["1"]
        with pytest.raises(StoreError):
            store.restore_message(path[3].id)

    def test_a_reply_deleted_while_it_streams_can_still_be_finished(self, store: Store) -> None:
        conversation = begin(store)
        (question,) = chain(store, conversation.id, "q")
        reply = store.add_message(conversation.id, parent=question.id, role="assistant", text="", status="streaming")
        store.delete_message(reply.id)
        store.save_text(reply.id, "late")
        store.finish_message(reply.id, text="late words", status="stopped")
        store.restore_message(reply.id)
        assert texts(store, conversation.id) == ["q", "late words"]

    def test_showing_a_message_leads_the_path_through_it(self, store: Store) -> None:
        conversation = begin(store, "a", "b")
        old = chain(store, conversation.id, "1", "2", "3", parent=conversation.active)
        store.select_alternate(old[0].parent or 0, 1)
        store.show_message(old[1].id)
        assert texts(store, conversation.id) == ["a", "1", "2", "3"]

    def test_five_thousand_messages_deep_everything_works(self, store: Store) -> None:
        conversation = begin(store, "a", "b")
        now = time.time()
        deep = tuple(
            Message(id=n, conversation=0, parent=n - 1 or None, role="user", text=f"line {n}", created=now)
            for n in range(1, 5001)
        )
        long = store.insert_conversation(msgspec.structs.replace(conversation, active=5000), deep)
        path = store.path(long.id)
        assert [s.message.text for s in path] == [m.text for m in deep]
        store.delete_message(path[1].message.id)
        assert len(store.path(long.id)) == 1
        store.restore_message(path[1].message.id)
        assert store.path(long.id) == path
        store.add_message(long.id, parent=None, role="user", text="beside")
        store.select_alternate(path[0].message.id, 0)
        assert len(store.path(long.id)) == 5000
        store.delete_message(path[1].message.id)
        store.purge_deleted(0)
        assert len(store.tree(long.id)) == 2
        store.delete_conversation(long.id)
        store.purge_deleted(0)
        assert [c.id for c in store.conversations()] == [conversation.id]
