"""The hand-written backward is the derivative of the forward: slopes along random directions, in float64."""

from __future__ import annotations

import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Batch, Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import VARIANTS, write_architecture

EXACT = DecoderOptions(compute=torch.float64)


def dialogues(count: int = 3) -> Batch:
    """Of 9 to 23 tokens, about half of which are learned."""
    lengths = [9, 23, 14][:count]
    return pack([Example([(5 * n * n + 11 * i) % 280 for n in range(size)], [n % 3 != 1 for n in range(size)]) for i, size in
                 enumerate(lengths)])  # fmt: skip


def shaken(decoder: Decoder, seed: int = 0) -> Decoder:
    """All that is trained in float64, away from where it began: B would be zero."""
    generator = torch.Generator().manual_seed(seed)
    for weight in decoder.trainable().values():
        noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        weight.data = weight.data.double() + 0.05 * noise
    return decoder.train()


def slopes(decoder: Decoder, batch: Batch, loss: Loss, step: float = 1e-6) -> tuple[float, float]:
    """Along one random direction in all weights: what the gradients say, and what the loss does."""

    def value() -> torch.Tensor:
        torch.manual_seed(3)  # the same dropout and noise every time
        with torch.enable_grad():  # without it there is neither
            return supervised_loss(decoder, batch, loss).total

    weights = list(decoder.trainable().values())
    directions = [torch.randn(weight.shape, dtype=torch.float64) for weight in weights]
    value().backward()
    said = sum(float((weight.grad * direction).sum()) for weight, direction in zip(weights, directions, strict=True))
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            for weight, direction in zip(weights, directions, strict=True):
                weight.add_(direction, alpha=sign * step)
            ends.append(float(value().detach()))
            for weight, direction in zip(weights, directions, strict=True):
                weight.add_(direction, alpha=-sign * step)
    return said, (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("method", ["lora", "full"])
def test_gradients_are_the_slopes_of_the_loss(variant, method, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", variant)
    decoder = Decoder.load(GGUFWeights(read_header(path)), EXACT)
    decoder.add_adapter(Adapter(rank=3, method=method), seed=0)
    said, done = slopes(shaken(decoder), dialogues(), Loss())
    assert said == pytest.approx(done, rel=1e-5)


@pytest.mark.parametrize(
    ("adapter", "loss"),
    [
        (Adapter(rank=2, rank_stabilized=True, alpha=7), Loss(label_smoothing=0.2)),
        (Adapter(rank=2, dropout=0.4), Loss()),
        (Adapter(rank=2, where=("attn_k", "ffn_up")), Loss(name="focal", focal_gamma=1.5)),
        (Adapter(rank=2, first_layer=1, last_layer=1), Loss(name="focal", focal_gamma=3, label_smoothing=0.1)),
        (Adapter(rank=2), Loss(keep_close=0.7)),
        (Adapter(rank=2), Loss(neftune=5.0)),
        (Adapter(method="full", where=("attn_v", "ffn_down"), first_layer=1), Loss(keep_close=0)),
    ],
    ids=["smoothed", "dropout", "focal", "one-layer", "keep-close", "neftune", "some-whole"],
)
def test_gradients_follow_every_option(adapter, loss, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", "gemma2" if loss.name == "focal" else "llama")
    decoder = Decoder.load(GGUFWeights(read_header(path)), EXACT)
    decoder.add_adapter(adapter, seed=0)
    said, done = slopes(shaken(decoder), dialogues(), loss)
    assert said == pytest.approx(done, rel=1e-5)


@pytest.mark.parametrize("options", [EXACT._replace(packed=True), EXACT._replace(checkpoint=True)], ids=["packed", "checkpoint"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_packed_weights_and_checkpointing_give_the_same_gradients(options, dropout, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", "qwen3", type="Q8_0")
    gradients = []
    for how in (EXACT, options):
        decoder = Decoder.load(GGUFWeights(read_header(path)), how)
        decoder.add_adapter(Adapter(rank=3, dropout=dropout), seed=0)
        torch.manual_seed(1)
        supervised_loss(shaken(decoder), dialogues(), Loss()).total.backward()
        gradients.append({name: weight.grad for name, weight in decoder.trainable().items()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


def test_long_dialogues_are_attended_to_in_several_blocks(tmp_path):
    path = write_architecture(tmp_path / "model.gguf", "gemma3")
    decoder = Decoder.load(GGUFWeights(read_header(path)), EXACT)
    decoder.add_adapter(Adapter(rank=2), seed=0)
    batch = pack([Example([(n * n) % 280 for n in range(300)], [n % 4 == 0 for n in range(300)])])
    said, done = slopes(shaken(decoder), batch, Loss())
    assert said == pytest.approx(done, rel=1e-5)


def test_gradients_of_several_batches_add_up(tmp_path):
    path = write_architecture(tmp_path / "model.gguf", "llama")
    decoder = Decoder.load(GGUFWeights(read_header(path)), EXACT)
    decoder.add_adapter(Adapter(rank=2), seed=0)
    shaken(decoder)
    supervised_loss(decoder, dialogues(3), Loss()).total.backward()
    together = {name: weight.grad.clone() for name, weight in decoder.trainable().items()}
    for weight in decoder.trainable().values():
        weight.grad = None
    whole = dialogues(3)
    for start, end in zip(whole.starts[:-1], whole.starts[1:], strict=True):
        tokens = whole.tokens[start:end].tolist()
        supervised_loss(decoder, pack([Example(tokens, [n % 3 != 1 for n in range(len(tokens))])]), Loss()).total.backward()
    for name, gradient in together.items():
        torch.testing.assert_close(decoder.trainable()[name].grad, gradient)
