"""Elastic weight consolidation: what mattered is held, the rest is free, and it is kept beside the adapter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from companion.core.adapter import fisher_file
from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.core.job import Evaluated, OutputWritten, StageBegan, StepDone
from companion.core.recipes.parts import Adapter
from companion.workshop.data.batch import Example, pack
from companion.workshop.data.prepare import prepare
from companion.workshop.job import Wishes
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.losses import token_losses
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes.open_base import open_base
from companion.workshop.recipes.start_adapter import begin_with, read_start
from companion.workshop.training.consolidation import Anchor, fisher_of, read_fisher, write_fisher
from tests.workshop.small_jobs import WORDS, curve, ended, of_kind, small_job, small_recipe, work_here

EXAMPLES = [Example([(7 * n * n + seed) % 280 for n in range(20)], [n > 6 for n in range(20)]) for seed in range(6)]


@pytest.fixture(autouse=True)
def one_thread():
    """Two threads of a product of this size mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def decoder(tiny_model):
    decoder = Decoder.load(GGUFWeights(read_header(tiny_model)))
    decoder.add_adapter(Adapter(rank=3), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.1)
    return decoder


def test_the_fisher_information_says_what_a_small_change_costs(decoder):
    """Its diagonal is that of the divergence: half of F · (change)² foresees it, weight by weight, up to chance."""
    found = fisher_of(decoder, EXAMPLES * 20, lambda done: None)
    assert all((values >= 0).all() for values in found.values())
    name = max(found, key=lambda name: float(found[name].max()))
    index = int(found[name].argmax())
    weight = decoder.trainable()[name]
    with torch.no_grad():
        chances = [
            decoder.logits(decoder.hidden(batch, rows=batch.rows)).log_softmax(-1)
            for batch in (pack([example]) for example in EXAMPLES)
        ]
        weight.view(-1)[index] += 0.02
        after = [
            decoder.logits(decoder.hidden(batch, rows=batch.rows)).log_softmax(-1)
            for batch in (pack([example]) for example in EXAMPLES)
        ]
    cost = torch.cat([(p.exp() * (p - q)).sum(-1) for p, q in zip(chances, after, strict=True)]).mean()
    assert 0.5 * float(found[name].view(-1)[index]) * 0.02**2 == pytest.approx(float(cost), rel=0.5)


def test_it_is_drawn_from_the_model_and_the_same_for_the_same_seed(decoder):
    first, same, other = (fisher_of(decoder, EXAMPLES, lambda done: None, seed) for seed in (1, 1, 2))
    name = next(iter(first))
    assert torch.equal(first[name], same[name])
    assert not torch.equal(first[name], other[name])


def test_it_pulls_back_what_has_moved_by_the_gradient_of_its_penalty():
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    anchor = Anchor({"w": weight}, {"w": torch.tensor([3.0, 0.0])}, 2.0)
    assert anchor.pull() == 0.0
    assert weight.grad.tolist() == [0.0, 0.0]
    weight.data += torch.tensor([0.5, 5.0])
    weight.grad = torch.tensor([1.0, 1.0])
    assert anchor.pull() == pytest.approx(0.5 * 2 * 3 * 0.25)
    assert weight.grad.tolist() == [1.0 + 2 * 3 * 0.5, 1.0], "what did not matter is free"


def test_it_is_kept_in_a_file_of_its_own_and_refuses_others(decoder, tiny_model, tmp_path):
    found = fisher_of(decoder, EXAMPLES, lambda done: None)
    path = fisher_file(tmp_path / "voice.gguf")
    assert path.name == "voice.fisher.gguf"
    write_fisher(path, found, read_header(tiny_model), "0" * 64)
    read = read_fisher(path)
    assert all(torch.equal(read[name], values) for name, values in found.items())
    with pytest.raises(ModelError, match="another adapter"):
        Anchor(decoder.trainable(), dict(list(read.items())[:-1]), 1.0)
    with pytest.raises(ModelError, match="does not say what mattered"):
        read_fisher(tiny_model)


def write_talks(path: Path, words: list[str], count: int = 16) -> Path:
    """The same questions, answered with these words only: what is learned from one file is wrong in another."""
    lines = []
    for number in range(count):
        answer = " ".join(words[(number + at) % len(words)] for at in range(4))
        said = [{"role": "user", "content": f"tell me {WORDS[number % 8]}"}, {"role": "assistant", "content": answer}]
        lines.append(json.dumps({"id": str(number), "messages": said}))
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def talks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talks")
    return write_talks(folder / "first.jsonl", WORDS[:5]), write_talks(folder / "second.jsonl", WORDS[10:15])


def learned(job):
    events = work_here(job)
    assert ended(events).state == "done", ended(events)
    return events, Path(of_kind(events, OutputWritten)[0].file)


def loss_after(model, adapter, data, tmp_path):
    """The loss of an adapter on dialogues, by the trainer's own network."""
    recipe = small_recipe(model, data)
    with open_base(model) as base:
        prepared = prepare(recipe, base, tmp_path / "prepared")
        decoder = Decoder.load(GGUFWeights(base.header))
        start = read_start(adapter, base.header, "", recipe.adapter)
    decoder.add_adapter(start.adapter, 0)
    begin_with(decoder, start)
    return float(torch.cat([token_losses(decoder, prepared.batch([index])) for index in range(len(prepared.lengths))]).mean())


def test_earlier_dialogues_are_forgotten_less_with_it_and_the_next_training_needs_no_dialogues(tiny_model, talks, tmp_path):
    first, second = talks
    _, voice = learned(small_job(tiny_model, first, "training.epochs=6"))
    before = loss_after(tiny_model, voice, first, tmp_path)
    forgotten = {}
    for strength in (0, 1000):
        changes = (f"start_adapter={voice}", f"loss.ewc={strength}", f"loss.ewc_from={first}", "training.epochs=4")
        events, adapter = learned(small_job(tiny_model, second, *changes))
        forgotten[strength] = loss_after(tiny_model, adapter, first, tmp_path) - before
        assert of_kind(events, Evaluated)[-1].loss < of_kind(events, Evaluated)[0].loss, "the new is learned all the same"
    assert forgotten[0] > 0.2
    assert forgotten[1000] < 0.8 * forgotten[0]
    assert fisher_file(adapter).is_file()
    third = small_job(tiny_model, second, f"start_adapter={adapter}", "loss.ewc=1000")
    stages = [event.sentence for event in of_kind(learned(third)[0], StageBegan)]
    assert "Measuring what matters for earlier dialogues" not in stages, "what is kept beside the adapter says it"


def test_a_paused_training_goes_on_with_the_same_pull(tiny_model, talks):
    first, second = talks
    _, voice = learned(small_job(tiny_model, first))
    changes = (f"start_adapter={voice}", "loss.ewc=10", f"loss.ewc_from={first}")
    undisturbed, paused = (small_job(tiny_model, second, *changes) for _ in range(2))
    learned(undisturbed)
    wishes = Wishes(paused.cancel_mark)
    work_here(paused, lambda event: wishes.pause() if isinstance(event, StepDone) else None, wishes)
    learned(paused)
    assert curve(paused) == curve(undisturbed)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (["loss.ewc=1"], "there is none to go on from"),
        (["loss.ewc=1", "start_adapter={voice}"], "It is not known what mattered to “small.gguf”"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_can(changes, what, tiny_model, talks):
    _, voice = learned(small_job(tiny_model, talks[0], "training.steps=1"))
    refused = ended(work_here(small_job(tiny_model, talks[1], *(change.format(voice=voice) for change in changes))))
    assert refused.state == "failed"
    assert what in refused.what
    assert refused.remedy
