"""What all dialogues of a row begin with is computed once, and nothing that is learned shows it."""

from __future__ import annotations

import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.alignment import SHORTEST_SHARED, aligned
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import write_architecture

CARD = [(7 * n * n + 3) % 280 for n in range(85)]


def dialogue(length, card=CARD):
    own = [(5 * n * n + length) % 280 for n in range(length)]
    return Example(card + own, [False] * (len(card) + 2) + [n % 3 != 1 for n in range(2, length)])


EXAMPLES = [dialogue(length) for length in (40, 7, 300, 12)]


def gradients(decoder, batches, loss):
    for weight in decoder.trainable().values():
        weight.grad = None
    total = plain = 0.0
    for batch in batches:
        result = supervised_loss(decoder, batch, loss)
        (result.total / 9).backward()
        total += result.total.item()
        plain += result.cross_entropy
    return total, plain, {name: weight.grad.clone() for name, weight in decoder.trainable().items()}


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3"])
def test_loss_and_gradients_are_those_of_each_dialogue_alone(architecture, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", architecture)
    decoder = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(compute=torch.float64))
    decoder.add_adapter(Adapter(rank=3), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.2)
    decoder.train()
    loss = Loss(keep_close=0.3)
    total, plain, expected = gradients(decoder, [pack([example]) for example in EXAMPLES], loss)
    shared_total, shared_plain, found = gradients(decoder, [pack(EXAMPLES)], loss)
    assert (shared_total, shared_plain) == pytest.approx((total, plain), rel=1e-6)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)


def pairs():
    """Two pairs of replies, each to words of its own behind the card."""
    asked = [[(11 * n * n + seed) % 280 for n in range(70)] for seed in (1, 2)]
    return [
        dialogue(length, CARD + words) for words, lengths in zip(asked, ((20, 33), (9, 200)), strict=True) for length in lengths
    ]


@pytest.mark.parametrize("architecture", ["llama", "gemma2"])
def test_replies_to_the_same_words_share_them_behind_the_card(architecture, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", architecture)
    decoder = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(compute=torch.float64))
    decoder.add_adapter(Adapter(rank=3), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.2)
    examples = [*pairs(), dialogue(40)]
    total, _, expected = gradients(decoder, [pack([example]) for example in examples], Loss(keep_close=0.3))
    shared_total, _, found = gradients(decoder, [pack(examples)], Loss(keep_close=0.3))
    assert shared_total == pytest.approx(total, rel=1e-6)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)


def test_what_a_pair_has_in_common_is_there_once():
    row = work(pairs())
    assert row.starts[:4] == (0, 80, 144, 176), "the card, what the first pair answers, its first reply"
    assert row.before[:4] == ((), ((0, 80),), ((0, 80), (80, 144)), ((0, 80), (80, 144)))
    assert len(row.tokens) < 80 + 2 * 64 + sum((31 + 16, 44 + 16, 20 + 16, 211 + 16)) + 64
    assert work(pairs()[:2]).shared == 144, "a pair alone shares all of it in one piece"


def test_full_training_gives_the_beginning_its_gradient_once_for_every_dialogue():
    config = DecoderConfig.llama(layers=2, width=32, heads=4, kv_heads=2, feed_forward=64, vocabulary=290, context=512)
    decoder = Decoder.fresh(config, seed=1).train()
    _, _, expected = gradients(decoder, [pack([example]) for example in EXAMPLES], Loss())
    _, _, found = gradients(decoder, [pack(EXAMPLES)], Loss())
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5)


def work(examples):
    batch = pack(examples)
    return aligned(batch, batch.rows, share=True)


def test_only_what_is_really_common_is_shared():
    other = [*CARD[:70], 1, *CARD[71:]]
    assert work(EXAMPLES).shared == 80
    assert work([dialogue(20), dialogue(20, other)]).shared == 64
    assert work([dialogue(20), dialogue(20, CARD[: SHORTEST_SHARED - 5])]).shared == 0
    assert work(EXAMPLES[:1]).shared == 0


def test_what_is_learned_is_never_shared():
    eager = Example(CARD + CARD, [False] * 70 + [True] * 100)
    assert work([eager, eager]).shared == 64
    assert work([eager._replace(learn=[True] * 170)] * 2).shared == 0


def test_a_shared_beginning_makes_the_row_as_much_shorter():
    row = work(EXAMPLES)
    assert len(row.tokens) < sum(len(example.tokens) for example in EXAMPLES) - 3 * 80 + 4 * 16
    assert row.starts[:2] == (0, 80)
    assert row.wanted == sum(map(sum, (example.learn for example in EXAMPLES)))
