"""Verdicts are on the disk at once, survive a kill, and become a dataset with rejected replies."""

from __future__ import annotations

import msgspec
import pytest

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.dataset_folder import read_source
from companion.core.errors import DatasetError
from companion.core.judgement import VERDICTS_FILE, Judged, all_judgements, identity, open_judgement, preferences_folder
from companion.core.report import Subject, UsedFile
from companion.workshop.data.sources.reading import read_all

PLAIN = Subject(name="starter", model=UsedFile(name="s.gguf", sha256="aa"))
TAUGHT = Subject(name="starter + hoshi", model=PLAIN.model, adapters=(UsedFile(name="hoshi.gguf", sha256="bb"),))
TURNS = (
    DialogueTurn("system", "You are Hoshi."),
    DialogueTurn("user", "Hi!"),
    DialogueTurn("assistant", "Hello."),
    DialogueTurn("user", "Who are you?"),
)


def judged(prompt="p1", answer="a", **fields):
    return Judged(prompt=prompt, turns=TURNS, a_reply="I am Hoshi.", b_reply="An AI.", answer=answer, **fields)


def test_a_verdict_becomes_a_dialogue_with_a_rejected_reply():
    judgement = open_judgement(PLAIN, TAUGHT)
    for each in (judged("p1", "a"), judged("p2", "b"), judged("p3", "tie"), judged("p4", "skip")):
        judgement.add(each)
    assert judgement.write_dataset() == 2
    first, second = (found.dialogue for found in read_all([str(judgement.folder)]))
    assert first.messages[-1] == DialogueTurn("assistant", "I am Hoshi.")
    assert first.rejected == ("An AI.",)
    assert second.messages[-1].content == "An AI."
    raw = msgspec.json.decode((judgement.folder / "data.jsonl").read_bytes().splitlines()[0], type=Dialogue)
    assert [turn.train for turn in raw.messages] == [True, True, False, True, True], "only the chosen reply is learned"
    source = read_source(judgement.folder)
    assert (source.dialogues, source.form, source.consent) == (2, "preferences", "the person's own")


def test_the_same_two_have_one_folder_whichever_is_named_first():
    assert open_judgement(PLAIN, TAUGHT).folder == open_judgement(TAUGHT, PLAIN).folder
    louder = msgspec.structs.replace(TAUGHT, adapters=(UsedFile(name="hoshi.gguf", sha256="bb", scale=0.5),))
    assert open_judgement(PLAIN, louder).folder != open_judgement(PLAIN, TAUGHT).folder
    assert identity(msgspec.structs.replace(PLAIN, name="another name")) == identity(PLAIN)
    assert len(list(all_judgements())) == 2


def test_a_line_that_a_kill_cut_short_costs_only_itself():
    judgement = open_judgement(PLAIN, TAUGHT)
    judgement.add(judged("p1"))
    file = judgement.folder / VERDICTS_FILE
    whole = file.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole + whole[:cut])
        assert [each.prompt for each in judgement.verdicts()] == ["p1"]
        judgement.add(judged("p2", "b"))
        assert [each.prompt for each in judgement.verdicts()] == ["p1", "p2"]


def test_the_last_verdict_about_a_prompt_counts():
    judgement = open_judgement(PLAIN, TAUGHT)
    judgement.add(judged("p1", "a"))
    judgement.add(judged("p1", "b"))
    assert [each.answer for each in judgement.verdicts()] == ["b"]


def test_a_folder_that_cannot_be_written_is_told(home):
    judgement = open_judgement(PLAIN, TAUGHT)
    (judgement.folder / VERDICTS_FILE).mkdir()
    with pytest.raises(DatasetError, match="could not be kept"):
        judgement.add(judged())
    preferences_folder().rename(home / "elsewhere")
    preferences_folder().write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match="cannot be written"):
        open_judgement(PLAIN, TAUGHT)


def test_nothing_is_written_before_there_is_a_preference():
    judgement = open_judgement(PLAIN, TAUGHT)
    judgement.add(judged("p1", "tie"))
    assert judgement.write_dataset() == 0
    assert not (judgement.folder / "data.jsonl").exists()
