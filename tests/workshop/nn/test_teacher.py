"""What is taken over from a teacher: chances and hidden states, with gradients that are the slopes, in chunks and in lanes."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.nn import functional

from companion.core.gguf.header import read_header
from companion.core.recipes.distill import Distillation
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn import losses
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.lanes import side_by_side
from companion.workshop.nn.losses import divergence, supervised_loss
from companion.workshop.nn.teacher import Teacher, matched_layers
from companion.workshop.nn.weights import GGUFWeights
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import VOCABULARY, write_architecture

EXACT = DecoderOptions(compute=torch.float64)
BATCH = pack([Example([(5 * n * n + 11 * i) % 280 for n in range(size)], [n % 3 != 1 for n in range(size)])
              for i, size in enumerate((9, 23, 14))])  # fmt: skip
WAYS = {
    "forward": Distillation(temperature=1, share=0.7),
    "hot": Distillation(temperature=3, share=1),
    "reverse": Distillation(temperature=2, share=0.4, direction="reverse"),
    "cosine": Distillation(share=0.5, hidden=2),
    "mse": Distillation(share=0, hidden=0.7, hidden_distance="mse"),
}


def double(decoder: Decoder, teacher: Teacher) -> Decoder:
    generator = torch.Generator().manual_seed(0)
    for weight in {**decoder.trainable(), **teacher.trainable()}.values():
        noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        weight.data = weight.data.double() + 0.05 * noise
    return decoder.train()


def pair(folder, options: Distillation, *, width: int = 64, method: str = "lora", variant: str = "llama"):
    """A student of `variant` or of another width than 64, and a teacher of it with three layers; all in float64."""
    path = folder / "student.gguf"
    if width == 64:
        write_architecture(path, variant)
    else:
        write_tiny_llama(path, width=width, ffn=96, heads=4, kv_heads=2, vocabulary=VOCABULARY, seed=3)
    student = Decoder.load(GGUFWeights(read_header(path)), EXACT)
    student.add_adapter(Adapter(rank=3, method=method), seed=0)
    taught = write_architecture(folder / "teacher.gguf", "llama" if width != 64 else variant, seed=7)
    found = Teacher(Decoder.load(GGUFWeights(read_header(taught)), EXACT), options, student.config, 5)
    return double(student, found), found


def states(decoder: Decoder, layers) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
    with torch.no_grad():
        hidden, found = decoder.states(BATCH, layers, rows=BATCH.rows, seed=1)
        return decoder.logits(hidden), found


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 2.5, 10.0])
def test_the_divergence_and_its_gradient_are_autograds(temperature, reverse):
    torch.manual_seed(0)
    ours = torch.randn(7, 50, dtype=torch.float64, requires_grad=True)
    theirs = 3 * torch.randn(7, 50, dtype=torch.float64)
    log_q, log_p = ((x / temperature).log_softmax(-1) for x in (ours, theirs))
    one, other = (log_p, log_q) if reverse else (log_q, log_p)
    expected = functional.kl_div(one, other, log_target=True, reduction="none").sum(-1) * temperature**2
    expected.sum().backward()
    nats, gradient = divergence(ours.detach(), theirs, temperature, reverse=reverse)
    torch.testing.assert_close(nats, expected.detach())
    torch.testing.assert_close(gradient, ours.grad)


@pytest.mark.parametrize("chunk", [1, 1 << 30], ids=["one row at a time", "all rows at once"])
@pytest.mark.parametrize("way", WAYS)
def test_the_loss_is_the_weighted_sum_of_targets_chances_and_states(way, chunk, tmp_path, monkeypatch):
    monkeypatch.setattr(losses, "CHUNK_BYTES", chunk)
    options = WAYS[way]
    student, taught = pair(tmp_path, options, variant="gemma2")
    ours, mine = states(student, taught.pairs)
    theirs, its = states(taught.decoder, set(taught.pairs.values()))
    expected = (1 - options.share) * functional.cross_entropy(ours, BATCH.targets, reduction="sum", label_smoothing=0.1)
    apart, _ = divergence(ours, theirs, options.temperature, reverse=options.direction == "reverse")
    expected = expected + options.share * apart.sum()
    for layer, other in taught.pairs.items():
        a, b = mine[layer].double(), its[other].double()
        far = (
            1 - functional.cosine_similarity(a, b)
            if options.hidden_distance == "cosine"
            else (a - b).square().sum(1) / b.square().sum(1)
        )
        expected = expected + options.hidden * far.sum() / len(taught.pairs)
    result = supervised_loss(student, BATCH, Loss(label_smoothing=0.1), 1, taught)
    assert result.total.item() == pytest.approx(float(expected))
    assert result.cross_entropy == pytest.approx(float(functional.cross_entropy(ours, BATCH.targets, reduction="sum")))


@pytest.mark.parametrize("width", [64, 32], ids=["same width", "narrower"])
@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_the_slopes_of_the_loss(way, method, width, tmp_path):
    student, taught = pair(tmp_path, WAYS[way], width=width, method=method)
    weights = list({**student.trainable(), **taught.trainable()}.values())
    assert bool(taught.trainable()) == (width == 32 and WAYS[way].hidden > 0)
    loss = Loss(name="focal", focal_gamma=1.5, label_smoothing=0.1)

    def value() -> torch.Tensor:
        return supervised_loss(student, BATCH, loss, 1, taught).total

    torch.manual_seed(2)
    directions = [torch.randn(weight.shape, dtype=torch.float64) for weight in weights]
    value().backward()
    said = sum(float((weight.grad * direction).sum()) for weight, direction in zip(weights, directions, strict=True))
    ends, step = [], 1e-6
    for sign in (1, -2):
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight.add_(direction, alpha=sign * step)
        ends.append(float(value().detach()))
    assert said == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5)


def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(tmp_path):
    options = Distillation(share=1, hidden=1)
    path = write_architecture(tmp_path / "model.gguf", "qwen3")
    student, other = (Decoder.load(GGUFWeights(read_header(path)), EXACT) for _ in range(2))
    student.add_adapter(Adapter(rank=3), seed=0)
    taught = Teacher(other, options, student.config, 0)
    assert taught.pairs == {0: 0, 1: 1, 2: 2}
    assert supervised_loss(student, BATCH, Loss(), 1, taught).total.item() == pytest.approx(0, abs=1e-6)
    found = taught.apart_from(student, BATCH)
    assert (found.divergence, found.loss) == (pytest.approx(0, abs=1e-9), pytest.approx(found.teacher_loss))


def test_what_is_apart_is_measured_in_chunks_at_temperature_one(tmp_path, monkeypatch):
    student, taught = pair(tmp_path, Distillation(temperature=5))
    ours, theirs = states(student, ())[0], states(taught.decoder, ())[0]
    for chunk in (1, 1 << 30):
        monkeypatch.setattr(losses, "CHUNK_BYTES", chunk)
        found = taught.apart_from(student.eval(), BATCH)
        assert found.tokens == len(BATCH.targets)
        assert found.divergence == pytest.approx(float(divergence(ours, theirs)[0].sum()))
        assert found.teacher_loss == pytest.approx(float(functional.cross_entropy(theirs, BATCH.targets, reduction="sum")))


@pytest.mark.parametrize("packed", [False, True])
def test_several_lanes_add_up_to_one_and_the_programs_chance_is_left_alone(packed, tmp_path):
    options = Distillation(share=0.5, hidden=1)
    path = write_tiny_llama(tmp_path / "student.gguf", width=32, ffn=96, vocabulary=VOCABULARY)
    student = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions())
    student.add_adapter(Adapter(rank=3), seed=0)
    large = write_architecture(tmp_path / "teacher.gguf", "llama", type="Q8_0")
    taught = Teacher(Decoder.load(GGUFWeights(read_header(large)), DecoderOptions(packed=packed)), options, student.config, 0)
    assert taught.lanes(student) == (1 if packed else student.lanes())
    weights = {**student.trainable(), **taught.trainable()}
    examples = [Example([(5 * n * n + size) % 280 for n in range(size)], [True] * size) for size in (30, 7, 19, 12)]

    def gradients(groups):
        for weight in weights.values():
            weight.grad = None

        def learn(group, failed):
            supervised_loss(student, pack([examples[index] for index in group]), Loss(), 1, taught).total.backward()

        before = torch.get_rng_state()
        side_by_side([partial(learn, group) for group in groups])
        assert torch.equal(before, torch.get_rng_state())
        return {name: weight.grad.clone() for name, weight in weights.items()}

    alone, together = gradients([[0, 1, 2, 3]]), gradients([[0], [1, 2], [3]])
    for name, gradient in alone.items():
        torch.testing.assert_close(together[name], gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("student", "theirs", "pairs"),
    [
        (2, 4, {0: 1, 1: 3}),
        (24, 30, {0: 0, 11: 14, 23: 29}),
        (3, 3, {0: 0, 1: 1, 2: 2}),
        (1, 6, {0: 5}),
        (4, 2, {0: 0, 1: 0, 3: 1}),
    ],
)
def test_layers_are_matched_evenly_and_last_with_last(student, theirs, pairs):
    found = matched_layers(student, theirs)
    assert set(found) == set(range(student))
    assert {layer: found[layer] for layer in pairs} == pairs
