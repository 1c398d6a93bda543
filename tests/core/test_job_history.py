"""The history of a job from its file, while the file grows, is torn, and is replaced."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from companion.core.job import Evaluated, JobEnded, JobEvent, JobStarted, PartMeasured, Sample, StageBegan, StepDone
from companion.core.job_history import HELD_OUT, JobReader
from companion.core.messages import encode


def step(number: int, loss: float = 1.0) -> StepDone:
    return StepDone(
        step=number, steps=10, epoch=0.1, loss=loss, learning_rate=1e-3, gradient_norm=0.5, tokens=number * 10,
        tokens_per_second=100.0, data_share=0.0, memory_bytes=1000, cpu_percent=90.0, time=100.0 + number,
    )  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def append(file: Path, *events: JobEvent, rest: bytes = b"") -> None:
    with file.open("ab") as out:
        out.write(b"".join(map(encode, events)) + rest)


def test_only_what_is_new_is_read_and_a_torn_line_waits_for_its_rest(file):
    reader = JobReader(file)
    assert not reader.read(), "there is no file yet"
    append(file, JobStarted(pid=1), step(1, 2.0), rest=encode(step(2, 1.5))[:20])
    assert reader.read()
    assert list(reader.history.curve("loss").ys) == [2.0]
    assert not reader.read()
    append(file, rest=encode(step(2, 1.5))[20:])
    before = reader.history
    assert reader.read()
    assert reader.history is before
    assert list(reader.history.curve("loss").ys) == [2.0, 1.5]
    assert list(reader.history.curve("cpu_percent").xs) == [1, 2]


def test_a_file_that_was_replaced_is_read_anew(file):
    append(file, JobStarted(pid=1), step(1), step(2), step(3))
    reader = JobReader(file)
    reader.read()
    other = file.with_name("other")
    append(other, JobStarted(pid=1), step(1), JobStarted(pid=2, resumed_step=1), step(2, 0.5), step(3), step(4), step(5))
    other.replace(file)
    assert reader.read()
    assert list(reader.history.curve("loss").xs) == [1, 2, 3, 4, 5]
    assert reader.history.runs == 2


def test_what_another_version_wrote_is_left_out(file):
    append(file, JobStarted(pid=1), rest=b'{"type":"Unheard","step":3}\nnot json\n\xff\xfe\n')
    append(file, step(1))
    reader = JobReader(file)
    assert reader.read()
    assert len(reader.history.curve("loss")) == 1


def test_measurements_samples_parts_and_the_last_word_are_kept(file):
    said = (Sample(prompt="Hello", reply="Hi"),)
    append(
        file,
        JobStarted(pid=1, time=50.0),
        StageBegan(stage="training", sentence="Learning"),
        Evaluated(step=0, loss=2.0, best=False, samples=said),
        Evaluated(step=5, loss=1.5, best=True, samples=said),
        Evaluated(step=8, loss=1.6, best=False),
        PartMeasured(subject="a", title="Talk", state="done", part=1, parts=2),
        JobEnded(state="interrupted", what="Paused."),
    )
    reader = JobReader(file)
    reader.read()
    history = reader.history
    assert list(history.curve(HELD_OUT).ys) == [2.0, 1.5, 1.6]
    assert (history.first_held_out, history.best_held_out) == (2.0, 1.5)
    assert [len(found.samples) for found in history.samples] == [1, 1, 0]
    assert [part.title for part in history.parts] == ["Talk"]
    assert history.ended is not None
    assert history.began == 50.0
    append(file, JobStarted(pid=2))
    reader.read()
    assert reader.history.ended is None, "it works again"


class Preference(msgspec.Struct, frozen=True, tag="Preference", tag_field="type"):
    """What a later version's training may tell of a step."""

    step: int
    margin: float
    accuracy: float


def test_numbers_of_a_step_of_another_kind_become_curves(file):
    history = JobReader(file).history
    history.add(Preference(step=3, margin=0.25, accuracy=0.75))
    assert list(history.curve("margin").xs) == [3]
    assert list(history.curve("accuracy").ys) == [0.75]


def test_the_time_of_all_runs_is_told_also_of_one_that_was_killed(file):
    history = JobReader(file).history
    for event in (
        JobStarted(pid=1, time=1000),
        JobEnded(state="interrupted", what="", seconds=60, time=1061),
        JobStarted(pid=2, time=5000),
        StageBegan(stage="training", sentence="Training", time=5030),  # then it was killed
        JobStarted(pid=3, time=9000),
        JobEnded(state="done", what="", seconds=20, time=9020),
    ):
        history.add(event)
    assert history.seconds == 110


def test_speed_and_time_left_hold_only_while_it_trains(file):
    reader, seen = JobReader(file), []
    for event in (
        StageBegan(stage="training", sentence="Training"),
        step(1),
        StageBegan(stage="evaluating", sentence="Measuring"),
        JobStarted(pid=1, resumed_step=1),
        StageBegan(stage="loading", sentence="Loading"),
        step(2),
        StageBegan(stage="exporting", sentence="Writing"),
    ):
        append(file, event)
        reader.read()
        seen.append(reader.history.is_training)
    assert seen == [False, True, True, False, False, True, False]
