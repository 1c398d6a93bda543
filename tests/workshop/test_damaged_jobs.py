"""Jobs with a full disk, damaged files or a deleted folder: each ends in a sentence, and what can be saved is saved."""

from __future__ import annotations

import json
import resource
import shutil
from pathlib import Path

import pytest
import torch

from companion.core.adapter import read_adapter
from companion.core.job import Evaluated, JobStarted, OutputWritten, PlanMade, StageBegan, StepDone, Trouble
from companion.core.job_folder import JobFolder
from companion.workshop.job import Wishes
from companion.workshop.training.checkpoints import best_file
from companion.workshop.training.plan import FILE
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import curve, ended, of_kind, small_job, work_here


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("base") / "tiny.gguf")


def work_on_a_small_disk(job: JobFolder, then, wishes: Wishes | None = None) -> list:
    """`then` may fill the disk; there is room again before anything else is written, such as the output of this test run."""
    try:
        return work_here(job, then, wishes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def fill_the_disk(job: JobFolder) -> None:
    """No file may grow beyond the size of the history, which is far below that of a checkpoint."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (job.events_file.stat().st_size, resource.RLIM_INFINITY))


def paused(model: Path, dialogues: Path, step: int, *changes: str) -> JobFolder:
    """A job with checkpoints of this step and the one before."""
    job = small_job(model, dialogues, "watch.checkpoint_steps=1", "watch.samples=0", *changes)
    wishes = Wishes(job.cancel_mark)
    work_here(job, lambda event: wishes.pause() if isinstance(event, StepDone) and event.step == step else None, wishes)
    assert {path.name for path in job.checkpoints.glob("step-*")} == {f"step-{step}.pt", f"step-{step - 1}.pt"}
    return job


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def of_another_form(path: Path) -> None:
    torch.save({"form": 0}, path)


def cancelled(job: JobFolder) -> list:
    wishes = Wishes(job.cancel_mark)
    wishes.cancel()
    return work_here(job, wishes=wishes)


def test_a_disk_that_is_full_at_the_first_checkpoint_is_not_said_to_hold_one(model, dialogues):
    job = small_job(model, dialogues, "watch.samples=0")
    wishes = Wishes(job.cancel_mark)

    def fill_then_pause(event):
        if isinstance(event, StageBegan) and event.stage == "evaluating":
            fill_the_disk(job)
        if isinstance(event, StepDone) and event.step == 2:
            wishes.pause()

    events = work_on_a_small_disk(job, fill_then_pause, wishes)
    (trouble,) = of_kind(events, Trouble)
    assert (trouble.kind, trouble.step) == ("disk", 0)
    assert "there is no checkpoint to resume from" in trouble.remedy
    assert ended(events).state == "interrupted"
    assert "no checkpoint of that could be written, so it will go on from step 0" in ended(events).what


def test_a_disk_that_is_full_later_names_the_checkpoint_that_is_whole(model, dialogues):
    job = small_job(model, dialogues, "watch.samples=0", "watch.checkpoint_steps=1", "watch.evaluations=1")
    events = work_on_a_small_disk(
        job, lambda event: fill_the_disk(job) if isinstance(event, StepDone) and event.step == 3 else None
    )
    assert "the checkpoint of step 2 is whole" in of_kind(events, Trouble)[0].remedy


def test_a_learning_rate_far_too_high_is_called_divergence(model, dialogues):
    events = work_here(small_job(model, dialogues, "optimizer.learning_rate=100", "training.epochs=30", "training.patience=0"))
    assert [trouble.kind for trouble in of_kind(events, Trouble)] == ["divergence"]


@pytest.mark.parametrize(
    ("template", "words"),
    [(None, "has no chat template"), ("{{ nonsense( }}", "has a chat template that cannot be used")],
)
def test_the_plan_says_when_a_model_brings_no_chat_template(template, words, dialogues, tmp_path):
    path = write_tiny_llama(tmp_path / "base.gguf", template=template)
    (plan,) = of_kind(work_here(small_job(path, dialogues, dry_run=True)), PlanMade)
    assert any(words in sentence and "“ChatML”" in sentence for sentence in plan.sentences)


def test_nothing_is_said_of_a_template_that_can_be_used_and_ineffective_values_are_named(model, dialogues):
    job = small_job(model, dialogues, "optimizer.name=lbfgs", "optimizer.clip_norm=0.5", "adapter.lora_plus=4", dry_run=True)
    (plan,) = of_kind(work_here(job), PlanMade)
    assert not any("template" in sentence for sentence in plan.sentences)
    told = " ".join(sentence for sentence in plan.sentences if "has no effect" in sentence)
    assert "optimizer.clip_norm" in told
    assert "adapter.lora_plus" in told


def test_a_measurement_is_announced_before_it_is_made(model, dialogues):
    said = [event for event in work_here(small_job(model, dialogues)) if isinstance(event, StageBegan | Evaluated | StepDone)]
    first = next(number for number, event in enumerate(said) if isinstance(event, Evaluated))
    assert (said[first - 1].stage, said[first - 1].sentence) == ("evaluating", "Measuring the held-out loss before training")
    for number, event in enumerate(said):
        if isinstance(event, Evaluated) and event.step:
            assert said[number - 1].sentence == f"Measuring the held-out loss after step {event.step}"


@pytest.mark.parametrize("damage", [cut, flip, of_another_form], ids=lambda damage: damage.__name__)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(damage, model, dialogues):
    undisturbed = small_job(model, dialogues, "watch.samples=0")
    work_here(undisturbed)
    job = paused(model, dialogues, 5)
    damage(job.checkpoint_file(5))
    events = work_here(job)
    assert of_kind(events, JobStarted)[0].resumed_step == 4
    (trouble,) = of_kind(events, Trouble)
    assert (trouble.kind, "“step-5.pt”" in trouble.what) == ("checkpoint", True)
    assert trouble.remedy == "That of step 4 is taken instead."
    assert ended(events).state == "done"
    assert curve(job) == curve(undisturbed)
    assert not list(job.checkpoints.iterdir())


def test_without_any_good_checkpoint_it_begins_anew(model, dialogues):
    undisturbed = small_job(model, dialogues, "watch.samples=0")
    work_here(undisturbed)
    job = paused(model, dialogues, 5)
    for path in job.checkpoints.iterdir():
        cut(path)
    events = work_here(job)
    assert of_kind(events, JobStarted)[0].resumed_step == 0
    assert [trouble.remedy for trouble in of_kind(events, Trouble)] == ["There is no other, so it begins anew."] * 2
    assert ended(events).state == "done"
    assert curve(job) == curve(undisturbed)


def test_cancel_keeps_what_the_checkpoint_before_a_damaged_one_holds(model, dialogues):
    job = paused(model, dialogues, 5, "watch.evaluations=1")
    cut(job.checkpoint_file(5))
    events = cancelled(job)
    assert ended(events).state == "cancelled"
    assert "step 4" in ended(events).what
    assert read_adapter(Path(of_kind(events, OutputWritten)[0].file)).metrics["steps"] == 4


def test_cancel_works_without_any_good_checkpoint(model, dialogues):
    job = paused(model, dialogues, 5)
    for path in job.checkpoints.iterdir():
        cut(path)
    assert ended(cancelled(job)).state == "cancelled"
    assert not list(job.output.iterdir())


def test_best_weights_that_are_damaged_give_way_to_those_of_the_checkpoint(model, dialogues):
    job = paused(model, dialogues, 5, "watch.evaluations=5", "training.steps=10")
    cut(best_file(job.checkpoints, 4))
    events = cancelled(job)
    assert "“best-4.pt”" in of_kind(events, Trouble)[0].what
    assert ended(events).state == "cancelled"
    assert of_kind(events, OutputWritten)[0].metrics["steps"] == 5


@pytest.mark.parametrize("end", [work_here, cancelled])
def test_a_damaged_plan_and_damaged_data_are_made_again(end, model, dialogues):
    job = paused(model, dialogues, 5)
    (job.path / FILE).write_text("{")
    for path in (job.path / "data").iterdir():
        cut(path)
    events = end(job)
    assert ended(events).state == ("done" if end is work_here else "cancelled")
    assert of_kind(events, OutputWritten)


def test_a_checkpoint_that_another_recipe_wrote_is_told_in_a_sentence(model, dialogues):
    job = paused(model, dialogues, 5)
    told = json.loads(job.recipe_file.read_bytes())
    told["optimizer"]["name"] = "muon"
    job.recipe_file.write_text(json.dumps(told))
    assert "another version of the recipe" in ended(work_here(job)).what


@pytest.mark.parametrize(
    "stage", ["checking", "data", "loading", "measuring", "training", "evaluating", "exporting", "verifying"]
)
def test_a_job_whose_folder_is_deleted_ends_and_does_not_bring_it_back(stage, model, dialogues, tmp_path):
    job = small_job(model, dialogues, "watch.samples=0", output=str(tmp_path / "hers.gguf"))
    where = []

    def delete(event):
        if isinstance(event, StageBegan) and event.stage == stage and not where:
            where.append(event)
            shutil.rmtree(job.path)

    events = work_here(job, delete)
    assert (ended(events).state, where[0].stage) == ("failed", stage)
    assert "is gone" in ended(events).what
    assert "resume" not in ended(events).remedy
    assert not job.path.exists()
    assert list(tmp_path.glob("*.gguf")) == []


def test_a_folder_deleted_between_two_steps_ends_the_job_without_trouble(model, dialogues):
    job = small_job(model, dialogues, "watch.checkpoint_steps=1")
    events = work_here(job, lambda event: shutil.rmtree(job.path) if isinstance(event, StepDone) and event.step == 3 else None)
    assert of_kind(events, StepDone)[-1].step == 3
    assert of_kind(events, Trouble) == []
    assert "is gone" in ended(events).what
    assert not job.path.exists()


def test_a_job_that_lost_its_recipe_alone_goes_on(model, dialogues):
    job = small_job(model, dialogues)
    events = work_here(job, lambda event: job.recipe_file.unlink(missing_ok=True) if isinstance(event, StepDone) else None)
    assert ended(events).state == "done"
    assert list(job.output.iterdir())
