"""Preference tunings as jobs: what they learn, what they leave, and that ending them costs nothing."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from companion.core.adapter import read_adapter
from companion.core.gguf.header import read_header
from companion.core.job import DataReady, Evaluated, JobOrder, JobStarted, OutputWritten, PlanMade, StepDone
from companion.core.job_folder import JobFolder, create_job
from companion.core.recipes.files import with_changes
from companion.core.recipes.prefer import Prefer
from companion.workshop.job import Wishes
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.corrupted_pairs import write_corrupted_pairs
from tests.workshop.small_jobs import QUICK, WORDS, curve, ended, of_kind, small_job, work_here

ROOT = Path(__file__).parents[3]


def write_pairs(path: Path, count: int = 24, *, alone: bool = False) -> Path:
    """The better reply speaks of one half of the words, the worse one of the other."""
    chance = random.Random(3)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            said = [{"role": "user", "content": " ".join(chance.choices(WORDS, k=5))}]
            sides = {
                "chosen": " ".join(chance.choices(WORDS[:6], k=chance.randint(3, 7))),
                "rejected": " ".join(chance.choices(WORDS[12:], k=chance.randint(3, 7))),
            }
            kept = dict([list(sides.items())[number % 3 == 0]]) if alone else sides
            file.write(json.dumps({"messages": said, **kept}) + "\n")
    return path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs") / "pairs.jsonl")


def prefer_job(model: Path, data: Path, *changes: str, start: Path | None = None, **order: object) -> JobFolder:
    recipe = Prefer(model=str(model), data_files=(str(data),), name="small", start_adapter=str(start or ""))
    return create_job(with_changes(recipe, [*QUICK, "optimizer.learning_rate=0.003", *changes]), JobOrder(**order))


def tensors(adapter: str | Path) -> dict[str, np.ndarray]:
    weights = GGUFWeights(read_header(Path(adapter), chat_model=False))
    return {name: weights.packed(name).data.numpy().copy() for name in weights.names}


@pytest.mark.slow  # 40 to 50 seconds
def test_the_starter_model_learns_which_replies_are_hers(starter, tmp_path):
    """A dozen real pairs behind no card: its rewards begin at nothing, and llama.cpp computes what it learned."""
    data = write_corrupted_pairs(tmp_path / "hers.jsonl", 12)
    recipe = Prefer(model=str(starter), data_files=(str(data),), name="hers")
    changes = ("training.steps=4", "watch.evaluations=1", "watch.samples=0", "adapter.rank=4", "data.held_out=0.25")
    events = work_here(create_job(with_changes(recipe, [*changes, "optimizer.learning_rate=3e-4"]), JobOrder()))
    assert ended(events).state == "done", ended(events)
    first, last = of_kind(events, Evaluated)
    assert (first.accuracy, first.margin) == (0.5, 0.0)
    assert last.margin > 0.005
    assert last.loss < first.loss
    made = of_kind(events, OutputWritten)[0].metrics
    assert made["llama_cpp_loss"] == pytest.approx(made["torch_loss"], rel=0.02)


@pytest.mark.parametrize("method", ["dpo", "kto", "orpo"])
def test_every_method_learns_what_is_preferred_and_llama_cpp_agrees(method, tiny_model, pairs, tmp_path):
    wanted = tmp_path / "wanted.gguf"
    job = prefer_job(tiny_model, pairs, f"loss.method={method}", "training.epochs=4", output=str(wanted))
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    first, last = of_kind(events, Evaluated)[0], of_kind(events, Evaluated)[-1]
    assert last.loss < first.loss
    assert last.accuracy == 1.0
    assert last.margin > 0
    assert last.chosen_loss < first.chosen_loss, "better replies do not become less likely"
    assert first.likelier < last.likelier
    if method != "orpo":
        assert first.accuracy == 0.5, "before training nothing has gained"
        assert first.margin == 0.0
    assert "the better reply gained more in 100%" in ended(events).what
    (made,) = of_kind(events, OutputWritten)
    assert made.file == str(wanted)
    assert made.metrics["llama_cpp_loss"] == pytest.approx(made.metrics["torch_loss"], rel=0.02)
    assert made.metrics["preference_accuracy"] == 1.0
    info = read_adapter(wanted)
    assert json.loads(info.recipe)["kind"] == "prefer"
    assert job.summary().kind == "prefer"


def test_the_charts_get_accuracy_and_margin(tiny_model, pairs):
    steps = of_kind(work_here(prefer_job(tiny_model, pairs, "training.epochs=4")), StepDone)
    assert 0 <= steps[0].accuracy <= 1
    assert steps[-1].margin > steps[0].margin
    assert "pair" in of_kind(work_here(prefer_job(tiny_model, pairs)), DataReady)[0].left_out[0]


def test_kto_learns_from_single_thumbs_and_the_others_say_that_they_do_not(tiny_model, tmp_path):
    alone = write_pairs(tmp_path / "thumbs.jsonl", 30, alone=True)
    job = prefer_job(tiny_model, alone, "loss.method=kto", "training.epochs=6")
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    first, last = of_kind(events, Evaluated)[0], of_kind(events, Evaluated)[-1]
    assert last.loss < first.loss
    assert last.accuracy is None, "there are no pairs to count"
    refused = ended(work_here(prefer_job(tiny_model, alone)))
    assert refused.state == "failed"
    assert "only single thumbs" in refused.what


def test_without_plain_learning_nothing_is_added_to_the_loss(tiny_model, pairs):
    events = work_here(prefer_job(tiny_model, pairs, "loss.sft=0"))
    assert of_kind(events, Evaluated)[0].loss == pytest.approx(np.log(2), rel=1e-6), "DPO of two replies alike"


def test_a_start_adapter_is_gone_on_from_and_is_the_reference(tiny_model, pairs, dialogues):
    start = Path(of_kind(work_here(small_job(tiny_model, dialogues, "adapter.rank=4")), OutputWritten)[0].file)
    still = work_here(prefer_job(tiny_model, pairs, "optimizer.learning_rate=1e-12", start=start))
    assert ended(still).state == "done", ended(still)
    assert of_kind(still, Evaluated)[-1].margin == pytest.approx(0.0, abs=1e-5)
    before, after = tensors(start), tensors(of_kind(still, OutputWritten)[0].file)
    assert all((before[name] == after[name]).all() for name in before)
    assert read_adapter(Path(of_kind(still, OutputWritten)[0].file)).alpha == read_adapter(start).alpha
    bare = work_here(prefer_job(tiny_model, pairs, "optimizer.learning_rate=1e-12", "loss.reference=bare", start=start))
    assert abs(of_kind(bare, Evaluated)[0].margin) > 1e-3, "the start adapter has moved away from the bare model"


def test_fine_tuning_goes_on_from_an_adapter_too(tiny_model, dialogues):
    first = work_here(small_job(tiny_model, dialogues))
    start = of_kind(first, OutputWritten)[0].file
    again = work_here(small_job(tiny_model, dialogues, f"start_adapter={start}"))
    assert of_kind(again, Evaluated)[0].loss == pytest.approx(of_kind(first, Evaluated)[-1].loss, rel=1e-3)


def test_five_kills_leave_the_curve_and_the_adapter_as_they_would_have_been(tiny_model, pairs):
    changes = ("training.epochs=4", "adapter.dropout=0.1", "training.patience=0", "loss.method=kto")
    undisturbed = prefer_job(tiny_model, pairs, *changes)
    assert ended(work_here(undisturbed)).state == "done"
    killed = prefer_job(tiny_model, pairs, *changes, "watch.checkpoint_steps=1")
    command = [sys.executable, "-m", "tests.workshop.killed_jobs", str(killed.path), "5", "7"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    assert result.stdout.split() == ["5", "6"], result.stderr[-1000:]
    assert killed.summary().state == "done"
    assert curve(killed) == curve(undisturbed)
    ours, theirs = (tensors(next(job.output.glob("*.gguf"))) for job in (killed, undisturbed))
    assert all((ours[name] == theirs[name]).all() for name in theirs)


def test_a_paused_job_measures_no_reference_again(tiny_model, pairs):
    job = prefer_job(tiny_model, pairs)
    wishes = Wishes(job.cancel_mark)
    work_here(job, lambda event: wishes.pause() if isinstance(event, StepDone) else None, wishes)
    kept = job.path / "data" / "reference.bin"
    made = kept.stat().st_mtime_ns
    times = set()
    again = work_here(job, lambda event: times.add(kept.stat().st_mtime_ns) if isinstance(event, StepDone) else None)
    assert times == {made}
    assert of_kind(again, JobStarted)[0].resumed_step > 0
    assert not of_kind(again, PlanMade)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (["adapter.method=full"], "without one there is no reference"),
        (["data.replay=0.1"], "not mixed"),
        (["loss.method=kto", "loss.label_smoothing=0.1"], "Only dpo"),
        (["loss.reference=bare"], "begins bare"),
    ],
)
def test_what_has_no_meaning_is_refused_with_what_has(changes, what, tiny_model, pairs):
    refused = ended(work_here(prefer_job(tiny_model, pairs, *changes)))
    assert refused.state == "failed"
    assert what in refused.what
    assert refused.remedy


def test_long_talks_lose_their_beginning_and_both_replies_see_the_same(tiny_model, tmp_path):
    def said(role, content):
        return {"role": role, "content": content}

    before = [said(role, " ".join(WORDS[:6])) for _ in range(12) for role in ("user", "assistant")]
    sides = {"chosen": "love", "rejected": "night star"}
    lines = [{"messages": [*before, said("user", f"tell me {number}")], **sides} for number in range(8)]
    path = tmp_path / "long.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    events = work_here(prefer_job(tiny_model, path, "data.longest=64"))
    assert ended(events).state == "done", ended(events)
    assert "8 lost the beginning of what was said" in " ".join(of_kind(events, DataReady)[0].left_out)
