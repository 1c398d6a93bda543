"""A student learns from its teacher: a real job on tiny models, and on the starter model itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from companion.core.adapter import RECIPE, read_adapter
from companion.core.dataset import Dialogue
from companion.core.errors import RecipeError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header
from companion.core.job import DataReady, Evaluated, JobOrder, OutputWritten, PlanMade, StageProgress, StepDone
from companion.core.job_folder import JobFolder, create_job
from companion.core.paths import models_folder
from companion.core.recipes.distill import Distill, refuse_impossible
from companion.core.recipes.evaluate import Evaluate, Replies
from companion.core.recipes.files import with_changes
from companion.workshop.evaluation.family import Prompt
from companion.workshop.evaluation.opened import open_subjects
from companion.workshop.evaluation.replies import answer
from companion.workshop.job import Wishes
from companion.workshop.recipes.teacher_file import TEACHER_SHA256
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import QUICK, curve, ended, of_kind, small_job, work_here

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    """A tiny model of four layers."""
    return write_tiny_llama(tmp_path_factory.mktemp("teacher") / "teacher.gguf", layers=4, name="Teacher", type="Q8_0")


@pytest.fixture(scope="module")
def narrow(tmp_path_factory) -> Path:
    """A smaller model with the teacher's vocabulary that claims to be a build of another one."""
    path = tmp_path_factory.mktemp("student") / "narrow.gguf"
    return write_tiny_llama(path, width=32, ffn=64, heads=4, seed=5, name="Narrow", metadata={BASE_SHA256: "ab" * 32})


def job_of(teacher: Path, data: Path, *changes: str, student: Path | None = None, **order: object) -> JobFolder:
    recipe = Distill(teacher=str(teacher), model=str(student or ""), data_files=(str(data),), name="Mira")
    layers = () if student else ("student.layers=2",)
    return create_job(with_changes(recipe, [*QUICK, "optimizer.learning_rate=0.003", *layers, *changes]), JobOrder(**order))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_student_of_the_teachers_own_layers_becomes_a_model_that_is_like_it(teacher, dialogues, tmp_path, method):
    output = tmp_path / "mira.gguf"
    job = job_of(teacher, dialogues, f"adapter.method={method}", "distillation.share=1", output=str(output))
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    measured = of_kind(events, Evaluated)
    assert measured[-1].divergence < 0.8 * measured[0].divergence
    (written,) = of_kind(events, OutputWritten)
    assert (written.file, written.kind) == (str(output), "model")
    best = min(measured[1:], key=lambda event: event.divergence)
    assert best.best
    assert written.metrics["divergence"] == pytest.approx(best.divergence, rel=1e-4)
    assert written.metrics["divergence_before"] == pytest.approx(measured[0].divergence, rel=1e-4)
    assert written.metrics["llama_cpp_loss"] == pytest.approx(written.metrics["torch_loss"], rel=0.01)
    for said in (
        f"from {measured[0].divergence:.3f} to {best.divergence:.3f} nats",
        f"teacher’s is {written.metrics['teacher_loss']:.3f}",
    ):
        assert said in ended(events).what
    header = read_header(output)
    assert (header.layers, header.name, header.text(TEACHER_SHA256)) == (2, "Mira", file_sha256(teacher))
    assert BASE_SHA256 not in header.metadata
    assert not [path.name for path in job.output.iterdir() if path.name != "Mira.gguf"]


def test_all_of_a_smaller_model_learns_and_is_a_model_of_its_own(teacher, narrow, dialogues):
    changes = ("adapter.method=full", "distillation.hidden=1", "distillation.direction=reverse", "distillation.temperature=2")
    events = work_here(job_of(teacher, dialogues, *changes, student=narrow))
    assert ended(events).state == "done", ended(events)
    measured = of_kind(events, Evaluated)
    assert measured[-1].divergence < measured[0].divergence
    header = read_header(Path(of_kind(events, OutputWritten)[0].file))
    assert header.text(TEACHER_SHA256) == file_sha256(teacher)
    assert BASE_SHA256 not in header.metadata
    assert not [tensor.name for tensor in header.tensors if "map" in tensor.name]


def test_an_adapter_of_a_student_suits_that_student_and_names_the_teacher(teacher, narrow, dialogues):
    changes = ("adapter.method=lora", "distillation.hidden=1", "distillation.hidden_distance=mse")
    events = work_here(job_of(teacher, dialogues, *changes, student=narrow))
    assert ended(events).state == "done", ended(events)
    (written,) = of_kind(events, OutputWritten)
    assert written.kind == "adapter"
    info = read_adapter(Path(written.file))
    assert info.base_sha256 == file_sha256(narrow)
    header = read_header(Path(written.file), chat_model=False)
    assert header.text(TEACHER_SHA256) == file_sha256(teacher)
    told = msgspec.json.decode(header.text(RECIPE))
    assert (told["kind"], told["teacher"], told["model"]) == ("distill", teacher.name, narrow.name)
    assert str(teacher.parent) not in header.text(RECIPE)


@pytest.mark.parametrize(
    "changes",
    [
        ("machine.weights=packed", "adapter.method=lora"),
        ("machine.checkpoint_layers=on",),
        ("machine.threads=2", "adapter.method=lora"),
    ],
    ids=["packed", "checkpoint", "lanes"],
)
def test_other_ways_to_compute_it(teacher, dialogues, changes):
    events = work_here(job_of(teacher, dialogues, "watch.samples=0", "distillation.hidden=0.5", *changes))
    assert ended(events).state == "done", ended(events)
    measured = of_kind(events, Evaluated)
    assert measured[-1].divergence < measured[0].divergence
    packed = "packed" in changes[0]
    (plan,) = of_kind(events, PlanMade)
    assert f"The teacher’s weights {'stay packed as in the file' if packed else 'are unpacked once'}." in plan.sentences


def test_a_pause_and_a_resume_change_nothing(teacher, narrow, dialogues):
    changes = (
        "training.epochs=4",
        "watch.checkpoint_steps=1",
        "distillation.hidden=1",
        "adapter.method=lora",
        "adapter.dropout=0.1",
    )
    straight, paused = (job_of(teacher, dialogues, *changes, student=narrow) for _ in range(2))
    assert ended(work_here(straight)).state == "done"
    wishes = Wishes(paused.cancel_mark)

    def pause_after_four(event) -> None:
        if isinstance(event, StepDone) and event.step == 4:
            wishes.pause()

    assert ended(work_here(paused, pause_after_four, wishes)).state == "interrupted"
    assert ended(work_here(paused)).state == "done"
    assert curve(paused) == curve(straight)
    apart = [[event.divergence for event in job.events() if isinstance(event, Evaluated)] for job in (straight, paused)]
    assert apart[0] == apart[1]


def test_kills_leave_the_curve_as_it_would_have_been(teacher, dialogues):
    changes = ("training.epochs=6", "training.patience=0", "adapter.method=lora")
    undisturbed = job_of(teacher, dialogues, *changes)
    assert ended(work_here(undisturbed)).state == "done"
    killed = job_of(teacher, dialogues, *changes, "watch.checkpoint_steps=1")
    command = [sys.executable, "-m", "tests.workshop.killed_jobs", str(killed.path), "4", "3"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert result.stdout.split() == ["4", "5"], result.stderr[-1000:]
    assert killed.summary().state == "done"
    assert curve(killed) == curve(undisturbed)
    ours, theirs = (job.output / "Mira.gguf" for job in (killed, undisturbed))
    assert ours.read_bytes() == theirs.read_bytes()


def test_another_teacher_than_before_is_refused(tmp_path, dialogues):
    path = write_tiny_llama(tmp_path / "teacher.gguf", layers=3)
    job = job_of(path, dialogues, "watch.checkpoint_steps=1")
    wishes = Wishes(job.cancel_mark)
    assert (
        ended(work_here(job, lambda event: wishes.pause() if isinstance(event, StepDone) else None, wishes)).state
        == "interrupted"
    )
    write_tiny_llama(path, layers=3, seed=9)
    last = ended(work_here(job))
    assert last.state == "failed"
    assert "“teacher.gguf” is not the file that this job began with" in last.what


def test_another_vocabulary_is_refused_with_the_way_that_works(teacher, tmp_path, dialogues):
    other = write_tiny_llama(tmp_path / "other.gguf", vocabulary=400)
    last = ended(work_here(job_of(teacher, dialogues, student=other)))
    assert last.state == "failed"
    assert "another vocabulary" in last.what
    assert "distillation.way=replies" in last.remedy


def test_more_layers_than_the_teacher_has_are_refused(teacher, dialogues):
    last = ended(work_here(job_of(teacher, dialogues, "student.layers=4")))
    assert last.state == "failed"
    assert "“Teacher” has 4 layers" in last.what


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (("teacher=",), "No teacher"),
        (("student.layers=0",), "No student"),
        (("model=small.gguf",), "Two students"),
        (("distillation.share=0",), "share of 0"),
        (("distillation.share=0", "distillation.way=replies"), "share of 0"),
        (("distillation.way=replies", "distillation.hidden=1"), "hidden states"),
    ],
)
def test_what_cannot_be_distilled_is_refused(changes, what):
    recipe = Distill(teacher="teacher.gguf", student=replace(Distill().student, layers=2))
    refuse_impossible(with_changes(recipe, ["distillation.share=0", "distillation.hidden=1"]))
    with pytest.raises(RecipeError, match=what) as caught:
        refuse_impossible(with_changes(recipe, list(changes)))
    assert caught.value.remedy


SAID = ("training.steps=1", "distillation.way=replies", "distillation.reply_tokens=30", "watch.samples=0", "adapter.method=lora")


@pytest.fixture(scope="module")
def answering(dialogues, tmp_path_factory) -> Path:
    """A tiny teacher that learned to answer in a few words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPANION_HOME", str(tmp_path_factory.mktemp("home")))
        model = write_tiny_llama(tmp_path_factory.mktemp("answering") / "model.gguf", layers=3)
        changes = ("adapter.method=full", "optimizer.learning_rate=0.004", "training.epochs=16", "data.held_out=0")
        events = work_here(small_job(model, dialogues, *changes))
        return Path(of_kind(events, OutputWritten)[0].file)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Path:
    """A tiny model of another vocabulary."""
    return write_tiny_llama(tmp_path_factory.mktemp("stranger") / "stranger.gguf", vocabulary=400)


def messages_of(file: Path) -> list[tuple]:
    return [msgspec.json.decode(line, type=Dialogue).messages for line in file.read_bytes().splitlines()]


def test_a_student_of_another_vocabulary_learns_what_the_teacher_writes(answering, stranger, dialogues):
    job = job_of(answering, dialogues, *SAID, student=stranger)
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    own, written = messages_of(dialogues), messages_of(job.path / "replies" / "data.jsonl")
    pairs = [(turn, other) for one, two in zip(own, written, strict=True) for turn, other in zip(one, two, strict=True)]
    assert all(turn == other for turn, other in pairs if turn.role == "user")
    replies = [(turn, other) for turn, other in pairs if turn.role == "assistant"]
    changed = sum(turn != other for turn, other in replies)
    assert changed > len(replies) / 2
    taken = int(ended(events).what.split("The teacher wrote ")[1].split()[0])
    assert changed <= taken <= len(replies)
    assert of_kind(events, DataReady)[0].dialogues + of_kind(events, DataReady)[0].held_out == 24
    assert of_kind(events, Evaluated)[0].divergence is None
    info = read_adapter(Path(of_kind(events, OutputWritten)[0].file))
    assert info.base_sha256 == file_sha256(stranger)


def test_the_replies_are_what_the_teacher_says_to_that_history(answering, stranger, dialogues):
    """Of a dialogue of several turns the last one is asked for again, alone."""
    job = job_of(answering, dialogues, *SAID, student=stranger)
    work_here(job)
    own, written = messages_of(dialogues), messages_of(job.path / "replies" / "data.jsonl")
    long = max((two for one, two in zip(own, written, strict=True) if one[-1] != two[-1]), key=len)
    assert len(long) > 3
    with open_subjects(Evaluate(subjects=((str(answering),),))) as (subjects, _):
        asking = Replies(sampling="greedy", tokens=30)
        (reply,) = answer(subjects[0], [Prompt("again", Dialogue(messages=long[:-1]))], asking, 0, lambda share: None)
    assert reply.text == long[-1].content


def test_replies_that_were_written_are_not_written_again(answering, stranger, dialogues, monkeypatch):
    monkeypatch.setattr("companion.workshop.recipes.teacher_replies.AT_ONCE", 10)
    straight, paused = (job_of(answering, dialogues, *SAID, student=stranger) for _ in range(2))
    wishes = Wishes(paused.cancel_mark)

    def pause_in_the_second_part(event) -> None:
        if isinstance(event, StageProgress) and event.fraction > 10 / 24:
            wishes.pause()

    assert ended(work_here(paused, pause_in_the_second_part, wishes)).state == "interrupted"
    (part,) = (paused.path / "replies").glob("part-*.json")
    before = part.stat().st_mtime_ns
    assert ended(work_here(paused)).state == "done"
    assert part.stat().st_mtime_ns == before
    work_here(straight)
    assert messages_of(paused.path / "replies" / "data.jsonl") == messages_of(straight.path / "replies" / "data.jsonl")


def test_a_share_of_the_dialogues_keeps_its_own_replies(answering, stranger, dialogues):
    job = job_of(answering, dialogues, *SAID, "distillation.share=0.4", student=stranger)
    assert ended(work_here(job)).state == "done"
    pairs = zip(messages_of(dialogues), messages_of(job.path / "replies" / "data.jsonl"), strict=True)
    assert 8 <= sum(one == other for one, other in pairs) <= 20


def test_a_teacher_that_writes_nothing_of_use_is_a_sentence(tmp_path, dialogues):
    endless = write_tiny_llama(tmp_path / "endless.gguf", layers=3, ends=False)
    last = ended(work_here(job_of(endless, dialogues, "distillation.way=replies", "distillation.reply_tokens=4")))
    assert last.state == "failed"
    assert "replies that the teacher wrote could be taken" in last.what
    assert "reply_tokens" in last.remedy


def test_a_dry_run_of_replies_writes_none(teacher, dialogues):
    job = job_of(teacher, dialogues, "distillation.way=replies", dry_run=True)
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    assert of_kind(events, PlanMade)
    assert not (job.path / "replies").exists()


@pytest.mark.slow  # 40 to 50 seconds
def test_the_starter_with_some_layers_less_comes_near_to_itself_again(starter, tmp_path):
    """Real weights, real words: a few steps of what all 30 layers think teach 24 of them."""
    data = models_folder() / "calibration" / "dialogues.jsonl"
    lines = data.read_text(encoding="utf-8").splitlines()[:40]
    some = tmp_path / "some.jsonl"
    some.write_text("\n".join(lines), encoding="utf-8")
    recipe = with_changes(
        Distill(teacher=str(starter), data_files=(str(some),), name="less"),
        [
            "student.layers=24",
            "training.steps=6",
            "training.tokens_per_step=512",
            "data.longest=128",
            "data.most_held_out=4",
            "machine.micro_batch_tokens=512",
            "watch.evaluations=1",
            "watch.samples=0",
        ],
    )
    events = work_here(create_job(recipe, JobOrder()))
    assert ended(events).state == "done", ended(events)
    first, last = of_kind(events, Evaluated)
    assert last.divergence < 0.85 * first.divergence
    assert read_header(Path(of_kind(events, OutputWritten)[0].file)).layers == 24
