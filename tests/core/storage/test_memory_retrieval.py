"""What is remembered of what was told, when it matters to what is being said."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.reflection.memory_lorebook import MAX_KEYS, as_lorebook
from companion.core.storage.memory_vectors import packed, signs_of, unit
from companion.core.storage.memory_words import keywords, query_terms, terms
from companion.core.storage.store import Store

FACTS = (
    "Sam's cat is called Miso.",
    "Sam lives in Porto.",
    "Sam works as a nurse in a children's hospital.",
    "Sam's sister Ana studies law in Berlin.",
    "Sam is allergic to peanuts.",
    "Sam was born on 4 May 1990.",
    "Sam loves mountain hiking.",
    "Sam's favourite dish is ramen.",
    "Sam's mum had an operation in March.",
    "Sam plays the cello badly.",
    "Sam hates flying.",
    "Sam and Kim broke up last winter.",
    "サムの祖母は京都に住んでいます。",
    "Сэм любит кошек.",
    "Sam hat einen Schrebergarten in Köln.",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store(tmp_path_factory.mktemp("memories") / "companion.sqlite3")
    for fact in FACTS:
        opened.memories.add("", fact, writer="model")
    yield opened
    opened.close()


def told(store: Store, *texts: str, limit: int = 12) -> list[str]:
    return [memory.text for memory in store.memories.retrieve("", texts, limit, ignored=["Sam"])]


class TestWords:
    @pytest.mark.parametrize(
        ("question", "fact"),
        [
            ("What is my cat called?", "Sam's cat is called Miso."),
            ("do you remember the name of my pet?", "Sam's cat is called Miso."),
            ("Where do I live?", "Sam lives in Porto."),
            ("I had a long day at work", "Sam works as a nurse in a children's hospital."),
            ("How is my sister doing with her studying?", "Sam's sister Ana studies law in Berlin."),
            ("Can I eat this? It has peanut butter in it.", "Sam is allergic to peanuts."),
            ("When's my birthday?", "Sam was born on 4 May 1990."),
            ("Shall we go for a hike in the mountains?", "Sam loves mountain hiking."),
            ("what's my favorite food", "Sam's favourite dish is ramen."),
            ("I called my mother today", "Sam's mum had an operation in March."),
            ("I have to take a flight tomorrow", "Sam hates flying."),
            ("Kim wrote to me again", "Sam and Kim broke up last winter."),
            ("祖母に会いに行きます", "サムの祖母は京都に住んでいます。"),
            ("京都はどんな所？", "サムの祖母は京都に住んでいます。"),
            ("я хочу кошку", "Сэм любит кошек."),
            ("Im Garten in KOLN wächst was", "Sam hat einen Schrebergarten in Köln."),
        ],
    )
    def test_a_question_finds_its_fact(self, store: Store, question: str, fact: str) -> None:
        assert fact in told(store, question)[:2]

    def test_the_last_message_counts_more_than_those_before_it(self, store: Store) -> None:
        found = told(store, "My cat sleeps.", "Nice.", "My sister called.")
        assert found.index("Sam's sister Ana studies law in Berlin.") < found.index("Sam's cat is called Miso.")

    def test_a_question_without_telling_words_still_gets_a_few(self, store: Store) -> None:
        mine = store.memories.add("few", "Sam is the person's own fact").memory
        for number in range(20):
            store.memories.add("few", f"Thing number {number}", writer="model")
        found = store.memories.retrieve("few", ["Do you remember what I told you?"])
        assert [m.text for m in found] == [mine.text, *(f"Thing number {n}" for n in (19, 18, 17, 16))]
        assert store.memories.retrieve("nobody", ["Do you remember?"]) == ()
        assert len(store.memories.retrieve("few", [])) == 5

    def test_pinned_ones_come_first_whatever_is_said(self, store: Store) -> None:
        pinned = store.memories.add("pins", "Sam is learning to juggle", pinned=True).memory
        cat = store.memories.add("pins", "Sam has a cat").memory
        assert store.memories.retrieve("pins", ["my cat"]) == (pinned, cat)
        assert store.memories.retrieve("pins", ["my cat"], 1) == (pinned,)
        assert store.memories.retrieve("pins", ["my cat"], 0) == ()

    def test_of_two_that_match_as_well_the_newer_one_comes_first(self, store: Store) -> None:
        old = store.memories.add("age", "Sam lives in Berlin").memory
        new = store.memories.add("age", "Sam lives in Porto").memory
        assert store.memories.retrieve("age", ["where do I live"]) == (new, old)
        store.memories.mark_used([old.id], now=time.time() + 60)
        assert [m.id for m in store.memories.retrieve("age", ["where do I live"])] == [old.id, new.id]

    @settings(max_examples=150, deadline=None)
    @given(
        texts=st.lists(
            st.text(st.characters(exclude_categories=()), max_size=40)
            | st.sampled_from(
                [
                    '"cat',
                    "cat*",
                    "NEAR(cat dog)",
                    "cat AND",
                    "OR NOT (",
                    "terms:cat",
                    "^cat",
                    "-cat + {",
                    "cat\x00",
                    "'; DROP TABLE",
                    "\ud800",
                ]
            ),
            max_size=4,
        ),
        ignored=st.lists(st.text(max_size=10), max_size=2),
        limit=st.integers(-1, 50),
    )
    def test_no_text_is_taken_for_a_query_language(self, store: Store, texts: list[str], ignored: list[str], limit: int) -> None:
        found = store.memories.retrieve("", texts, limit, ignored=ignored)
        assert len(found) <= max(0, limit)
        assert len({memory.id for memory in found}) == len(found)
        store.memories.search("", " ".join(texts))

    @settings(max_examples=150, deadline=None)
    @given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
    def test_whatever_was_kept_is_found_by_its_own_words(self, store: Store, text: str) -> None:
        """Save for letters newer than SQLite's tables of them, which it takes for spaces."""
        if not query_terms([text]) or not all(ord(letter) < 0x2000 for letter in text):
            return
        character = f"own {hash(text)}"
        memory = store.memories.add(character, text).memory
        assert memory in store.memories.retrieve(character, [text])

    def test_stop_words_and_endings(self) -> None:
        assert query_terms(["What do you know about my son's cookies?"]) == ["son", "cooki"]
        assert terms("lives living lived LIVE") == ["liv"] * 4
        assert terms("boys boy pies pie") == ["boy", "boy", "pie", "pie"]
        assert query_terms(["Wo wohne ich denn?"]) == ["wohn", "denn"]
        assert query_terms(["¿Cómo se llama mi perro?"]) == ["llama", "perro"]
        assert query_terms(["Sam and Miso"], ["Sam"]) == ["miso"]


class TestVectors:
    def test_it_finds_what_has_no_word_in_common(self, store: Store) -> None:
        chance = random.Random(3)
        vectors = {}
        for name in ("cat", "law", "far"):
            memory = store.memories.add("v", f"fact about {name}").memory
            vectors[name] = [chance.gauss(0, 1) for _ in range(64)]
            store.memories.set_vector(memory.id, "model", vectors[name])
        near = [value + chance.gauss(0, 0.3) for value in vectors["law"]]
        found = store.memories.retrieve("v", ["nothing alike"], vector=near, vector_model="model")
        assert [m.text for m in found] == ["fact about law"]
        assert store.memories.retrieve("v", ["nothing alike"], vector=near, vector_model="other model") == (
            store.memories.retrieve("v", ["nothing alike"])
        )
        both = store.memories.retrieve("v", ["the cat"], vector=near, vector_model="model")
        assert {m.text for m in both} == {"fact about law", "fact about cat"}

    def test_new_words_need_a_new_vector(self, store: Store) -> None:
        memory = store.memories.add("w", "Sam sings").memory
        assert store.memories.without_vector("w", "model") == (memory,)
        store.memories.set_vector(memory.id, "model", [1.0, 0.0])
        assert store.memories.without_vector("w", "model") == ()
        assert store.memories.without_vector("w", "other") == (memory,)
        edited = store.memories.edit(memory.id, "Sam sings badly")
        assert store.memories.without_vector("w", "model") == (edited,)

    def test_what_is_no_vector_does_no_harm(self, store: Store) -> None:
        memory = store.memories.add("x", "Sam sings").memory
        for vector in ([], [0.0, 0.0], [float("nan"), 1.0], [float("inf")], [1.0, 2.0, 3.0]):
            store.memories.set_vector(memory.id, "model", vector)
            assert store.memories.without_vector("x", "model") == ()
            for query in ([1.0, 2.0], [], [float("nan"), 0.0]):
                assert store.memories.retrieve("x", ["hm"], vector=query, vector_model="model") == (memory,)
        store.memories.set_vector(999_999, "model", [1.0])

    def test_signs_are_one_bit_each(self) -> None:
        assert signs_of([1.0, -1.0, 0.0, 2.0, -3.0, 1.0, 1.0, 1.0, 5.0]) == bytes([0b11101001, 1])
        assert signs_of([]) == b""


class TestLorebook:
    def test_memories_become_entries_with_their_telling_words(self, store: Store) -> None:
        store.memories.add("book", "Sam's cat is called Miso.", pinned=True)
        store.memories.add("book", "She is 34")
        book = as_lorebook(store.memories.all("book"), "What Hoshi remembers")
        first, second = book.entries
        assert (first.content, first.keys, first.constant) == (
            "Sam's cat is called Miso.",
            ("Sam", "Miso", "cat", "called"),
            True,
        )
        assert (second.content, second.keys, second.constant) == ("She is 34", ("34",), False)
        assert book.name == "What Hoshi remembers"

    def test_one_without_telling_words_is_always_told(self, store: Store) -> None:
        store.memories.add("wordless", "It is what it is")
        (entry,) = as_lorebook(store.memories.all("wordless")).entries
        assert (entry.keys, entry.constant) == ((), True)

    @given(text=st.text(max_size=200))
    def test_keys_are_words_of_the_text(self, text: str) -> None:
        assert all(key in text for key in keywords(text))
        assert MAX_KEYS > 0


def test_among_thousands_the_one_that_matters_is_found_by_words_and_by_meaning(tmp_path: Path) -> None:
    """The signs of the vectors choose whom the vectors are compared with, and may not lose the nearest."""
    store = Store(tmp_path / "companion.sqlite3")
    chance = random.Random(1)
    near = [chance.gauss(0, 1) for _ in range(384)]
    with store._database.transaction() as connection:  # one by one they would be compared with each other
        for number in range(1, 3001):
            text = "Sam plays the cello." if number == 1500 else f"Sam has thing {number} in cupboard {number % 977}."
            connection.execute(
                "INSERT INTO memories (character, text, writer, created) VALUES ('', ?, 'model', ?)", (text, float(number))
            )
            away = 0.8 if number == 2000 else 3.0
            vector = unit([value + chance.gauss(0, away) for value in near])
            assert vector is not None
            connection.execute("INSERT INTO memory_vectors VALUES (?, 'model', ?, ?)", (number, signs_of(vector), packed(vector)))
    assert [m.id for m in store.memories.retrieve("", ["Where is my cello?"])][:1] == [1500]
    assert [m.id for m in store.memories.retrieve("", ["Hm?"], vector=near, vector_model="model")][:1] == [2000]
    both = store.memories.retrieve("", ["Where is my cello?"], vector=near, vector_model="model")
    assert {m.id for m in both[:2]} == {1500, 2000}
    store.close()
