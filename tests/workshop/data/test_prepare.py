"""From files to examples on disk: what is learned, what is measured, and what bad data gets."""

from __future__ import annotations

import json
import os
import resource
import tracemalloc
from pathlib import Path

import pytest
import torch

from companion.core.errors import CharacterError, DatasetError
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.parts import Data, Training
from companion.core.recipes.pretrain import Pretrain
from companion.workshop.data.batch import pack
from companion.workshop.data.prepare import prepare
from companion.workshop.data.prepared import TOKENS_FILE
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.data.token_file import TokenFile
from tests.workshop.data.conftest import talk


def recipe(*paths: Path, seed: int = 0, character: str = "", **data) -> FineTune:
    return FineTune(data_files=tuple(map(str, paths)), character=character, data=Data(**data), training=Training(seed=seed))


@pytest.fixture
def forty(write):
    return write("forty.jsonl", *[talk(f"Question {n}?", f"Answer {n}.", topic="ab"[n % 2]) for n in range(40)])


def examples(made, numbers):
    return [made.example(number) for number in numbers]


def text(base, example):
    return b"".join(base.vocabulary.piece(token) for token in example.tokens).decode()


def test_examples_are_what_the_template_makes_of_the_dialogues(base, forty, tmp_path):
    made = prepare(recipe(forty), base, tmp_path / "job")
    template = TrainingTemplate(*base)
    expected = [template.example(found.dialogue) for found in read_all([str(forty)])]
    kept = [*examples(made, made.train), *examples(made, made.held_out)]
    assert sorted(kept) == sorted(expected)
    assert (made.dialogues, made.held_out_dialogues) == (36, 4)
    assert made.tokens == sum(len(example.tokens) for example in examples(made, made.train)) == sum(made.lengths[made.train])
    assert made.supervised_tokens == sum(sum(example.learn) for example in examples(made, made.train))


def test_a_second_call_finds_the_examples_of_the_first(base, forty, tmp_path):
    first = prepare(recipe(forty), base, tmp_path / "job")
    forty.write_text("")
    second = prepare(recipe(forty), base, tmp_path / "job")
    assert second.fingerprint == first.fingerprint
    assert list(second.order(3, 7)) == list(first.order(3, 7))


def test_another_recipe_makes_them_anew(base, forty, tmp_path):
    first = prepare(recipe(forty), base, tmp_path / "job")
    second = prepare(recipe(forty, held_out=0.25), base, tmp_path / "job")
    assert second.held_out_dialogues == 10
    assert second.fingerprint != first.fingerprint


def test_the_fingerprint_is_of_the_content_and_the_split(base, forty, tmp_path):
    one = prepare(recipe(forty), base, tmp_path / "one").fingerprint
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(forty.read_bytes())
    assert prepare(recipe(copy), base, tmp_path / "two").fingerprint == one
    assert prepare(recipe(copy, seed=1), base, tmp_path / "three").fingerprint != one
    copy.write_text(copy.read_text().replace("Answer 7.", "Answer 8!"))
    assert prepare(recipe(copy), base, tmp_path / "four").fingerprint != one


def test_every_epoch_has_an_order_of_its_own(base, forty, tmp_path):
    made = prepare(recipe(forty), base, tmp_path / "job")
    first, second = list(made.order(0, 5)), list(made.order(1, 5))
    assert sorted(first) == sorted(second) == list(made.train)
    assert first != second
    still = prepare(recipe(forty, shuffle=False), base, tmp_path / "still")
    assert list(still.order(0, 5)) == list(still.order(1, 5)) == list(still.train)


def test_a_batch_is_what_packing_its_examples_gives(base, forty, tmp_path):
    made = prepare(recipe(forty), base, tmp_path / "job")
    chosen = made.order(0, 0)[:5].tolist()
    batch, expected = made.batch(chosen), pack([made.example(index) for index in chosen])
    assert batch.starts == expected.starts
    assert len(batch.targets) == made.supervised[chosen].sum()
    for field in ("tokens", "positions", "rows", "targets"):
        assert torch.equal(getattr(batch, field), getattr(expected, field))


def test_the_card_begins_dialogues_without_a_system_message(base, write, tmp_path):
    path = write("data.jsonl", talk("Hi!", "Hello.", user="Sam"), talk("I'm Sam.", "Hello, Sam.", user="Sam"))
    made = prepare(recipe(path, character="Hoshi", longest=4096), base, tmp_path / "job")
    known, unknown = (text(base, example) for example in examples(made, made.train))
    assert "You are Hoshi" in known
    assert "Sam" in known.split("user\n")[0]
    assert "Sam" not in unknown.split("user\n")[0], "she is told the name only where the chat would know it"


def test_a_character_that_is_not_there_is_told(base, forty, tmp_path):
    with pytest.raises(CharacterError):
        prepare(recipe(forty, character="nobody"), base, tmp_path / "job")


def test_replay_is_mixed_in_and_never_measured(base, forty, write, tmp_path):
    general = write("general.jsonl", *[talk(f"What is {n}?", "A number.") for n in range(30)])
    made = prepare(recipe(forty, replay=0.2, replay_file=str(general)), base, tmp_path / "job")
    replayed = [example for example in examples(made, made.train) if example.replay]
    assert len(replayed) == made.replay_examples == 9, "a fifth of what is learned, not of what is measured"
    assert not any(example.replay for example in examples(made, made.held_out))
    assert all("A number." in text(base, example) for example in replayed)


def test_replay_without_dialogues_for_it_is_told(base, forty, write, tmp_path):
    with pytest.raises(DatasetError, match="names no dialogues"):
        prepare(recipe(forty, replay=0.2), base, tmp_path / "job")
    few = write("few.jsonl", talk("A?", "B."), {"messages": [{"role": "user", "content": "Nobody answers."}]})
    made = prepare(recipe(forty, replay=0.5, replay_file=str(few)), base, tmp_path / "job")
    assert made.replay_examples == 1
    assert made.notices == ("The replay has 2 dialogues where 36 were asked for; all of them are used.",)


def test_one_dialogue_is_learned_without_measuring(base, write, tmp_path):
    made = prepare(recipe(write("one.jsonl", talk("Hi!", "Hello."))), base, tmp_path / "job")
    assert (made.dialogues, made.held_out_dialogues) == (1, 0)
    assert "Nothing is held out" in made.notices[0]
    assert made.sample_prompts(3)[0].said == "Hi!"


def test_samples_come_from_what_is_held_out(base, forty, tmp_path):
    made = prepare(recipe(forty), base, tmp_path / "job")
    held = [text(base, example) for example in examples(made, made.held_out)]
    samples = made.sample_prompts(3)
    assert len(samples) == 3
    assert all(any(sample.said in each and sample.answer in each for each in held) for sample in samples)
    tokens = [example.tokens for example in examples(made, made.held_out)]
    assert all(any(tuple(each[: len(sample.tokens)]) == sample.tokens for each in tokens) for sample in samples)


def test_what_cannot_be_learned_from_is_counted_and_named(base, write, tmp_path):
    silent = {"messages": [{"role": "user", "content": "Anybody?"}]}
    lines = [talk("Hi!", "Hello."), silent, talk("A?", ""), talk("Hi!", "", "You?", "Yes."), talk("Long?", "star " * 900)]
    made = prepare(recipe(write("data.jsonl", *lines), longest=64), base, tmp_path / "job")
    assert made.left_out == (
        "2 dialogues have no reply to learn from (first: Line 2 of “data.jsonl”).",
        "2 empty turns were left out (first: Line 3 of “data.jsonl”).",
        "1 dialogue has a turn longer than 64 tokens, which was cut (Line 5 of “data.jsonl”).",
    )
    assert made.dialogues == 3


def test_dialogues_without_any_reply_are_refused(base, write, tmp_path):
    silent = {"messages": [{"role": "user", "content": "Anybody?"}]}
    with pytest.raises(DatasetError, match="no reply to learn from"):
        prepare(recipe(write("data.jsonl", silent, silent)), base, tmp_path / "job")
    assert not list((tmp_path / "job").iterdir()), "nothing half-written is left"


def test_an_example_whose_mask_is_empty_is_an_error(base_with, write, tmp_path):
    """A template that joins a good reply with a bad one leaves nothing to learn: that must not pass in silence."""
    strict = base_with(
        template="{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('turns') }}{% endif %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    )
    line = talk("Hi!", "Hello.")
    line["messages"].append({"role": "assistant", "content": "Bad.", "train": False})
    with pytest.raises(DatasetError, match=r"Line 1 of “data.jsonl” has replies, and none of their tokens would be learned"):
        prepare(recipe(write("data.jsonl", line)), strict, tmp_path / "job")


def test_a_wrong_line_stops_the_preparation_and_leaves_nothing(base, write, tmp_path):
    path = write("data.jsonl", *[talk("Hi!", "Hello.")] * 6, "{broken")
    with pytest.raises(DatasetError, match="Line 7"):
        prepare(recipe(path), base, tmp_path / "job")
    assert not list((tmp_path / "job").iterdir())


def test_a_stop_leaves_nothing(base, forty, tmp_path):
    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(recipe(forty), base, tmp_path / "job", stop)
    assert not list((tmp_path / "job").iterdir())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(base, forty, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(DatasetError, match="cannot be written"):
        prepare(recipe(forty), base, closed)


def test_a_path_that_is_no_folder_is_told(base, forty, tmp_path):
    (tmp_path / "job").write_text("")
    with pytest.raises(DatasetError, match="cannot be written"):
        prepare(recipe(forty), base, tmp_path / "job")


def test_a_full_disk_is_told_and_leaves_nothing(base, forty, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        with pytest.raises(DatasetError, match="cannot be written"):
            prepare(recipe(forty), base, tmp_path / "job")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list((tmp_path / "job").iterdir())


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content.replace(b'"tables"', b'"cables"')])
def test_a_damaged_file_of_examples_is_told_and_made_again(damage, base, forty, tmp_path):
    first = prepare(recipe(forty), base, tmp_path / "job").fingerprint
    path = tmp_path / "job" / TOKENS_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetError, match="is damaged"):
        TokenFile(path)
    assert prepare(recipe(forty), base, tmp_path / "job").fingerprint == first


def test_plain_text_is_learned_whole(base, write, tmp_path):
    path = write("book.txt", "the star and the night", "", "the good thing")
    made = prepare(Pretrain(data_files=(str(path),)), base, tmp_path / "job")
    first = examples(made, made.train)[0]
    assert text(base, first) == "the star and the night"
    assert first.learn == [False] + [True] * (len(first.tokens) - 1)
    assert first.tokens[-1] == base.vocabulary.eos


def lines_of_talk(path: Path, megabytes: float, sentences: int = 15) -> Path:
    reply = "the star and the night and the good thing " * sentences
    with path.open("w") as file:
        for number in range(int(megabytes * 1_000_000 / (len(reply) + 100))):
            file.write(json.dumps(talk(f"What is {number}?", reply)) + "\n")
    return path


def peak_bytes(work) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_file_is_read_in_constant_memory(tmp_path):
    path = lines_of_talk(tmp_path / "large.jsonl", 40, sentences=200)
    assert peak_bytes(lambda: sum(1 for _ in read_all([str(path)]))) < 1_000_000


def test_what_is_prepared_does_not_stay_in_memory(base, tmp_path):
    """Only the tables of the dialogues and a few samples grow with a file."""
    small, large = (lines_of_talk(tmp_path / f"{size}.jsonl", size) for size in (0.1, 0.5))
    prepare(recipe(small), base, tmp_path / "first")  # what is made once is there before measuring
    one = peak_bytes(lambda: prepare(recipe(small), base, tmp_path / "one"))
    other = peak_bytes(lambda: prepare(recipe(large), base, tmp_path / "other"))
    assert other - one < 120_000, f"{one:,} bytes for 0.1 MB, {other:,} bytes for 0.5 MB"
