"""What is measured on: the person's own dialogues, or those that are shipped."""

from __future__ import annotations

import json

import pytest

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import DatasetError
from companion.core.recipes.evaluate import Evaluate, Likelihood, Replies
from companion.workshop.evaluation.material import DATASET, licences, more_prompts, prompts_of, read_material
from companion.workshop.evaluation.scripted import shipped
from tests.workshop.small_jobs import write_dialogues


def read(**fields):
    return read_material(Evaluate(**fields), lambda share: None)


def test_without_files_the_shipped_dialogues_and_text_are_taken():
    material = read()
    assert len(material.dialogues) >= 40
    assert len({dialogue.id for dialogue in material.dialogues}) == len(material.dialogues)
    assert {dialogue.labels[DATASET] for dialogue in material.dialogues} == {"built-in"}
    assert [text.name for text in material.texts] == ["built-in"]
    assert len(material.texts[0].content.split()) > 3000
    assert len(material.prompts) >= 40


def test_shipped_dialogues_are_held_out_from_the_built_in_characters_training():
    known = set()
    for file in shipped("").parent.glob("hoshi/dialogues/*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            known |= {turn["content"] for turn in json.loads(line)["messages"] if turn["role"] == "assistant"}
    assert known
    said = {turn.content for dialogue in read().dialogues for turn in dialogue.messages if turn.role == "assistant"}
    assert not said & known


def test_prompts_end_with_the_person_and_have_the_reply_that_followed():
    for prompt in read().prompts:
        assert prompt.dialogue.messages[-1].role == "user"
        assert prompt.reference
        assert prompt.name.startswith(prompt.dialogue.id)
    names = [prompt.name for prompt in read().prompts]
    assert len(set(names)) == len(names)


def test_a_card_stands_before_dialogues_that_have_none(tmp_path):
    data = tmp_path / "talks.jsonl"
    bare = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]
    lines = [{"messages": bare}, {"messages": [{"role": "system", "content": "Be brief."}, *bare]}]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    systems = {each.messages[0].content for each in read(data_files=(str(data),), character="Hoshi").dialogues}
    assert "Be brief." in systems
    assert any("Hoshi" in text for text in systems)


def test_a_larger_budget_looks_at_the_same_dialogues_and_more(tmp_path):
    data = write_dialogues(tmp_path / "talks.jsonl", count=50)
    few, many = (
        read(data_files=(str(data),), likelihood=Likelihood(dialogues=most), replies=Replies(dialogues=1)).dialogues
        for most in (25, 45)
    )
    assert (len(few), len(many)) == (25, 45)
    assert many[:25] == few


def test_datasets_take_turns_and_are_named(tmp_path):
    files = [str(write_dialogues(tmp_path / name, count=30)) for name in ("one.jsonl", "two.jsonl")]
    material = read(data_files=tuple(files))
    assert [each.labels[DATASET] for each in material.dialogues[:4]] == ["one", "two", "one", "two"]
    assert len({each.id for each in material.dialogues}) == 60


def test_prose_among_the_data_becomes_a_text(tmp_path):
    data = tmp_path / "story.txt"
    data.write_text("Once there was a star.\n\nIt was not alone.\n", encoding="utf-8")
    material = read(data_files=(str(data),))
    assert [(text.name, text.content) for text in material.texts] == [("story", "Once there was a star.\n\nIt was not alone.")]
    assert material.dialogues[0].labels[DATASET] == "built-in"


def test_a_long_dialogue_gives_an_early_and_a_late_prompt():
    turns = tuple(DialogueTurn(("user", "assistant")[i % 2], f"turn {i}") for i in range(10))
    prompts = list(prompts_of(Dialogue(messages=turns, id="a")))
    assert [len(prompt.dialogue.messages) < 5 for prompt in prompts] == [True, False]
    assert prompts == list(prompts_of(Dialogue(messages=turns, id="a")))
    assert prompts[0].reference == f"turn {len(prompts[0].dialogue.messages)}"


def test_where_few_dialogues_are_to_give_many_prompts_every_turn_is_one_and_none_comes_twice(tmp_path):
    data = tmp_path / "talks.jsonl"
    shared = [{"role": ("user", "assistant")[i % 2], "content": f"turn {i}"} for i in range(6)]
    branches = [
        [*shared, {"role": "user", "content": end}, {"role": "assistant", "content": "Yes."}] for end in ("Left?", "Right?")
    ]
    data.write_text("".join(json.dumps({"messages": each}) + "\n" for each in branches), encoding="utf-8")
    material = read(data_files=(str(data),))
    prompts = list(more_prompts(material))
    assert prompts[: len(material.prompts)] == list(material.prompts)
    assert sorted(each.dialogue.messages[-1].content for each in prompts) == ["Left?", "Right?", "turn 0", "turn 2", "turn 4"]
    assert all(each.dialogue.messages[-1].role == "user" and each.reference for each in prompts)
    assert len({each.name for each in prompts}) == 5


def test_a_dialogue_without_a_reply_is_a_prompt_without_a_reference():
    dialogue = Dialogue(messages=(DialogueTurn("user", "Are you there?"),), id="b")
    assert [(each.name, each.reference) for each in prompts_of(dialogue)] == [("b#1", "")]


@pytest.mark.parametrize("where", ["data_files", "text"])
def test_a_missing_file_is_a_sentence(tmp_path, where):
    gone = (str(tmp_path / "gone.txt"),)
    fields = {"data_files": gone} if where == "data_files" else {"likelihood": Likelihood(text_files=gone)}
    with pytest.raises(DatasetError, match=r"gone\.txt"):
        read(**fields)


def test_files_are_named_with_their_licences(tmp_path):
    data = write_dialogues(tmp_path / "talks.jsonl")
    own, built_in_text = licences(Evaluate(data_files=(str(data),)))
    assert (own.name, own.licence, own.bytes) == ("talks.jsonl", "unknown", data.stat().st_size)
    assert (built_in_text.name, built_in_text.licence) == ("built-in text.txt", "Apache-2.0")
