"""Dialogues computed in several lanes at once give the sums of one lane, the same every time."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import write_architecture

LENGTHS = (30, 7, 19, 12, 5)
EXAMPLES = [
    Example([(5 * n * n + length) % 280 for n in range(length)], [n % 3 != 1 for n in range(length)]) for length in LENGTHS
]


def adapted(path, packed=False):
    decoder = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(packed=packed))
    decoder.add_adapter(Adapter(rank=3), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.2)
    return decoder.train()


def sums(decoder, lanes, loss, examples=EXAMPLES):
    """Total and plain loss of all examples, dealt out to lanes; adds gradients when they are wanted."""
    rows = [pack([examples[index] for index in lane]) for lane in deal([len(each.tokens) for each in examples], lanes)]

    def learn(number, row, failed):
        result = supervised_loss(decoder, row, loss, seed=number + 1)
        if torch.is_grad_enabled():
            (result.total / 7).backward()
        return result.total.item(), result.cross_entropy

    return np.sum(side_by_side([partial(learn, number, row) for number, row in enumerate(rows)]), axis=0)


def gradients(decoder, lanes, loss):
    torch.set_num_threads(3)
    for weight in decoder.trainable().values():
        weight.grad = None
    for _ in range(2):  # what comes second is added to what is there
        result = sums(decoder, lanes, loss)
    assert torch.get_num_threads() == 3
    return result, {name: weight.grad for name, weight in decoder.trainable().items()}


@pytest.mark.parametrize("loss", [Loss(), Loss(keep_close=0.5, label_smoothing=0.1)], ids=["plain", "keep-close"])
def test_several_lanes_add_up_to_one(loss, tmp_path):
    decoder = adapted(write_architecture(tmp_path / "model.gguf", "llama"))
    alone, expected = gradients(decoder, 1, loss)
    for lanes in (2, 3, 9):
        together, found = gradients(decoder, lanes, loss)
        assert together == pytest.approx(alone)
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
    with torch.no_grad():
        assert sums(decoder, 1, Loss()) == pytest.approx(sums(decoder, 2, Loss()))
    assert all(weight.grad is None for weight in decoder.trainable().values())


@pytest.mark.parametrize("culprit", [0, 1])
def test_an_error_in_a_lane_ends_the_others_and_is_raised(culprit):
    seen = []

    def lane(number, failed):
        if number == culprit:
            raise MemoryError("too much")
        seen.append(failed.wait(20))

    torch.set_num_threads(2)
    with pytest.raises(MemoryError):
        side_by_side([partial(lane, 0), partial(lane, 1)])
    assert seen == [True]
    assert torch.get_num_threads() == 2


def test_packed_weights_have_one_lane(tmp_path):
    torch.set_num_threads(2)
    path = write_architecture(tmp_path / "model.gguf", "llama", type="Q8_0")
    assert [adapted(path, packed).lanes() for packed in (False, True)] == [2, 1]


def test_rows_are_dealt_out_evenly_and_completely():
    assert deal(LENGTHS, 2) == [[0, 1], [2, 3, 4]]
    assert deal(LENGTHS, 9) == [[0], [2], [3], [1], [4]]
    assert deal([], 2) == [[]]
