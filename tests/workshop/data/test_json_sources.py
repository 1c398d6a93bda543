"""JSON in every form it comes in, and sentences that name the line when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.core.errors import DatasetError
from companion.workshop.data.sources.forms import dialogue_of
from companion.workshop.data.sources.found import BrokenDialogue
from companion.workshop.data.sources.lines import MAX_LINE_BYTES, json_values
from companion.workshop.data.sources.reading import read, read_all, recognise
from tests.workshop.data.conftest import talk

SIMPLE = [("user", "Hi!"), ("assistant", "Hello.")]


def said(dialogue):
    return [(turn.role, turn.content) for turn in dialogue.messages]


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("openai", talk("Hi!", "Hello.")),
        ("sharegpt", {"conversations": [{"from": "human", "value": "Hi!"}, {"from": "gpt", "value": "Hello."}]}),
        ("alpaca", {"instruction": "Hi!", "input": "", "output": "Hello."}),
        ("pairs", {"prompt": "Hi!", "completion": "Hello."}),
        ("pairs", {"Question": "Hi!", "Answer": "Hello."}),
    ],
)
def test_a_form_is_recognised_by_its_keys(write, form, value):
    path = write("data.jsonl", value)
    assert recognise(path) == form
    (found,) = read(str(path))
    assert said(found.dialogue) == SIMPLE


def test_a_file_may_be_one_large_list(tmp_path: Path):
    path = tmp_path / "alpaca.json"
    path.write_text(json.dumps([{"instruction": "Hi!", "input": "there", "output": "Hello. [1], {2}"}] * 3, indent=2))
    found = list(read(str(path)))
    assert [said(each.dialogue) for each in found] == [[("user", "Hi!\n\nthere"), ("assistant", "Hello. [1], {2}")]] * 3
    assert [each.place for each in found][1] == "Line 7 of “alpaca.json”"


def test_what_else_a_dialogue_says_becomes_its_labels(write):
    path = write("data.jsonl", talk("Hi!", "Hello.", id=7, topic="greeting", labels={"mood": "joy"}, score=0.5, other=[1]))
    (found,) = read(str(path))
    assert found.dialogue.id == "7"
    assert found.dialogue.labels == {"topic": "greeting", "mood": "joy", "score": "0.5"}


def test_labels_keep_any_name_and_only_they_make_a_document(write):
    own = {"dialogue": "wrong-01", "conversation": "7", "id": "x"}
    path = write("data.jsonl", talk("Hi!", "Hello.", labels=own, document="What it is about."))
    (found,) = read(str(path))
    assert found.dialogue.labels == own
    text = {"messages": [{"role": "assistant", "content": "Once upon a time."}], "labels": {"document": "yes"}}
    (found,) = read(str(write("texts.jsonl", text)))
    assert found.dialogue.labels == {"document": "yes"}


def test_a_reply_can_be_excluded_and_worse_ones_named(write):
    value = {"messages": [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "No.", "train": False}]}
    path = write("data.jsonl", {**value, "rejected": ["Go away."]})
    (found,) = read(str(path))
    assert [turn.train for turn in found.dialogue.messages] == [True, False]
    assert found.dialogue.rejected == ("Go away.",)


def test_a_preference_pair_is_a_dialogue_with_the_worse_reply_beside_it():
    found = dialogue_of({"prompt": "Hi!", "chosen": "Hello.", "rejected": "What?"}, "Line 1")
    assert said(found) == SIMPLE
    assert found.rejected == ("What?",)


BROKEN = [
    ("{not json", "Line 7 of “talks.jsonl” is not JSON"),
    ('{"messages": [{"role": "user", "content": NaN}]}', "Line 7 of “talks.jsonl” is not JSON (NaN is no JSON value)"),
    ({"messages": [{"role": "user", "content": None}]}, "Line 7 of “talks.jsonl” has no text in message 1 (null)."),
    ({"messages": [{"role": "user", "content": 3}]}, "has the number 3 instead of text in message 1"),
    ({"messages": [{"role": "narrator", "content": "x"}]}, "has the role “narrator” in message 1"),
    ({"messages": [{"content": "x"}]}, "has no role in message 1"),
    ({"messages": []}, "is a dialogue without messages"),
    ({"messages": ["hi"]}, "has no object in message 1"),
    ({"message": "x"}, "has none of the keys of a dialogue (it has “message”)"),
    ("[1, 2]", "is no JSON object"),
    ('"text"', "is no JSON object"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, "something other than text"),
]


@pytest.mark.parametrize(("line", "sentence"), BROKEN)
def test_a_wrong_line_is_named_with_what_to_do(write, line, sentence):
    path = write("talks.jsonl", *[talk("Hi!", "Hello.")] * 6, line, *[talk("Hi!", "Hello.")] * 3)
    with pytest.raises(DatasetError) as caught:
        list(read(str(path)))
    assert "Line 7 of “talks.jsonl”" in caught.value.what
    assert sentence in caught.value.what
    assert caught.value.remedy
    passed: list[BrokenDialogue] = []
    assert len(list(read(str(path), passed.append))) == 9
    assert [each.place for each in passed] == ["Line 7 of “talks.jsonl”"]


def test_bytes_that_are_no_text_are_named(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(json.dumps(talk("Hi!", "Hello.")).encode() + b'\n{"text": "\xff\xfe"}\n')
    with pytest.raises(DatasetError, match=r"Line 2 of .* is not"):
        list(read(str(path)))


def test_an_endless_line_is_refused_and_not_kept(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    with path.open("wb") as file:
        file.write(json.dumps(talk("Hi!", "Hello.")).encode() + b"\n")
        file.write(b'{"text": "' + b"a" * (MAX_LINE_BYTES + 10) + b'"}\n')
        file.write(json.dumps(talk("Hi!", "Hello.")).encode() + b"\n")
    passed: list[BrokenDialogue] = []
    assert len(list(read(str(path), passed.append))) == 2
    assert passed[0].what == "Line 2 of “data.jsonl” is longer than 16 MB."


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "is empty"), ("\n\n", "is empty"), ("[]", "holds no dialogues"), ("a\x00b", "is no text")],
)
def test_a_file_without_dialogues_is_told(tmp_path: Path, content, sentence):
    path = tmp_path / "data.jsonl"
    path.write_text(content)
    with pytest.raises(DatasetError, match=sentence):
        list(read_all([str(path)]))


def test_what_is_no_file_is_told(tmp_path: Path):
    with pytest.raises(DatasetError, match="There is no file"):
        list(read_all([str(tmp_path / "gone.jsonl")]))
    with pytest.raises(DatasetError, match=r"is a folder without data\.jsonl"):
        list(read_all([str(tmp_path)]))


def test_one_object_over_several_lines_is_explained(tmp_path: Path):
    path = tmp_path / "data.json"
    path.write_text(json.dumps(talk("Hi!", "Hello."), indent=1))
    with pytest.raises(DatasetError, match="one JSON object over several lines"):
        list(read(str(path)))


def test_a_list_that_ends_too_early_is_told(tmp_path: Path):
    path = tmp_path / "data.json"
    path.write_text(json.dumps([talk("Hi!", "Hello.")] * 2)[:-20])
    with pytest.raises(DatasetError, match="ends in the middle"):
        list(read(str(path)))


def test_windows_line_ends_and_a_byte_order_mark_are_taken(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(talk("Hi!\r\nYou", "Hello.")).encode() + b"\r\n")
    (found,) = read(str(path))
    assert said(found.dialogue)[0] == ("user", "Hi!\nYou")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), min_size=1, max_size=60)
ONCE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ONCE
@given(texts=st.lists(st.lists(TEXT, min_size=1, max_size=5), min_size=1, max_size=5), wide=st.booleans())
def test_any_text_comes_through_lines_unchanged(tmp_path: Path, texts, wide):
    path = tmp_path / "any.jsonl"
    path.write_text("".join(json.dumps(talk(*each), ensure_ascii=wide) + "\n" for each in texts), encoding="utf-8")
    assert [[turn.content for turn in found.dialogue.messages] for found in read(str(path))] == texts


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@ONCE
@given(values=st.lists(JSON, max_size=5), indent=st.sampled_from([None, 1]), wide=st.booleans(), chunk=st.integers(1, 9))
def test_a_list_is_cut_into_its_values_wherever_the_reads_end(tmp_path: Path, values, indent, wide, chunk):
    path = tmp_path / "any.json"
    path.write_text(json.dumps(values, indent=indent, ensure_ascii=wide), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("companion.workshop.data.sources.lines._CHUNK", chunk)
        assert [value for _, value in json_values(path, lambda broken: pytest.fail(broken.what))] == values


@settings(max_examples=200, deadline=None)
@given(value=JSON)
def test_any_json_is_a_dialogue_or_a_sentence(value):
    try:
        found = dialogue_of(value, "Line 1")
    except BrokenDialogue as broken:
        sentence = broken.what
    else:
        sentence = f"Line 1 has {len(found.messages)} turns"
    assert sentence.startswith("Line 1 ")
    assert not sentence.startswith("Line 1 has 0")
