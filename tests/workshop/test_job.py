"""A job from its folder to its last word: what it leaves, how it is ended, and that ending it costs nothing."""

from __future__ import annotations

import errno
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from companion.core.adapter import read_adapter
from companion.core.errors import WorkshopError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import read_header
from companion.core.job import (
    CheckpointWritten,
    DataReady,
    Evaluated,
    JobStarted,
    OutputWritten,
    PlanMade,
    StageBegan,
    StageProgress,
    StepDone,
    Trouble,
)
from companion.core.job_folder import find_job
from companion.workshop.client import JobDied, JobProcess
from companion.workshop.job import Wishes
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes import result
from companion.workshop.training import kept_checkpoints
from tests.tiny_models import write_tiny_llama, write_unknown_architecture
from tests.workshop.small_jobs import curve, ended, of_kind, small_job, work_here, write_dialogues

ROOT = Path(__file__).parents[2]


def tensors(adapter: Path) -> dict[str, np.ndarray]:
    weights = GGUFWeights(read_header(adapter, chat_model=False))
    return {name: weights.packed(name).data.numpy().copy() for name in weights.names}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("base") / "tiny.gguf")


def test_a_job_learns_and_leaves_an_adapter_that_llama_cpp_verified(model, dialogues, tmp_path):
    wanted = tmp_path / "wanted.gguf"
    job = small_job(model, dialogues, output=str(wanted))
    events = work_here(job)
    assert [event.stage for event in of_kind(events, StageBegan)] == [
        "checking", "data", "loading", "measuring", "training", *["evaluating"] * 4, "exporting", "verifying",
    ]  # fmt: skip
    assert ended(events).state == "done"
    assert of_kind(events, DataReady)[0].held_out > 0
    measured = of_kind(events, Evaluated)
    assert measured[0].step == 0
    assert measured[-1].loss < measured[0].loss - 1
    assert all(event.samples[0].prompt for event in measured)
    made = of_kind(events, OutputWritten)[0]
    assert made.file == str(wanted)
    assert made.metrics["llama_cpp_loss"] == pytest.approx(made.metrics["torch_loss"], rel=0.01)
    info = read_adapter(wanted)
    assert info.base_sha256 == file_sha256(model)
    assert info.metrics["held_out_loss"] == pytest.approx(made.metrics["held_out_loss"], rel=1e-4)
    assert [path.name for path in job.output.iterdir()] == ["small.gguf"]
    kept = [event for event in events if not isinstance(event, StageProgress)]
    assert list(job.events()) == kept, "the history is what was said"
    summary = job.summary()
    assert (summary.state, summary.step, summary.steps) == ("done", summary.steps, of_kind(events, PlanMade)[0].steps)
    assert find_job("small").id == job.id


def test_twenty_kills_leave_the_loss_curve_and_the_adapter_as_they_would_have_been(model, dialogues):
    changes = ("training.epochs=25", "adapter.dropout=0.1", "loss.neftune=5", "training.patience=0")
    undisturbed = small_job(model, dialogues, *changes)
    assert ended(work_here(undisturbed)).state == "done"
    killed = small_job(model, dialogues, *changes, "watch.checkpoint_steps=1")
    command = [sys.executable, "-m", "tests.workshop.killed_jobs", str(killed.path), "20", "7"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    kills, attempts = result.stdout.split()
    assert (int(kills), int(attempts)) == (20, 21), result.stderr[-1000:]
    assert killed.summary().state == "done"
    assert curve(killed) == curve(undisturbed)
    ours, theirs = (tensors(next(job.output.glob("*.gguf"))) for job in (killed, undisturbed))
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    assert ours.keys() == theirs.keys()


def test_a_closed_pipe_pauses_the_job_and_it_goes_on_as_if_nothing_had_happened(model, dialogues):
    undisturbed, paused = (small_job(model, dialogues) for _ in range(2))
    work_here(undisturbed)
    with JobProcess(paused) as process:
        for event in process.events():
            if isinstance(event, StepDone):
                break
    assert process.process.returncode == 0
    assert paused.summary().state == "interrupted"
    assert f"companion jobs resume {paused.id}" in paused.summary().remedy
    again = work_here(paused)
    assert of_kind(again, JobStarted)[0].resumed_step > 0
    assert not of_kind(again, PlanMade), "the plan is made once"
    assert curve(paused) == curve(undisturbed)


def test_a_pause_in_the_middle_of_a_measurement_measures_again(model, dialogues):
    undisturbed, paused = (small_job(model, dialogues) for _ in range(2))
    work_here(undisturbed)
    wishes = Wishes(paused.cancel_mark)
    steps = undisturbed.summary().steps
    due = round(steps / 3)

    def pause_when_measuring(event):
        if isinstance(event, StepDone) and event.step == due:
            wishes.pause()

    assert ended(work_here(paused, pause_when_measuring, wishes)).state == "interrupted"
    assert paused.resumable_step() == due
    work_here(paused)
    assert curve(paused) == curve(undisturbed)


def test_cancel_keeps_the_best_checkpoint(model, dialogues):
    job = small_job(model, dialogues, "training.epochs=50", "watch.evaluations=25")
    wishes = Wishes(job.cancel_mark)
    events = work_here(job, lambda event: wishes.cancel() if getattr(event, "best", False) else None, wishes)
    best = of_kind(events, Evaluated)[-1]
    assert best.best
    assert ended(events).state == "cancelled"
    made = of_kind(events, OutputWritten)[0]
    assert made.metrics["steps"] == best.step
    assert made.metrics["held_out_loss"] == pytest.approx(best.loss, rel=1e-4)
    assert not list(job.checkpoints.iterdir())


def test_a_paused_job_can_be_cancelled_and_still_gives_its_adapter(model, dialogues):
    job = small_job(model, dialogues)
    wishes = Wishes(job.cancel_mark)
    work_here(job, lambda event: wishes.pause() if getattr(event, "best", False) else None, wishes)
    wishes = Wishes(job.cancel_mark)
    wishes.cancel()
    events = work_here(job, wishes=wishes)
    assert not of_kind(events, StepDone)
    assert ended(events).state == "cancelled"
    assert read_adapter(Path(of_kind(events, OutputWritten)[0].file))


def test_a_job_cancelled_before_it_learned_anything_leaves_nothing(model, dialogues):
    job = small_job(model, dialogues)
    wishes = Wishes(job.cancel_mark)
    wishes.cancel()
    assert ended(work_here(job, wishes=wishes)).state == "cancelled"
    assert not list(job.output.iterdir())


def test_only_one_process_works_on_a_job_and_a_lock_left_by_a_dead_one_is_stale(model, dialogues):
    job = small_job(model, dialogues, "training.steps=100000")
    with JobProcess(job) as first:
        events = first.events()
        next(event for event in events if isinstance(event, StageBegan))
        assert job.worker() == first.process.pid
        assert job.summary().state == "running"
        refused = ended(work_here(job))
        assert (refused.state, "Another process" in refused.what) == ("failed", True)
        first.kill()
        with pytest.raises(JobDied, match=r"ended at once.*jobs resume"):
            list(events)
    assert job.worker() == 0
    assert job.summary().state == "interrupted"
    wishes = Wishes(job.cancel_mark)
    wishes.pause()
    assert ended(work_here(job, wishes=wishes)).state == "interrupted"


def test_a_mark_in_the_folder_cancels_a_running_job(model, dialogues):
    job = small_job(model, dialogues, "training.epochs=400", "watch.evaluations=1")
    events = work_here(job, lambda event: job.cancel_mark.touch() if isinstance(event, StepDone) else None)
    assert ended(events).state == "cancelled"
    assert of_kind(events, StepDone)[-1].step < of_kind(events, PlanMade)[0].steps
    assert not job.cancel_mark.exists()


def test_what_comes_after_the_checkpoint_is_forgotten_and_a_torn_line_does_no_harm(model, dialogues):
    job = small_job(model, dialogues)
    wishes = Wishes(job.cancel_mark)
    work_here(job, lambda event: wishes.pause() if isinstance(event, StepDone) else None, wishes)
    step = job.resumable_step()
    with job.events_file.open("ab") as file:
        file.write(b'{"type":"StepDone","step":%d,"steps":9' % (step + 1))
    work_here(job)
    steps = [event.step for event in job.events() if isinstance(event, StepDone)]
    assert steps == sorted(set(steps))
    assert steps[-1] == job.summary().steps


def test_a_full_disk_at_a_checkpoint_is_told_and_the_training_goes_on(model, dialogues):
    job = small_job(model, dialogues, "training.epochs=6", "watch.evaluations=6")
    written = []

    def fill_and_empty_the_disk(event):
        if isinstance(event, CheckpointWritten):
            written.append(event.step)
            if len(written) == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, (job.events_file.stat().st_size, resource.RLIM_INFINITY))
        if isinstance(event, Trouble):
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            assert job.resumable_step() == written[-1], "the checkpoint before is still there"
            assert not list(job.checkpoints.glob(".*.part"))

    try:
        events = work_here(job, fill_and_empty_the_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert [trouble.kind for trouble in of_kind(events, Trouble)] == ["disk"]
    assert len(written) > 3, "later ones are written again"
    assert ended(events).state == "done"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.unlink(), "is not there"),
        (write_unknown_architecture, "cannot be trained"),
        (lambda path: path.write_bytes(b"GGUF"), "incomplete"),
    ],
)
def test_a_base_that_cannot_be_trained_is_refused_in_a_sentence(dialogues, tmp_path, spoil, sentence):
    path = write_tiny_llama(tmp_path / "base.gguf")
    job = small_job(path, dialogues)
    spoil(path)
    last = ended(work_here(job))
    assert last.state == "failed"
    assert sentence in last.what or sentence in last.remedy
    assert not list(job.output.iterdir())


def test_another_base_than_the_job_began_with_is_refused(dialogues, tmp_path):
    path = write_tiny_llama(tmp_path / "base.gguf")
    job = small_job(path, dialogues)
    wishes = Wishes(job.cancel_mark)
    work_here(job, lambda event: wishes.pause() if isinstance(event, StepDone) else None, wishes)
    write_tiny_llama(path, seed=1)
    last = ended(work_here(job))
    assert last.state == "failed"
    assert "not the file that this job began with" in last.what


def test_weights_that_are_no_numbers_are_found_before_the_first_step(dialogues, tmp_path):
    path = write_tiny_llama(tmp_path / "base.gguf")
    content = bytearray(path.read_bytes())
    content[-64:] = np.full(16, np.nan, np.float32).tobytes()
    path.write_bytes(content)
    job = small_job(path, dialogues)
    events = work_here(job)
    assert "not a number" in ended(events).what
    assert not of_kind(events, StepDone)


def test_a_loss_that_stops_being_a_number_ends_the_job_at_the_last_good_checkpoint(model, dialogues):
    job = small_job(
        model, dialogues, "optimizer.name=sgd", "optimizer.learning_rate=100", "optimizer.clip_norm=0", "training.epochs=40"
    )
    events = work_here(job)
    assert ended(events).state == "failed"
    assert "stopped being a number after step" in ended(events).what
    assert of_kind(events, Trouble)[-1].kind == "nan"
    assert not list(job.output.iterdir())


def test_a_file_that_came_to_be_there_meanwhile_is_not_replaced(model, dialogues, tmp_path):
    adapter, whole = tmp_path / "mine.gguf", tmp_path / "whole.gguf"
    job = small_job(model, dialogues, output=str(adapter), merged=str(whole))
    adapter.write_text("mine")  # as another job does that was begun at the same time
    whole.write_text("mine too")
    events = work_here(job)
    assert ended(events).state == "done"
    assert (adapter.read_text(), whole.read_text()) == ("mine", "mine too")
    assert [Path(made.file).name for made in of_kind(events, OutputWritten)] == ["mine-2.gguf", "whole-2.gguf"]
    assert read_adapter(tmp_path / "mine-2.gguf")
    assert not list(tmp_path.glob(".*"))


def test_a_file_that_fails_its_check_is_told_by_the_name_it_would_have_had(model, dialogues, monkeypatch):
    def fails(*arguments, **_options):
        raise WorkshopError(f"“{arguments[1].name}” does not do what it did.", "Report it.")

    monkeypatch.setattr(result, "verify_export", fails)
    job = small_job(model, dialogues)
    end = ended(work_here(job))
    aside = job.output / "small-unverified.gguf"
    assert (end.state, end.what) == ("failed", f"“small.gguf” does not do what it did. It was set aside as “{aside}”.")
    assert read_adapter(aside).rank
    assert list(job.output.iterdir()) == [aside]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system closes terminals in another way")
def test_a_terminal_that_is_closed_pauses_the_job_after_its_step(model, dialogues):
    job = small_job(model, dialogues, "training.steps=100000", "watch.evaluations=1")
    with JobProcess(job) as process:
        for event in process.events():
            if isinstance(event, StepDone) and event.step == 3:
                process.process.send_signal(signal.SIGHUP)
    assert process.ended is not None
    assert process.ended.state == "interrupted"
    assert job.resumable_step() >= 3


def test_a_dry_run_ends_with_the_plan(model, dialogues):
    job = small_job(model, dialogues, dry_run=True)
    events = work_here(job)
    assert of_kind(events, PlanMade)[0].sentences
    assert not of_kind(events, StepDone)
    assert ended(events).state == "done"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (("adapter.first_layer=9",), "Nothing of this model would be trained"),
        (("adapter.method=full", "loss.keep_close=0.1"), "no model of before to keep close to"),
    ],
)
def test_a_recipe_that_could_change_nothing_is_refused(changes, sentence, model, dialogues):
    last = ended(work_here(small_job(model, dialogues, *changes)))
    assert (last.state, sentence in last.what) == ("failed", True), last


def test_other_dialogues_than_the_job_began_with_are_refused(model, tmp_path):
    data = write_dialogues(tmp_path / "talks.jsonl")
    job = small_job(model, data)
    wishes = Wishes(job.cancel_mark)
    work_here(job, lambda event: wishes.pause() if isinstance(event, StepDone) else None, wishes)
    shutil.rmtree(job.path / "data")
    write_dialogues(data, seed=2)
    last = ended(work_here(job))
    assert (last.state, "not those that this job began with" in last.what) == ("failed", True), last


def test_best_weights_that_cannot_be_written_do_not_count_as_the_best(model, dialogues, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_checkpoints, "save_best", full)
    events = work_here(small_job(model, dialogues))
    assert not any(event.best for event in of_kind(events, Evaluated))
    assert [trouble.kind for trouble in of_kind(events, Trouble)] == ["disk"]
    assert ended(events).state == "done", ended(events)


def test_the_rate_finder_draws_its_curve_and_leaves_nothing_else(model, dialogues):
    job = small_job(model, dialogues, find_rate=True)
    events = work_here(job)
    assert not (job.path / "data").exists()
    made = of_kind(events, OutputWritten)[0]
    assert made.kind == "report"
    assert Path(made.file).read_text().startswith("<svg")
    assert "learning rate" in ended(events).what
