"""Losses in chunks give the numbers of torch's own losses over whole logits."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn import losses
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.losses import supervised_loss, token_losses
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import write_architecture

TOKENS = [(11 * n * n + n) % 280 for n in range(40)]
BATCH = pack([Example(TOKENS[:25], [n % 2 == 0 for n in range(25)]), Example(TOKENS[25:], [True] * 15)])


@pytest.fixture
def decoder(tmp_path):
    path = write_architecture(tmp_path / "model.gguf", "gemma2")
    decoder = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(compute=torch.float64))
    decoder.add_adapter(Adapter(rank=3), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.2)
    return decoder


@pytest.fixture(params=[1, 1 << 30], ids=["one row at a time", "all rows at once"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(losses, "CHUNK_BYTES", request.param)


def logits(decoder, adapted=True):
    with torch.no_grad():
        return decoder.logits(decoder.hidden(BATCH, rows=BATCH.rows, adapted=adapted))


def test_cross_entropy_is_the_mean_surprise(decoder, chunk):
    expected = functional.cross_entropy(logits(decoder), BATCH.targets, reduction="none")
    result = supervised_loss(decoder, BATCH, Loss())
    assert result.count == len(BATCH.targets)
    assert result.total.item() == pytest.approx(float(expected.sum()))
    assert result.cross_entropy == pytest.approx(float(expected.sum()))
    torch.testing.assert_close(token_losses(decoder, BATCH), expected)


def test_label_smoothing_is_that_of_torch(decoder, chunk):
    expected = functional.cross_entropy(logits(decoder), BATCH.targets, reduction="sum", label_smoothing=0.15)
    result = supervised_loss(decoder, BATCH, Loss(label_smoothing=0.15))
    assert result.total.item() == pytest.approx(float(expected))


def test_focal_loss_looks_away_from_what_is_known(decoder, chunk):
    nats = functional.cross_entropy(logits(decoder), BATCH.targets, reduction="none")
    expected = ((1 - torch.exp(-nats)) ** 2.5 * nats).sum()
    result = supervised_loss(decoder, BATCH, Loss(name="focal", focal_gamma=2.5))
    assert result.total.item() == pytest.approx(float(expected))


def test_keeping_close_adds_the_divergence_from_the_model_without_adapter(decoder, chunk):
    ours = logits(decoder).log_softmax(-1)
    theirs = logits(decoder, adapted=False).log_softmax(-1)
    divergence = (theirs.exp() * (theirs - ours)).sum()
    result = supervised_loss(decoder, BATCH, Loss(keep_close=0.5))
    assert float(divergence) > 0.01
    assert result.total.item() == pytest.approx(result.cross_entropy + 0.5 * float(divergence))


def test_a_token_that_seemed_impossible_has_a_finite_loss(decoder):
    """Its probability is zero in float32; log p is not."""
    z = torch.zeros(1, 5)
    z[0, 0] = 200.0
    nats, plain, gradient = losses._chunk(z, torch.tensor([3]), None, losses._Terms(0.0, 0.0, 0.0))
    assert float(nats) == float(plain) == pytest.approx(200.0)
    torch.testing.assert_close(gradient, torch.tensor([[1.0, 0, 0, -1.0, 0]]))


def test_noise_on_embeddings_is_only_made_in_training(decoder):
    plain = supervised_loss(decoder.eval(), BATCH, Loss(neftune=5.0)).cross_entropy
    assert plain == pytest.approx(supervised_loss(decoder, BATCH, Loss()).cross_entropy)
    assert supervised_loss(decoder.train(), BATCH, Loss(neftune=5.0)).cross_entropy != pytest.approx(plain)
