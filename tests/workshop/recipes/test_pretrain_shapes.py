"""Every shape that can be pretrained is one that llama.cpp computes as torch does, forward and backward."""

from __future__ import annotations

import random

import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.core.recipes.pretrain import CARRIERS, Decoder, Pretrain, VocabularyPart
from companion.llama.library import Library
from companion.workshop.data.batch import Example, pack
from companion.workshop.data.control_tags import BEGIN, TURN_ENDS, chat_template
from companion.workshop.data.vocabulary_training import train_vocabulary
from companion.workshop.export.model_file import write_model
from companion.workshop.export.sentencepiece_model import read_sentencepiece
from companion.workshop.export.verify import measured_loss
from companion.workshop.nn.activation import gated, gated_backward
from companion.workshop.nn.decoder import Decoder as Network
from companion.workshop.nn.losses import supervised_loss, token_losses
from companion.workshop.nn.norms import rms_norm, rms_norm_backward, scaled
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes.pretrain import decoder_config


def moved(network, seed):
    """The network with weights far from those it begins with, so that every part of it counts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.trainable().values():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(0.3 * noise if weight.dim() > 1 else 1 + 0.2 * noise)
    return network


@pytest.fixture(autouse=True)
def one_thread():
    """Such small products are slower on two threads, and slow indeed beside other programs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def vocabulary():
    return train_vocabulary(["hello world, the quick brown fox"], VocabularyPart(size=400), 0)


@pytest.fixture(scope="module")
def examples(vocabulary):
    chance, size = random.Random(2), len(read_sentencepiece(vocabulary).pieces)
    return [Example([1, *chance.choices(range(5, size), k=40)], [False] + [True] * 40) for _ in range(4)]


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize(("activation", "norm"), list(CARRIERS))
def test_llama_cpp_computes_what_torch_does(activation, norm, tied, vocabulary, examples, tmp_path):
    shape = Decoder(
        layers=3, width=64, heads=4, kv_heads=2, feed_forward=96, context=128, activation=activation, norm=norm, tied=tied
    )
    config = decoder_config(Pretrain(decoder=shape), len(read_sentencepiece(vocabulary).pieces))
    network = moved(Network.fresh(config, 0, tied=tied), 1)
    path = tmp_path / "shape.gguf"
    markers = {"chat_template": chat_template(), "begin": BEGIN, "end_of_turn": TURN_ENDS}
    header = write_model(path, config, network.model_tensors(), vocabulary, name="Shape", store_as="F32", **markers)
    assert header.architecture == CARRIERS[activation, norm]
    ours = token_losses(network, pack(examples)).mean().item()
    assert measured_loss(path, None, examples, library=Library(), threads=1)[0] == pytest.approx(ours, rel=2e-4)
    read = Network.load(GGUFWeights(read_header(path)))
    assert (read.config.architecture, read.config.activation) == (config.architecture, config.activation)
    assert token_losses(read, pack(examples)).mean().item() == pytest.approx(ours, rel=1e-6)
    read.add_adapter(Adapter(rank=2), 0)  # a model of one's own can be fine-tuned like any other
    assert len(read.adapter_tensors()) == 2 * 3 * (7 if config.gated else 6)


@pytest.mark.parametrize(("activation", "norm"), list(CARRIERS))
def test_the_loss_falls_along_its_gradient_as_much_as_the_gradient_says(activation, norm, examples):
    shape = Decoder(layers=2, width=32, heads=2, kv_heads=1, feed_forward=48, activation=activation, norm=norm)
    network = moved(Network.fresh(decoder_config(Pretrain(decoder=shape), 400), 0), 3)
    batch = pack(examples[:1])
    before = supervised_loss(network, batch, Loss()).total
    before.backward()
    weights = network.trainable()
    slope = sum(float(weight.grad.square().sum()) for weight in weights.values() if weight.grad is not None)
    assert all(weight.grad is not None for weight in weights.values())
    step = 0.02 / slope
    with torch.no_grad():
        for weight in weights.values():
            weight.sub_(weight.grad, alpha=step)
    after = supervised_loss(network, batch, Loss()).total
    assert (before - after).item() == pytest.approx(step * slope, rel=0.05)


def test_layer_norm_without_a_weight_has_its_own_gradient():
    x = torch.randn(5, 16, dtype=torch.float64, requires_grad=True)
    dy = torch.randn(5, 16, dtype=torch.float64)
    wanted = torch.nn.functional.layer_norm(x, (16,), eps=1e-5)
    wanted.backward(dy)
    y, inverse = rms_norm(x.detach(), None, 1e-5, torch.float64)
    torch.testing.assert_close(y, wanted.detach())
    torch.testing.assert_close(scaled(x.detach(), inverse, None, torch.float64), y)
    torch.testing.assert_close(rms_norm_backward(dy, x.detach(), inverse, None), x.grad)


def test_squared_relu_has_its_own_gradient():
    x = torch.randn(5, 16, dtype=torch.float64, requires_grad=True)
    dy = torch.randn(5, 16, dtype=torch.float64)
    wanted = torch.relu(x).square()
    wanted.backward(dy)
    torch.testing.assert_close(gated(x.detach(), "relu2"), wanted.detach())
    gradient, again = gated_backward(dy, x.detach(), "relu2")
    torch.testing.assert_close(gradient, x.grad)
    torch.testing.assert_close(again, wanted.detach())
