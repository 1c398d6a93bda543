"""Plain text and tables: what they are is seen from their content."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.core.dataset import DOCUMENT
from companion.core.errors import DatasetError
from companion.workshop.data.sources.found import BrokenDialogue
from companion.workshop.data.sources.reading import read, recognise

ONCE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def said(dialogue):
    return [(turn.role, turn.content) for turn in dialogue.messages]


def test_paragraphs_are_documents(write):
    path = write("book.txt", "The first line", "goes on here: yes.", "", "", "Another one.")
    found = list(read(str(path)))
    assert [each.dialogue.messages[0].content for each in found] == ["The first line\ngoes on here: yes.", "Another one."]
    assert all(DOCUMENT in each.dialogue.labels for each in found)
    assert found[1].place == "Line 5 of “book.txt”"


def test_names_before_words_make_dialogues(write):
    path = write("talk.txt", "Mara: Hi!", "Hoshi: Hello.", "Who are you?", "", "Mara: Good night.", "Hoshi: Sleep well: soon.")
    assert recognise(path) == "script"
    one, two = (each.dialogue for each in read(str(path)))
    assert said(one) == [("user", "Hi!"), ("assistant", "Hello.\nWho are you?")]
    assert said(two)[1] == ("assistant", "Sleep well: soon.")
    assert one.labels == {"user": "Mara", "assistant": "Hoshi"}


def test_the_character_named_is_the_one_who_is_learned(write):
    path = write("talk.txt", "Hoshi: Come in.", "Mara: Hi!", "Hoshi: Tea?", "Mara: Yes.")
    (first,) = read(str(path))
    assert said(first.dialogue)[0] == ("user", "Come in.")
    (second,) = read(str(path), character="Hoshi")
    assert said(second.dialogue)[0] == ("assistant", "Come in.")


def test_empty_lines_between_turns_do_not_end_a_dialogue(write):
    path = write("talk.txt", "User: Hi!", "", "Assistant: Hello.", "", "User: Bye.", "", "Assistant: Bye!", "---", "User: Again.")
    one, two = (each.dialogue for each in read(str(path)))
    assert said(one) == [("user", "Hi!"), ("assistant", "Hello."), ("user", "Bye."), ("assistant", "Bye!")]
    assert said(two) == [("user", "Again.")]
    assert one.labels == {}


def test_prose_with_a_colon_is_no_dialogue(write):
    path = write("notes.txt", "Shopping: eggs, milk", "and bread.", "Then home,", "and sleep: long.", "", "Nothing else.")
    assert recognise(path) == "text"


@ONCE
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_with_a_sentence(tmp_path: Path, content):
    for name in ("any.txt", "any.csv", "any.jsonl"):
        path = tmp_path / name
        path.write_bytes(content)
        with contextlib.suppress(DatasetError):
            for found in read(str(path)):
                assert found.dialogue.messages


def table(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("latin.txt", "Otto: Schöner Abend!\nHoshi: Ja.\n"),
        ("latin.csv", "prompt,response\nSchöner Abend!,Ja.\n"),
        ("late.csv", "prompt,response\n" + 20_000 * "Hi,Hello\n" + "Schöner Abend!,Ja.\n"),
    ],
)
def test_other_letters_than_utf_8_are_refused_and_not_replaced(tmp_path, name, text):
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError, match=f"“{name}” is text in another encoding than UTF-8"):
        list(read(str(path)))


def test_a_text_named_like_a_model_is_no_data(tmp_path):
    path = tmp_path / "text.gguf"
    path.write_text("hello", encoding="utf-8")
    with pytest.raises(DatasetError, match="named like a model"):
        recognise(path)


@pytest.mark.parametrize("name", ["talks.jsonl", "talks.csv", "talks.txt"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_text_in_utf_16_is_told_what_it_is(tmp_path: Path, name, encoding):
    path = tmp_path / name
    path.write_bytes("\ufeffprompt,response\nHi,Hello\n".encode(encoding))
    with pytest.raises(DatasetError, match="is text in UTF-16") as caught:
        recognise(path)
    assert caught.value.remedy == "Save it again as UTF-8."


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_prompt_and_response_in_columns(tmp_path: Path, delimiter):
    rows = [["Prompt", "Response", "topic"], ["Hi, you; there\n!", 'She said "hello".', "greeting"]]
    (found,) = read(str(table(tmp_path / "data.csv", rows, delimiter)))
    assert said(found.dialogue) == [("user", "Hi, you; there\n!"), ("assistant", 'She said "hello".')]
    assert found.dialogue.labels == {"topic": "greeting"}


def test_one_message_per_row(tmp_path: Path):
    rows = [["conversation", "role", "content"], ["a", "user", "Hi!"], ["a", "assistant", "Hello."], ["b", "human", "Bye."]]
    one, two = (each.dialogue for each in read(str(table(tmp_path / "data.csv", rows))))
    assert (one.id, said(one)) == ("a", [("user", "Hi!"), ("assistant", "Hello.")])
    assert (two.id, said(two)) == ("b", [("user", "Bye.")])


def test_a_conversation_in_two_pieces_is_refused(tmp_path: Path):
    rows = [["id", "role", "content"], ["a", "user", "Hi!"], ["b", "user", "Bye."], ["a", "assistant", "Hello."]]
    with pytest.raises(DatasetError, match=r"Line 4 of .* goes on with conversation “a”"):
        list(read(str(table(tmp_path / "data.csv", rows))))


def test_a_row_that_is_too_short_is_named(tmp_path: Path):
    path = tmp_path / "data.csv"
    path.write_text("prompt,response\nHi!,Hello.\nBye.\nAgain,Yes.\n")
    with pytest.raises(DatasetError, match=r"Line 3 of “data.csv” has 1 fields where the first row has 2"):
        list(read(str(path)))
    passed: list[BrokenDialogue] = []
    assert len(list(read(str(path), passed.append))) == 2


def test_a_conversation_with_a_broken_row_is_left_out_whole(tmp_path: Path):
    rows = [["id", "role", "content"], ["a", "user", "Hi!"], ["a", "robot", "01"], ["a", "gpt", "x"], ["b", "user", "Bye."]]
    passed: list[BrokenDialogue] = []
    found = list(read(str(table(tmp_path / "data.csv", rows)), passed.append))
    assert [each.dialogue.id for each in found] == ["b"]
    assert [each.what for each in passed] == [
        "Line 3 of “data.csv” has the role “robot”; the roles are system, user and assistant."
    ]


def test_a_table_of_something_else_is_refused(write):
    with pytest.raises(DatasetError, match="names no columns of dialogues"):
        list(read(str(write("data.csv", "name,age", "Mara,31"))))


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(str.strip)


@ONCE
@given(pairs=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), delimiter=st.sampled_from([",", ";", "\t", "|"]))
def test_any_cells_come_through_unchanged(tmp_path: Path, pairs, delimiter):
    path = table(tmp_path / "any.csv", [["prompt", "response"], *map(list, pairs)], delimiter)
    found = [tuple(turn.content for turn in each.dialogue.messages) for each in read(str(path))]
    assert found == pairs


LINE = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=40).map(str.strip).filter(bool)


@ONCE
@given(paragraphs=st.lists(st.lists(LINE, min_size=1, max_size=3), min_size=1, max_size=5))
def test_any_paragraphs_come_through_unchanged(tmp_path: Path, paragraphs):
    path = tmp_path / "any.txt"
    path.write_text("\n\n".join("\n".join(each) for each in paragraphs), encoding="utf-8")
    found = [each.dialogue.messages[0].content for each in read_as_text(path)]
    assert [text.split("\n") for text in found] == paragraphs


def read_as_text(path: Path):
    from companion.workshop.data.sources.texts import read_text

    return read_text(path, lambda broken: pytest.fail(broken.what), form="text")
