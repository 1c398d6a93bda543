"""`companion data`: what is printed, what is written, and what a mistake gets."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from companion.cli import run
from companion.core.dataset_folder import DatasetWriter, read_source
from companion.core.errors import DatasetError
from tests.workshop.data.conftest import talk
from tests.workshop.data.test_cleaning import tale


@pytest.fixture
def forty(tmp_path: Path) -> Path:
    path = tmp_path / "forty.jsonl"
    path.write_text("".join(json.dumps(tale(n, topic="ab"[n % 2])) + "\n" for n in range(40)))
    return path


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "data.jsonl").read_text().splitlines()]


def source(folder: Path) -> dict:
    return tomllib.loads((folder / "source.toml").read_text())


def test_inspect_says_what_is_there(forty, capsys):
    assert run(["data", "inspect", str(forty)]) == 0
    printed = capsys.readouterr().out
    assert "40, 40 replies to learn from" in printed
    assert "Example 3" in printed
    assert "A cleaning would keep 40 of 40 dialogues." in printed


def test_inspect_gives_programs_the_same(forty, tiny_model, capsys):
    assert run(["data", "inspect", str(forty), "--json", "--model", str(tiny_model)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["dialogues"] == found["learned_replies"] == 40
    assert found["files"] == {str(forty): "openai"}
    assert found["roles"]["user"]["turns"] == 40
    assert found["labels"] == {"topic": {"a": 20, "b": 20}}
    assert found["tokens_per_dialogue"]["smallest"] > 20


def test_inspect_names_what_is_no_data(tmp_path, capsys):
    assert run(["data", "inspect", str(tmp_path / "gone.jsonl")]) == 1
    assert "There is no file" in capsys.readouterr().err


def test_clean_lists_and_writes_a_dataset(forty, tmp_path, capsys):
    with forty.open("a") as file:
        file.write(json.dumps(tale(3)) + "\n{broken\n")
    before = forty.read_bytes()
    assert run(["data", "clean", str(forty), "--output", str(tmp_path / "clean"), "--mask", "email,phone"]) == 0
    printed = capsys.readouterr().out
    assert "1 dialogue is a copy of an earlier one." in printed
    assert "1 dialogue cannot be read." in printed
    assert len(lines(tmp_path / "clean")) == 40
    written = source(tmp_path / "clean")
    assert written["dialogues"] == 40
    assert written["origin"] == str(forty)
    assert written["form"] == "openai"
    assert written["steps"][0] == "Cleaned: 40 of 41 dialogues kept (email masked, phone masked)."
    assert forty.read_bytes() == before


def test_a_dry_run_writes_nothing(forty, tmp_path, capsys):
    assert run(["data", "clean", str(forty), "--output", str(tmp_path / "clean"), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 40
    assert not (tmp_path / "clean").exists()


def test_a_dataset_is_never_written_over(forty, tmp_path, capsys):
    folder = str(tmp_path / "clean")
    assert run(["data", "clean", str(forty), "--output", folder]) == 0
    assert run(["data", "clean", str(forty), "--output", folder]) == 1
    assert "There already is a dataset" in capsys.readouterr().err
    assert run(["data", "clean", str(forty)]) == 1
    assert "Name one with --output" in capsys.readouterr().err


def test_split_divides_by_dialogue_and_records_how(forty, tmp_path, capsys):
    folder = tmp_path / "parts"
    arguments = ["data", "split", str(forty), "--output", str(folder), "--held-out", "0.2", "--stratify-by", "topic"]
    assert run([*arguments, "--seed", "7"]) == 0
    train, held = lines(folder / "train"), lines(folder / "held-out")
    assert (len(train), len(held)) == (32, 8)
    assert [each["labels"]["topic"] for each in held].count("a") == 4
    said = [each["messages"][0]["content"] for each in (*train, *held)]
    assert len(set(said)) == 40
    assert "balanced by topic, seed 7" in source(folder / "held-out")["steps"][0]


def test_folds_are_parts_of_about_equal_size(forty, tmp_path, capsys):
    assert run(["data", "split", str(forty), "--output", str(tmp_path / "parts"), "--folds", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parts"] == {f"fold-{n}": 8 for n in range(1, 6)}


def test_what_cannot_be_divided_is_told(tmp_path, capsys):
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(tale(1)) + "\n")
    assert run(["data", "split", str(path), "--output", str(tmp_path / "parts")]) == 1
    assert "One part would have no dialogues." in capsys.readouterr().err
    assert not (tmp_path / "parts").exists()
    assert run(["data", "split", str(path), "--output", str(tmp_path / "parts"), "--folds", "3"]) == 1
    assert "cannot be divided into 3 folds" in capsys.readouterr().err


def test_augment_adds_versions_and_shows_them(forty, tmp_path, capsys):
    arguments = ["data", "augment", str(forty), "--output", str(tmp_path / "more"), "--swap", "0.3", "--turns", "assistant"]
    assert run([*arguments, "--most", "10"]) == 0
    assert "→" in capsys.readouterr().out
    written = lines(tmp_path / "more")
    assert 45 <= len(written) <= 50
    assert "swap 0.3; assistant turns; seed 0" in source(tmp_path / "more")["steps"][0]
    assert written[0]["labels"]["origin"] == written[1]["labels"]["origin"]


def test_augment_says_when_there_is_nothing_to_change(tmp_path, capsys):
    (tmp_path / "short.jsonl").write_text('{"prompt": "Hi", "response": "Hello"}\n')
    assert run(["data", "augment", str(tmp_path / "short.jsonl"), "--shuffle", "--dry-run"]) == 0
    assert "No version was made" in capsys.readouterr().out


def test_augment_does_nothing_unless_asked(forty, tmp_path, capsys):
    assert run(["data", "augment", str(forty), "--output", str(tmp_path / "more")]) == 1
    assert "No method was asked for." in capsys.readouterr().err
    assert not (tmp_path / "more").exists()


def test_the_steps_of_a_dataset_are_passed_on(forty, tmp_path):
    assert run(["data", "clean", str(forty), "--output", str(tmp_path / "clean")]) == 0
    file = tmp_path / "clean" / "source.toml"
    file.write_text(file.read_text().replace('licence = "unknown"', "") + 'licence = "CC BY 4.0"\nconsent = "the authors"\n')
    assert run(["data", "split", str(tmp_path / "clean"), "--output", str(tmp_path / "parts")]) == 0
    written = source(tmp_path / "parts" / "train")
    assert (written["licence"], written["consent"]) == ("CC BY 4.0", "the authors")
    assert len(written["steps"]) == 2


def test_a_source_file_that_makes_no_sense_is_told(tmp_path):
    (tmp_path / "data.jsonl").write_text(json.dumps(talk("Hi!", "Hello.")) + "\n")
    (tmp_path / "source.toml").write_text("name = [")
    with pytest.raises(DatasetError, match="is no description of a dataset"):
        read_source(tmp_path)


def test_an_unfinished_dataset_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), DatasetWriter(tmp_path / "new"):
        raise KeyboardInterrupt
    assert not (tmp_path / "new").exists()
