"""What the loop makes of a recipe: every optimizer learns, every portion counts alike, and memory that runs out is no end."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from companion.core.job import Evaluated, OutputWritten, PlanMade, StepDone, Trouble
from companion.core.recipes.parts import Adapter, Loss, Optimizer
from companion.workshop.data.prepare import prepare
from companion.workshop.export.verify import measured_loss
from companion.workshop.job import Wishes
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes import learning
from companion.workshop.recipes.open_base import open_base
from companion.workshop.training import objective
from companion.workshop.training.groups import parameter_groups
from companion.workshop.training.objective import Supervised
from companion.workshop.training.optimizers import Group, make_optimizer
from companion.workshop.training.steps import Stepper
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import ended, of_kind, small_job, small_recipe, work_here

OPTIMIZERS = {
    "sgd": 0.5,
    "nesterov": 0.5,
    "adagrad": 0.05,
    "rmsprop": 0.0003,
    "adam": 0.01,
    "adamw": 0.01,
    "adafactor": 1.0,
    "lion": 0.005,
    "muon": 0.05,
    "lbfgs": 1.0,
}


@pytest.mark.parametrize(("name", "rate"), OPTIMIZERS.items())
def test_every_optimizer_learns(name, rate, tiny_model, dialogues):
    job = small_job(
        tiny_model,
        dialogues,
        f"optimizer.name={name}",
        f"optimizer.learning_rate={rate}",
        "watch.samples=0",
        "watch.evaluations=1",
        "training.epochs=4",
    )
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    first, last = of_kind(events, Evaluated)
    assert last.loss < first.loss - 0.5


def test_how_a_step_is_cut_into_rows_changes_nothing_but_rounding(tiny_model, dialogues):
    losses = []
    for rows in (64, 1024):
        changes = (f"machine.micro_batch_tokens={rows}", "training.tokens_per_step=1024", "training.epochs=3", "watch.samples=0")
        events = work_here(small_job(tiny_model, dialogues, *changes))
        losses.append([event.loss for event in of_kind(events, StepDone)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_single_examples_and_the_full_batch(tiny_model, dialogues):
    for per_step, expected in ((1, 22), (1000, 1)):
        changes = (
            "training.tokens_per_step=0",
            f"training.dialogues_per_step={per_step}",
            "training.epochs=1",
            "watch.samples=0",
        )
        assert len(of_kind(work_here(small_job(tiny_model, dialogues, *changes)), StepDone)) == expected


def test_early_stopping_ends_it_and_keeps_the_best(tiny_model, dialogues):
    job = small_job(
        tiny_model, dialogues, "training.epochs=60", "watch.evaluations=30", "training.patience=2", "watch.samples=0",
        "optimizer.learning_rate=0.02", "schedule.name=constant",
    )  # fmt: skip
    events = work_here(job)
    measured = of_kind(events, Evaluated)[1:]
    best = min(measured, key=lambda event: event.loss)
    assert "ended early" in ended(events).what
    assert measured.index(best) == len(measured) - 3
    assert of_kind(events, OutputWritten)[0].metrics["steps"] == best.step
    assert of_kind(events, OutputWritten)[0].metrics["held_out_loss"] == pytest.approx(best.loss, rel=1e-3)


def with_loss_after_measuring(monkeypatch, loss):
    """The training computes its rows with `loss`; what is measured before it begins is computed as ever."""
    true_plan = learning.measured_plan

    def plan_with_all_memory(*args):
        made = true_plan(*args)
        monkeypatch.setattr(objective, "supervised_loss", loss)
        return made

    monkeypatch.setattr(learning, "measured_plan", plan_with_all_memory)


def test_memory_that_runs_out_halves_the_rows_and_the_training_goes_on(tiny_model, dialogues, monkeypatch):
    true_loss = objective.supervised_loss

    def loss_with_little_memory(decoder, batch, loss, seed=0, teacher=None):
        if len(batch.tokens) > 150 and torch.is_grad_enabled():
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return true_loss(decoder, batch, loss, seed)

    with_loss_after_measuring(monkeypatch, loss_with_little_memory)
    job = small_job(tiny_model, dialogues, "watch.samples=0")
    events = work_here(job)
    assert ended(events).state == "done"
    assert of_kind(events, Trouble)[0].kind == "memory"
    assert of_kind(events, Trouble)[0].step == 1, "the step that ran out was taken again"


def test_without_any_memory_it_ends_in_a_sentence(tiny_model, dialogues, monkeypatch):
    def no_memory(decoder, batch, loss, seed=0, teacher=None):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory")

    with_loss_after_measuring(monkeypatch, no_memory)
    events = work_here(small_job(tiny_model, dialogues, "watch.samples=0"))
    assert ended(events).state == "failed"
    assert "even in the smallest portions" in ended(events).what
    assert "smaller rank" in ended(events).remedy


@pytest.mark.parametrize("changes", [("machine.weights=packed",), ("machine.checkpoint_layers=on",), ("loss.keep_close=0.5",)])
def test_other_ways_to_compute_it(changes, tmp_path, dialogues):
    model = write_tiny_llama(tmp_path / "q8.gguf", type="Q8_0")
    events = work_here(small_job(model, dialogues, "watch.samples=0", *changes))
    first, *_, last = of_kind(events, Evaluated)
    assert ended(events).state == "done"
    assert last.loss < first.loss - 1
    assert of_kind(events, PlanMade)[0].weights == ("packed" if "packed" in changes[0] else "dense")


def test_a_merged_model_answers_as_the_adapter_does(tmp_path, dialogues):
    model = write_tiny_llama(tmp_path / "q8.gguf", type="Q8_0")
    job = small_job(model, dialogues, "watch.samples=0", merged=str(tmp_path / "merged.gguf"))
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    adapter, merged = of_kind(events, OutputWritten)
    assert (adapter.kind, merged.kind) == ("adapter", "model")
    assert merged.metrics["llama_cpp_loss"] == pytest.approx(adapter.metrics["llama_cpp_loss"], rel=0.02)
    assert sorted(path.name for path in tmp_path.glob("*.gguf")) == ["merged.gguf", "q8.gguf"]
    assert not [path for path in tmp_path.iterdir() if "unverified" in path.name]


def test_all_weights_can_be_trained_into_a_model_of_their_own(tiny_model, tmp_path, dialogues):
    changes = ("adapter.method=full", "optimizer.learning_rate=0.002", "watch.samples=0")
    job = small_job(tiny_model, dialogues, *changes, output=str(tmp_path / "whole.gguf"))
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    assert of_kind(events, OutputWritten)[0].kind == "model"
    with open_base(tmp_path / "whole.gguf") as base:
        recipe = small_recipe(tmp_path / "whole.gguf", dialogues)
        data = prepare(recipe, base, tmp_path / "data")
        examples = [data.example(index) for index in data.held_out.tolist()]
        loss, _ = measured_loss(base.header.path, None, examples, library=base.library, threads=1)
    assert loss == pytest.approx(of_kind(events, Evaluated)[-1].loss, rel=0.01)


def test_lora_plus_gives_b_its_own_rate_and_frozen_layers_do_not_move(tiny_model, tmp_path, dialogues):
    recipe = small_recipe(tiny_model, dialogues, "adapter.lora_plus=8", "adapter.first_layer=1", "adapter.rank=4")
    with open_base(tiny_model) as base:
        decoder = Decoder.load(GGUFWeights(base.header))
        decoder.add_adapter(recipe.adapter, 0)
        data = prepare(recipe, base, tmp_path / "data")
        weights = decoder.trainable()
        assert {name.split(".")[1] for name in weights} == {"1"}
        options = Optimizer(learning_rate=0.01)
        optimizer = make_optimizer(parameter_groups(recipe, weights), options, 0.01)
        stepper = Stepper(decoder, optimizer, data, Supervised(data, Loss()), options, 0, 256, torch.device("cpu"))
        before = {name: weight.detach().clone() for name, weight in weights.items()}
        stepper.take(0, data.train[:4].tolist(), 0.01, lambda share: None)
    moved = {name: float((weights[name].detach() - before[name]).abs().max()) for name in weights}
    assert all(moved[name] == pytest.approx(0.08, rel=0.01) for name in weights if name.endswith("lora_b"))
    assert all(moved[name] < 1e-6 for name in weights if name.endswith("lora_a")), "with B at zero A has no gradient yet"


def test_weight_decay_holds_lbfgs_back_too(tiny_model, tmp_path, dialogues):
    sizes = []
    with open_base(tiny_model) as base:
        data = prepare(small_recipe(tiny_model, dialogues), base, tmp_path / "data")
        for decay in (0.0, 0.1):
            decoder = Decoder.load(GGUFWeights(base.header))
            decoder.add_adapter(Adapter(rank=4), 0)
            options = Optimizer(name="lbfgs", weight_decay=decay)
            weights = decoder.trainable()
            optimizer = make_optimizer([Group(list(weights.values()))], options, 1.0)
            stepper = Stepper(decoder, optimizer, data, Supervised(data, Loss()), options, 0, 256, torch.device("cpu"))
            stepper.take(0, data.train.tolist(), 1.0, lambda share: None)
            sizes.append(sum(float(weight.detach().square().sum()) for weight in weights.values()))
    assert sizes[1] < sizes[0] * 0.9


def test_replay_is_mixed_in_and_counted_apart(tiny_model, dialogues):
    changes = ("data.replay=0.25", f"data.replay_file={dialogues}", "watch.samples=0", "training.epochs=1")
    events = work_here(small_job(tiny_model, dialogues, *changes))
    assert ended(events).state == "done", ended(events)


def test_a_single_dialogue_is_learned_without_a_measurement(tiny_model, tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text(
        '{"messages": [{"role": "user", "content": "hello you"}, {"role": "assistant", "content": "that is what"}]}\n'
    )
    events = work_here(small_job(tiny_model, path))
    assert ended(events).state == "done", ended(events)
    assert not of_kind(events, Evaluated)
    assert Path(of_kind(events, OutputWritten)[0].file).is_file()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "empty"),
        ('{"messages": [{"role": "user", "content": "hello"}]}\n', "no reply"),
        ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n' * 6 + "{broken\n", "7"),
    ],
)
def test_bad_data_ends_in_a_sentence(content, sentence, tiny_model, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    job = small_job(tiny_model, path)
    last = ended(work_here(job))
    assert last.state == "failed"
    assert sentence in last.what.lower() + last.remedy.lower()
    assert not list(job.output.iterdir())


def test_a_plan_that_cannot_fit_is_refused_with_what_would(tiny_model, dialogues, monkeypatch):
    from companion.workshop.training import planning

    true_place = planning.choose_place
    monkeypatch.setattr(planning, "choose_place", lambda options: true_place(options)._replace(available=1000))
    job = small_job(tiny_model, dialogues)
    last = ended(work_here(job))
    assert last.state == "failed"
    assert "of memory" in last.what
    assert "a smaller model" in last.remedy
    assert Wishes(job.cancel_mark).now() == ""
