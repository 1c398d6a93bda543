"""What a character remembers: kept once, as the person wants it, with where it came from."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.errors import StoreError
from companion.core.memory import Memory
from companion.core.storage.memory_store import MAX_CHARACTERS, MemoryStore
from companion.core.storage.store import Store
from tests.core.talks import begin, chain


@pytest.fixture
def memories(store: Store) -> MemoryStore:
    return store.memories


def texts(memories: MemoryStore, character: str = "") -> list[str]:
    return [memory.text for memory in memories.all(character)]


class TestKeeping:
    def test_pinned_ones_come_first_then_the_newest(self, memories: MemoryStore) -> None:
        one, two, three = (memories.add("", f"Sam has {n}").memory for n in ("one cat", "two dogs", "three birds"))
        memories.pin(two.id, True)
        assert [memory.id for memory in memories.all("")] == [two.id, three.id, one.id]
        memories.pin(two.id, False)
        assert [memory.id for memory in memories.all("")] == [three.id, two.id, one.id]
        assert memories.count("") == 3

    def test_characters_share_nothing(self, memories: MemoryStore) -> None:
        memories.add("", "Sam has a cat")
        memories.add("mira", "Sam has a dog")
        assert texts(memories, "mira") == ["Sam has a dog"]
        assert [m.text for m in memories.retrieve("mira", ["What pet do I have, a cat?"])] == ["Sam has a dog"]
        assert [m.text for m in memories.search("", "sam")] == ["Sam has a cat"]

    def test_it_knows_where_it_was_learned(self, store: Store, memories: MemoryStore) -> None:
        conversation = begin(store, "Hello")
        (said,) = chain(store, conversation.id, "My cat is called Miso", parent=conversation.active)
        learned = memories.add("", "Sam's cat is called Miso", writer="model", conversation=conversation.id, message=said.id)
        assert learned.outcome == "added"
        memory = learned.memory
        assert (memory.conversation, memory.message, memory.writer) == (conversation.id, said.id, "model")
        store.delete_message(said.id)
        assert memories.memory(memory.id) == _with(memory, message=None)
        store.delete_conversation(conversation.id)
        assert memories.memory(memory.id) == _with(memory, message=None, conversation=None)
        store.restore_conversation(conversation.id)
        store.restore_message(said.id)
        assert memories.memory(memory.id) == memory

    def test_a_deleted_conversation_leaves_what_was_learned_even_when_it_is_purged(
        self, store: Store, memories: MemoryStore
    ) -> None:
        conversation = begin(store, "Hello")
        memories.add("", "Sam plays chess", writer="model", conversation=conversation.id, message=conversation.active)
        store.delete_conversation(conversation.id)
        store.purge_deleted(0)
        (memory,) = memories.all("")
        assert (memory.text, memory.conversation, memory.message) == ("Sam plays chess", None, None)

    def test_nothing_is_learned_from_a_conversation_that_is_gone(self, store: Store, memories: MemoryStore) -> None:
        """The model may still be thinking about it when the person deletes or forgets it."""
        conversation = begin(store, "Hello")
        store.delete_conversation(conversation.id)
        for number in (conversation.id, 999):
            with pytest.raises(StoreError, match="no longer exists"):
                memories.add("", "Sam plays chess", writer="model", conversation=number)
        assert texts(memories) == []

    @pytest.mark.parametrize("text", ["", " \n", "\x00", "x" * (MAX_CHARACTERS + 1)])
    def test_what_is_no_fact_is_refused_with_a_sentence(self, memories: MemoryStore, text: str) -> None:
        kept = memories.add("", "Sam sings").memory
        with pytest.raises(StoreError):
            memories.add("", text)
        with pytest.raises(StoreError):
            memories.edit(kept.id, text)
        assert texts(memories) == ["Sam sings"]

    def test_a_fact_is_one_line(self, memories: MemoryStore) -> None:
        assert memories.add("", " Sam\r\nsings \ud800").memory.text == "Sam sings \ufffd"

    def test_when_it_was_told_is_known(self, memories: MemoryStore) -> None:
        one, two = memories.add("", "Sam sings").memory, memories.add("", "Anna paints").memory
        memories.mark_used([one.id], now=1234.5)
        assert [(m.id, m.used) for m in memories.all("")] == [(two.id, 0.0), (one.id, 1234.5)]

    def test_everything_is_there_after_reopening(self, store: Store, tmp_path: Path) -> None:
        store.memories.add("", "Sam sings", pinned=True)
        before = store.memories.all("")
        store.close()
        again = Store(tmp_path / "companion.sqlite3")
        assert again.memories.all("") == before
        again.close()


class TestTheSameFactAgain:
    def test_it_is_kept_once(self, memories: MemoryStore) -> None:
        first = memories.add("", "Sam's cat is called Miso.", writer="model")
        again = memories.add("", "sam's cat is called miso", writer="model", pinned=True)
        assert (again.outcome, again.memory) == ("known", _with(first.memory, pinned=True))

    def test_the_more_specific_one_takes_its_place_and_the_less_specific_one_does_not(self, memories: MemoryStore) -> None:
        first = memories.add("", "Sam has a cat", writer="model")
        more = memories.add("", "Sam has a cat called Miso", writer="model")
        less = memories.add("", "Sam has a cat.", writer="model")
        assert (more.outcome, less.outcome) == ("updated", "known")
        assert texts(memories) == ["Sam has a cat called Miso"]
        assert first.memory.id == more.memory.id == less.memory.id

    def test_facts_that_contradict_each_other_both_stay(self, memories: MemoryStore) -> None:
        memories.add("", "Sam lives in Berlin", writer="model")
        assert memories.add("", "Sam lives in Porto", writer="model").outcome == "added"
        assert len(texts(memories)) == 2

    def test_the_model_never_changes_words_of_the_person(self, memories: MemoryStore) -> None:
        own = memories.add("", "Sam has a cat").memory
        assert memories.add("", "Sam has a cat called Tofu", writer="model").outcome == "added"
        assert memories.memory(own.id) == own
        assert memories.add("", "Sam has a cat called Tofu").memory.writer == "person"

    def test_what_the_person_deleted_is_not_learned_again_at_once(self, store: Store, memories: MemoryStore) -> None:
        gone = memories.add("", "Sam is divorced from Kim", writer="model").memory
        memories.delete(gone.id)
        for text in ("Sam is divorced from Kim.", "Sam is divorced"):
            assert memories.add("", text, writer="model").outcome == "refused"
        assert memories.add("", "Sam is divorced from Kim").outcome == "added"

    @settings(max_examples=60, deadline=None)
    @given(
        facts=st.lists(
            st.lists(
                st.sampled_from(["Sam", "Anna", "has", "likes", "not", "a", "cat", "tea", "and", "猫が", "☕"]),
                min_size=1,
                max_size=5,
            ).map(" ".join)
            | st.text(max_size=20),
            max_size=8,
        )
    )
    def test_no_fact_is_kept_twice_in_whatever_order_they_come(
        self, tmp_path_factory: pytest.TempPathFactory, facts: list[str]
    ) -> None:
        store = Store(tmp_path_factory.mktemp("facts") / "companion.sqlite3")
        for fact in [*facts, *facts]:
            try:
                store.memories.add("", fact, writer="model")
            except StoreError:
                assert not "".join(fact.split()).replace("\x00", "")
        kept = texts(store.memories)
        assert len({" ".join(text.casefold().split()) for text in kept}) == len(kept)
        assert len(kept) <= len(facts)
        store.close()


class TestThePersonsHand:
    def test_an_edited_memory_has_the_persons_words(self, memories: MemoryStore) -> None:
        memory = memories.add("", "Sam's cat is called Misu", writer="model").memory
        edited = memories.edit(memory.id, "Sam's cat is called Miso")
        assert edited == _with(memory, text="Sam's cat is called Miso", writer="person")
        assert [m.text for m in memories.retrieve("", ["miso"])] == ["Sam's cat is called Miso"]
        assert memories.search("", "misu") == ()

    def test_deleting_can_be_undone_until_it_is_purged(self, store: Store, memories: MemoryStore) -> None:
        memory = memories.add("", "Sam sings").memory
        memories.delete(memory.id)
        assert memories.all("") == memories.search("", "sings") == memories.retrieve("", ["sings"]) == ()
        assert (memories.memory(memory.id), memories.count("")) == (None, 0)
        with pytest.raises(StoreError, match="no longer exists"):
            memories.edit(memory.id, "Sam shouts")
        store.purge_deleted(3600)
        memories.restore(memory.id)
        assert memories.all("") == memories.search("", "sings") == (memory,)
        memories.delete(memory.id)
        store.purge_deleted(0)
        memories.restore(memory.id)
        assert memories.all("") == ()

    def test_a_search_finds_any_part_of_a_word(self, memories: MemoryStore) -> None:
        for text in ("Sam lives in Köln.", "Sams Katze heißt Größenwahn", "サムは猫を飼っています", "100% cotton"):
            memories.add("", text)
        assert [m.text for m in memories.search("", "koln SAM")] == ["Sam lives in Köln."]
        assert [m.text for m in memories.search("", "össenw")] == ["Sams Katze heißt Größenwahn"]
        assert [m.text for m in memories.search("", "猫")] == ["サムは猫を飼っています"]
        assert [m.text for m in memories.search("", "0%")] == ["100% cotton"]
        assert memories.search("", " ") == ()


class TestSummaries:
    def test_the_one_that_reaches_furthest_along_the_path_is_told(self, store: Store, memories: MemoryStore) -> None:
        conversation = begin(store, "Hello")
        talk = chain(store, conversation.id, *"abcdef", parent=conversation.active)
        assert memories.summary(conversation.id) is None
        memories.add_summary(conversation.id, talk[1].id, "First they spelled.")
        later = memories.add_summary(conversation.id, talk[3].id, " Then they went on. ")
        assert memories.summary(conversation.id) == later
        assert later.text == "Then they went on."
        store.add_message(conversation.id, parent=talk[1].id, role="user", text="another way")
        found = memories.summary(conversation.id)
        assert found is not None
        assert found.text == "First they spelled."
        again = memories.add_summary(conversation.id, talk[1].id, "They spelled first.")
        assert memories.summary(conversation.id) == again

    def test_a_message_that_is_gone_cannot_be_summed_up(self, store: Store, memories: MemoryStore) -> None:
        conversation, other = begin(store, "Hello"), begin(store, "Hi")
        with pytest.raises(StoreError):
            memories.add_summary(conversation.id, other.active or 0, "x")

    def test_how_far_the_model_was_asked_is_kept(self, store: Store, memories: MemoryStore) -> None:
        conversation = begin(store, "Hello")
        assert memories.learned(conversation.id) == memories.learned(999) == 0
        memories.set_learned(conversation.id, 7)
        assert memories.learned(conversation.id) == 7


def _with(memory: Memory, **changes: object) -> Memory:
    return msgspec.structs.replace(memory, **changes)
