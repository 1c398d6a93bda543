"""Work on dialogues as the window sees it: real processes, real files."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from companion.app.datasets import Datasets, DatasetWork
from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.dataset_findings import CleaningOptions
from companion.core.dataset_folder import DATA_FILE, dialogue_files, free_dataset_folder, read_source
from companion.core.dataset_messages import (
    AugmentData,
    DatasetRequest,
    ExportData,
    InspectData,
    Inspected,
    MapTopics,
    SplitData,
    TopicsMapped,
    WriteDataset,
    Written,
)
from companion.core.errors import DatasetError
from companion.core.paths import own_datasets_folder, starter_model

DONE_MS = 120_000
TALKS = (
    ("Do you like stars?", "I do. The bright star above the dome is called Vega tonight."),
    ("Which star is that?", "That star is Deneb, high in the sky beside Vega and the dome."),
    ("Can we see planets?", "Jupiter is up in the sky, left of the bright star and the moon."),
    ("What shall I cook?", "Boil the pasta with salt, then fry the garlic in warm butter."),
    ("How long does rice take?", "Boil the rice for twelve minutes, with salt and some butter."),
    ("Is the soup ready?", "Taste it: a little salt is missing, and the garlic needs a minute."),
)


@pytest.fixture
def datasets(qapp) -> Iterator[Datasets]:
    made = Datasets()
    yield made
    made.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Six dialogues, one of them twice."""
    lines = [
        msgspec.json.encode(Dialogue(messages=(DialogueTurn("user", asked), DialogueTurn("assistant", said))))
        for asked, said in (*TALKS, TALKS[0])
    ]
    path = tmp_path / "talks.jsonl"
    path.write_bytes(b"\n".join(lines))
    return path


def outcome(datasets: Datasets, qtbot, request: DatasetRequest) -> Any:
    """What the work ends in: its event, or its two sentences."""
    ends: list[Any] = []
    work = datasets.work(request)
    work.done.connect(ends.append)
    work.failed.connect(lambda what, remedy: ends.append((what, remedy)))
    qtbot.waitUntil(lambda: bool(ends), timeout=DONE_MS)
    return ends[0]


def test_what_is_in_files_is_told_with_what_a_cleaning_would_do(datasets, file, qtbot):
    found = outcome(datasets, qtbot, InspectData(files=(str(file),)))
    assert isinstance(found, Inspected)
    assert (found.inspection.dialogues, found.inspection.kept_by_cleaning) == (7, 6)
    (copies,) = (each for each in found.inspection.findings if each.step == "copies")
    assert "Do you like stars?" in copies.cases[0].before


def test_each_file_is_told_by_itself_and_one_that_is_none_stops_nothing(datasets, file, qtbot, tmp_path):
    with file.open("a", encoding="utf-8") as more:
        more.write('\n{"messages": 7}')
    picture = tmp_path / "picture.jsonl"
    picture.write_bytes(bytes(300))
    found = outcome(datasets, qtbot, InspectData(files=(str(picture), str(file)), each=True, examples=5)).inspection
    assert found.looks[str(file)].dialogues == found.dialogues == 7
    assert found.looks[str(file)].broken == 1
    assert "Line 8" in found.looks[str(file)].problems[0]
    assert "is no text" in found.looks[str(picture)].problems[0]
    assert len(found.examples) == 5
    assert found.source.name == "talks"
    assert sum(bar.count for bar in found.words_per_reply.bars) == 7
    told = outcome(datasets, qtbot, InspectData(files=(str(picture),), each=True))
    assert "is no text" in told[0]


def test_what_is_said_of_a_dataset_stands_before_what_its_source_says(datasets, file, qtbot):
    folder = free_dataset_folder("Two: nights/")
    assert folder.name == "Two-nights"
    said = {"name": "Two nights", "licence": "MIT", "attribution": "Ilse", "consent": "Sam"}
    outcome(datasets, qtbot, WriteDataset(files=(str(file),), output=str(folder), **said))
    source = read_source(folder)
    assert {name: getattr(source, name) for name in said} == said
    assert free_dataset_folder("Two nights").name == "Two-nights (2)"


def test_of_a_folder_the_files_that_may_hold_dialogues_are_taken(tmp_path):
    inside = tmp_path / "all"
    (inside / ".git").mkdir(parents=True)
    for name in ("a.jsonl", "b.pdf", ".hidden.txt", ".git/c.txt", "set/data.jsonl", "set/source.toml"):
        (inside / name).parent.mkdir(exist_ok=True)
        (inside / name).write_text("{}", encoding="utf-8")
    assert dialogue_files([inside]) == (str(inside / "a.jsonl"), str(inside / "set"))
    assert dialogue_files([inside / "set", inside / "b.pdf"]) == (str(inside / "set"), str(inside / "b.pdf"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DatasetError, match="looks like dialogues"):
        dialogue_files([empty])


def test_a_dataset_is_written_cleaned_and_listed(datasets, file, qtbot):
    folder = own_datasets_folder() / "talks"
    with qtbot.waitSignal(datasets.changed, timeout=DONE_MS):
        written = outcome(datasets, qtbot, WriteDataset(files=(str(file),), output=str(folder), cleaning=CleaningOptions()))
    assert isinstance(written, Written)
    assert written.dialogues == 6
    assert [each.folder for each in datasets.own] == [folder]
    assert "6 of 7 dialogues kept" in read_source(folder).steps[0]
    again = outcome(datasets, qtbot, WriteDataset(files=(str(file),), output=str(folder)))
    assert "already is a dataset" in again[0]


def test_dialogues_are_divided_varied_and_exported(datasets, file, qtbot, tmp_path):
    parts = outcome(datasets, qtbot, SplitData(files=(str(file),), output=str(tmp_path / "parts"), held_out=0.3))
    assert {Path(folder).name for folder in parts.sources} == {"train", "held-out"}
    assert parts.dialogues == 7
    shown = outcome(datasets, qtbot, AugmentData(files=(str(file),), swap=0.5, whose="all", most=2))
    assert shown.made == 2
    assert shown.findings[0].cases[0].before != shown.findings[0].cases[0].after
    target = tmp_path / "out.jsonl"
    assert outcome(datasets, qtbot, ExportData(files=(str(file),), output=str(target))).dialogues == 7
    assert msgspec.json.decode(target.read_bytes().splitlines()[3])["messages"][0]["content"] == "What shall I cook?"


def test_the_map_puts_together_what_is_about_the_same(datasets, file, qtbot):
    found = outcome(datasets, qtbot, MapTopics(files=(str(file),), model=str(starter_model())))
    assert isinstance(found, TopicsMapped)
    topics = found.topics
    assert len(topics.points) == topics.read == 7
    assert sum(group.dialogues for group in topics.groups) == 7
    copies = [point for point in topics.points if point.text.startswith("Do you like stars?")]
    assert copies[0] == copies[1]
    assert all(max(abs(point.x), abs(point.y)) <= 1.0001 for point in topics.points)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ((), "No dialogues were named"),
        (("/nowhere.jsonl",), "“/nowhere.jsonl” is not there"),
        (("conversation:77",), "There are no conversations yet"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(datasets, qtbot, files, what):
    told = outcome(datasets, qtbot, InspectData(files=files))
    assert what in told[0]
    assert told[1]


def test_a_stopped_or_killed_piece_of_work_leaves_nothing_half_written(datasets, qtbot, tmp_path):
    line = msgspec.json.encode(Dialogue(messages=(DialogueTurn("user", "a" * 500), DialogueTurn("assistant", "b" * 500))))
    large = tmp_path / "large.jsonl"
    large.write_bytes(b"\n".join([line] * 200_000))

    def begun(name: str) -> tuple[DatasetWork, Path]:
        folder = own_datasets_folder() / name
        work = datasets.work(WriteDataset(files=(str(large),), output=str(folder)))
        qtbot.waitUntil(lambda: any(folder.glob(".data.jsonl.*")), timeout=DONE_MS)
        return work, folder

    work, folder = begun("stopped")
    work.stop()
    assert not folder.exists()
    work, folder = begun("killed")
    with qtbot.waitSignal(work.failed, timeout=DONE_MS) as told:
        os.kill(work.process_id, signal.SIGKILL)
    assert "ended" in told.args[0] or "killed" in told.args[0].lower()
    assert not (folder / DATA_FILE).exists()
    assert not folder.exists()
    export = datasets.work(ExportData(files=(str(large),), output=str(tmp_path / "out.jsonl")))
    qtbot.waitUntil(lambda: any(tmp_path.glob(".out.jsonl.*")), timeout=DONE_MS)
    export.stop()
    assert not any(tmp_path.glob(".out.jsonl.*"))
