"""Preference losses over whole replies: numbers and gradients are those of autograd over all logits."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn import losses
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.preference_losses import dpo, kto, orpo, reply_log_likelihoods
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import write_architecture

ASKED = [(11 * n * n + n) % 280 for n in range(90)]


def reply(length):
    own = [(7 * n * n + length) % 280 for n in range(length)]
    return Example(ASKED + own, [False] * len(ASKED) + [True] * length)


BATCH = pack([reply(12), reply(30)])


@pytest.fixture(params=["llama", "gemma2"])
def decoder(request, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", request.param)
    decoder = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(compute=torch.float64))
    decoder.add_adapter(Adapter(rank=3), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.2)
    return decoder


@pytest.fixture(params=[1, 1 << 30], ids=["one row at a time", "all rows at once"])
def chunk(request, monkeypatch):
    monkeypatch.setattr(losses, "CHUNK_BYTES", request.param)


def from_logits(decoder):
    """log p of both replies over whole logits, with torch's own backward through the head."""
    hidden = decoder.hidden(BATCH, rows=BATCH.rows)
    weight = decoder.head.dense()
    logits = hidden @ weight.t()
    if decoder.head.cap:
        logits = torch.tanh(logits / decoder.head.cap) * decoder.head.cap
    log_p = logits.log_softmax(-1).gather(1, BATCH.targets[:, None])[:, 0]
    return torch.stack([log_p[:12].sum(), log_p[12:].sum()])


def gradients(decoder, total):
    for weight in decoder.trainable().values():
        weight.grad = None
    total.backward()
    return {name: weight.grad.clone() for name, weight in decoder.trainable().items()}


def all_three(log_p):
    """DPO, KTO and ORPO of the pair in one sum."""
    margin = 0.1 * (log_p[0] + 31.0 - log_p[1] - 70.0)
    rewards = 0.1 * (log_p + torch.tensor([31.0, 70.0], dtype=torch.float64))
    judged = kto(rewards, torch.tensor(0.02), torch.tensor([True, False]), torch.tensor([1.0, 2.0]))
    return dpo(margin, 0.1) + judged.sum() + orpo(log_p[0] / 12, log_p[1] / 30)


def test_gradients_are_those_of_autograd_over_whole_logits(decoder, chunk):
    found = reply_log_likelihoods(decoder, BATCH)
    expected = from_logits(decoder)
    assert found.tokens.tolist() == [12, 30]
    torch.testing.assert_close(found.log_p, expected.to(found.log_p), rtol=1e-6, atol=1e-6)
    theirs = gradients(decoder, all_three(expected))
    ours = gradients(decoder, all_three(reply_log_likelihoods(decoder, BATCH).log_p.double()))
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-7)
    assert max(float(gradient.abs().max()) for gradient in theirs.values()) > 1e-3


def test_a_pair_in_one_row_is_as_likely_as_its_replies_alone(decoder):
    together = reply_log_likelihoods(decoder, BATCH).log_p
    alone = torch.cat([reply_log_likelihoods(decoder, pack([reply(length)])).log_p for length in (12, 30)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


def test_the_reference_is_the_same_model_without_its_adapter(decoder):
    with torch.no_grad():
        bare = reply_log_likelihoods(decoder, BATCH, adapted=False).log_p
        adapted = reply_log_likelihoods(decoder, BATCH).log_p
        for weight in decoder.trainable().values():
            weight.zero_()
        torch.testing.assert_close(reply_log_likelihoods(decoder, BATCH).log_p, bare)
    assert (adapted - bare).abs().max() > 0.01


def test_dpo_is_a_classification_of_pairs_and_smoothing_that_of_its_labels():
    margin = torch.tensor([-2.0, 0.0, 1.5])
    plain = functional.binary_cross_entropy_with_logits(margin, torch.ones(3), reduction="none")
    torch.testing.assert_close(dpo(margin, 0.0), plain)
    smooth = functional.binary_cross_entropy_with_logits(margin, torch.full((3,), 0.8), reduction="none")
    torch.testing.assert_close(dpo(margin, 0.2), smooth)


def test_kto_pulls_a_good_reply_up_and_pushes_a_bad_one_down():
    reward = torch.tensor([0.5, 0.5], requires_grad=True)
    values = kto(reward, torch.tensor(0.1), torch.tensor([True, False]), torch.tensor([1.0, 3.0]))
    torch.testing.assert_close(
        values.detach(), torch.tensor([1 - torch.sigmoid(torch.tensor(0.4)), 3 * torch.sigmoid(torch.tensor(0.4))])
    )
    values.sum().backward()
    assert reward.grad[0] < 0 < reward.grad[1]


def test_orpo_compares_odds_and_stands_a_reply_that_is_certain():
    better, worse = torch.tensor([-0.5]), torch.tensor([-1.5])
    odds = [torch.exp(p) / (1 - torch.exp(p)) for p in (better, worse)]
    torch.testing.assert_close(orpo(better, worse), -functional.logsigmoid(torch.log(odds[0] / odds[1])))
    assert torch.isfinite(orpo(torch.tensor([0.0]), worse)).all()
