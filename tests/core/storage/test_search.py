"""Search finds what a person means, in any script, and takes any input."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.storage.search_index import excerpt, fold, query_words
from companion.core.storage.store import Store
from tests.core.talks import begin, chain


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("cafe", "We met in the Café."),
        ("GROSSE", "eine große Sache"),
        ("tele", "the telescope"),
        ("scope", "the telescope"),
        ("東京", "昨日は東京へ行きました"),
        ("東", "昨日は東京へ行きました"),
        ("елка", "новогодняя Ёлка"),
        ("🌟", "a star 🌟 is born"),
        ("❤", "with love ❤️"),
        ('"quoted"', "a quoted word"),
        ("cat*", "concatenate"),
        ("AND", "this and that"),
        ("100%", "I am 100% sure"),
        ("a_b", "snake a_b case"),
        ("[x]", "done [x] yes"),
        ("c++", "I like C++ a lot"),
        ("what?", "What? No."),
        ("met café", "We met in the Café."),
        ("한국", "저는 한국 사람입니다"),
        ("hello", "Ｈｅｌｌｏ there"),
        ("שלום", "שָׁלוֹם"),
    ],
)
def test_finds(store: Store, typed: str, text: str) -> None:
    (message,) = chain(store, begin(store, "another message").id, text)
    hits = store.search(typed)
    assert [hit.message for hit in hits] == [message.id]
    assert hits[0].excerpt


@pytest.mark.parametrize("typed", ["", "   ", "\x00", "\u0301", "zebra", "cafe zebra", "NEAR(", '"', "*", "?", "a OR b"])
def test_finds_nothing_and_never_fails(store: Store, typed: str) -> None:
    chain(store, begin(store).id, "We met in the café")
    assert store.search(typed) == ()


def test_alternates_are_found_but_nothing_deleted(store: Store) -> None:
    conversation = begin(store, "saturn one", "saturn two")
    path = chain(store, conversation.id, "saturn three", "saturn four", parent=conversation.active)
    assert len(store.search("saturn")) == 4
    store.delete_message(path[0].id)
    assert len(store.search("saturn")) == 2
    store.restore_message(path[0].id)
    assert len(store.search("saturn")) == 4
    store.delete_conversation(conversation.id)
    assert store.search("saturn") == ()


def test_a_reply_is_found_once_it_is_finished(store: Store) -> None:
    reply = store.add_message(begin(store).id, parent=None, role="assistant", text="", status="streaming")
    store.save_text(reply.id, "a comet")
    assert store.search("comet") == ()
    store.finish_message(reply.id, text="a comet or", status="stopped")
    assert len(store.search("comet")) == 1
    store.finish_message(reply.id, text="a planet", status="complete")
    assert store.search("comet") == ()
    assert len(store.search("planet")) == 1


def test_titles_come_first_then_messages_newest_first(store: Store) -> None:
    older, titled = begin(store, "saturn"), begin(store, "hello", title="Saturn's rings")
    newer = begin(store, "about saturn")
    hits = store.search("saturn")
    assert [hit.conversation for hit in hits] == [titled.id, newer.id, older.id]
    assert hits[0].message == titled.active
    assert hits[0].title == "Saturn's rings"
    assert [hit.conversation for hit in store.search("saturn", limit=2)] == [titled.id, newer.id]
    assert store.search("saturn", limit=0) == ()


def test_the_excerpt_is_one_line_around_the_match(store: Store) -> None:
    chain(store, begin(store).id, "before " * 100 + "\nthe Straße\n" + " after" * 100)
    line = store.search("strasse")[0].excerpt
    assert "the Straße after" in line
    assert line[0] == line[-1] == "…"
    assert len(line) < 160


@settings(max_examples=60, deadline=None)
@given(
    messages=st.lists(st.text("aA é東京 e\u0301*?[]\"'ß🌟\n", max_size=12), min_size=1, max_size=6),
    typed=st.text("aA é東京 e\u0301*?[]\"'ß🌟\n", max_size=6),
)
def test_it_finds_exactly_what_holds_every_word(
    tmp_path_factory: pytest.TempPathFactory, messages: list[str], typed: str
) -> None:
    store = Store(tmp_path_factory.mktemp("search") / "s.sqlite3")
    conversation = begin(store)
    added = [store.add_message(conversation.id, parent=None, role="user", text=text) for text in messages]
    words = query_words(typed)
    expected = [m.id for m in reversed(added) if words and all(word in fold(m.text) for word in words)]
    assert [hit.message for hit in store.search(typed)] == expected
    store.close()


@given(st.text(), st.text(max_size=20))
def test_any_text_gives_an_excerpt_on_one_line(text: str, typed: str) -> None:
    line = excerpt(text, query_words(typed))
    assert len(line.splitlines()) <= 1
    assert len(line) <= 142
