"""Dialogues computed in several lanes at once give the sums of one lane, the same every time."""

from __future__ import annotations

import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.lanes import shares
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import write_architecture

LENGTHS = (30, 7, 19, 12, 5)
BATCH = pack([Example([(5 * n * n + length) % 280 for n in range(length)], [n % 3 != 1 for n in range(length)]) for length in
              LENGTHS])  # fmt: skip


def adapted(path, packed=False):
    decoder = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(packed=packed))
    decoder.add_adapter(Adapter(rank=3), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.2)
    return decoder.train()


def gradients(decoder, threads, loss):
    torch.set_num_threads(threads)
    for weight in decoder.trainable().values():
        weight.grad = None
    torch.manual_seed(0)
    for _ in range(2):  # what comes second is added to what is there
        result = supervised_loss(decoder, BATCH, loss)
        (result.total / 7).backward()
    assert torch.get_num_threads() == threads
    return result, {name: weight.grad for name, weight in decoder.trainable().items()}


@pytest.mark.parametrize("loss", [Loss(), Loss(keep_close=0.5, label_smoothing=0.1)], ids=["plain", "keep-close"])
def test_several_lanes_add_up_to_one(loss, tmp_path):
    decoder = adapted(write_architecture(tmp_path / "model.gguf", "llama"))
    alone, expected = gradients(decoder, 1, loss)
    for threads in (2, 3):
        together, found = gradients(decoder, threads, loss)
        assert together.count == alone.count
        assert together.cross_entropy == pytest.approx(alone.cross_entropy)
        assert together.total.item() == pytest.approx(alone.total.item())
        for name, gradient in expected.items():
            torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


def test_full_training_in_lanes_reaches_embeddings_and_norms_too():
    config = DecoderConfig.llama(layers=2, width=32, heads=4, kv_heads=2, feed_forward=64, vocabulary=290, context=64)
    decoder = Decoder.fresh(config, seed=1).train()
    _, expected = gradients(decoder, 1, Loss())
    _, found = gradients(decoder, 2, Loss())
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_bits_whichever_lane_is_faster(tmp_path):
    decoder = adapted(write_architecture(tmp_path / "model.gguf", "llama"))
    _, expected = gradients(decoder, 3, Loss(neftune=5))
    for _ in range(5):
        _, found = gradients(decoder, 3, Loss(neftune=5))
        assert all(torch.equal(found[name], gradient) for name, gradient in expected.items())


def test_measuring_without_gradients_uses_lanes_too(tmp_path):
    decoder = adapted(write_architecture(tmp_path / "model.gguf", "gemma3")).eval()
    values = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with torch.no_grad():
            values.append(supervised_loss(decoder, BATCH, Loss()).cross_entropy)
    assert values[0] == pytest.approx(values[1])


def test_an_error_in_a_lane_is_raised_where_the_loss_was_asked_for(tmp_path):
    decoder = adapted(write_architecture(tmp_path / "model.gguf", "llama"))
    torch.set_num_threads(2)
    impossible = BATCH._replace(tokens=torch.full_like(BATCH.tokens, 99_999))
    with pytest.raises((IndexError, RuntimeError)):
        supervised_loss(decoder, impossible, Loss())
    assert torch.get_num_threads() == 2


def test_packed_weights_have_one_lane(tmp_path):
    torch.set_num_threads(2)
    path = write_architecture(tmp_path / "model.gguf", "llama", type="Q8_0")
    assert [adapted(path, packed).lanes() for packed in (False, True)] == [2, 1]


def test_dialogues_are_dealt_out_evenly_and_completely():
    parts = shares(BATCH, 2)
    assert sorted(part.starts[-1] for part in parts) == [36, 37]
    assert sum(len(part.targets) for part in parts) == len(BATCH.targets)
    for part in parts:
        follows = part.tokens[part.rows + 1]
        assert torch.equal(follows, part.targets)
