"""Scores say what happens when a neuron or a head falls silent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from companion.core.gguf.header import read_header
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.pruning.structured import measure_scores, staying
from tests.workshop.architectures import mean_divergence, write_architecture

KINDS = ("fisher", "wanda", "magnitude")


def examples():
    chance = np.random.default_rng(1)
    return [Example(chance.integers(3, 280, 64).tolist(), []) for _ in range(4)]


def loaded(path, *, packed=False):
    return Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(packed=packed)).eval()


def scores(decoder, kind):
    return measure_scores(decoder, kind, examples(), seed=1, tell=lambda share: None)


def logits(decoder):
    batch = pack([Example(each.tokens, [False] * len(each.tokens)) for each in examples()])
    with torch.no_grad():
        return decoder.logits(decoder.hidden(batch))


def silence(linear, columns, decoder, reference):
    """How far the words move without these columns."""
    before = linear.weight.clone()
    linear.weight[:, columns] = 0
    moved = mean_divergence(reference, logits(decoder))
    linear.weight.copy_(before)
    return moved


@pytest.mark.parametrize("variant", ["llama", "gemma3", "phi3", "arcee", "qwen3"])
def test_fishers_scores_are_near_what_the_words_do(variant, tmp_path):
    decoder = loaded(write_architecture(tmp_path / "m.gguf", variant))
    found, reference = scores(decoder, "fisher"), logits(decoder)
    layer, config = decoder.layers[1], decoder.config
    neurons = list(range(0, config.feed_forward, 8))
    true = [silence(layer.down, [neuron], decoder, reference) for neuron in neurons]
    told = [found[1].neurons[neuron] for neuron in neurons]
    assert np.corrcoef(np.argsort(np.argsort(true)), np.argsort(np.argsort(told)))[0, 1] > 0.7
    assert 0.4 < sum(told) / sum(true) < 2.5
    group = config.heads // config.kv_heads * config.head_size
    heads = [silence(layer.output, slice(n * group, (n + 1) * group), decoder, reference) for n in range(config.kv_heads)]
    assert 0.1 < sum(found[1].heads) / sum(heads) < 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("variant", ["llama", "phi3", "arcee", "gemma2"])
def test_packed_and_unpacked_weights_score_alike_and_silent_units_nothing(kind, variant, tmp_path):
    path = write_architecture(tmp_path / "m.gguf", variant)
    whole, packed = scores(loaded(path), kind), scores(loaded(path, packed=True), kind)
    assert [len(each.neurons) for each in whole] == [96] * len(whole)
    assert [len(each.heads) for each in whole] == [2] * len(whole)
    for ours, theirs in zip(whole, packed, strict=True):
        assert theirs.neurons == pytest.approx(ours.neurons, rel=1e-3)
        assert theirs.heads == pytest.approx(ours.heads, rel=1e-3)
    if kind != "magnitude":
        silent = loaded(path)
        silent.layers[0].down.weight[:, 5] = 0
        assert scores(silent, kind)[0].neurons[5] == 0


def test_magnitude_is_the_squares_of_all_that_goes_with_a_unit(tmp_path):
    path = write_architecture(tmp_path / "m.gguf", "llama")
    weights = GGUFWeights(read_header(path))
    found = scores(loaded(path), "magnitude")[2]

    def squares(name, index):
        return float(weights.packed(f"blk.2.{name}.weight").dense(torch.float32)[index].double().square().sum())

    neuron = squares("ffn_gate", 7) + squares("ffn_up", 7) + squares("ffn_down", (slice(None), 7))
    assert found.neurons[7] == pytest.approx(neuron)
    head = squares("attn_q", slice(32, 64)) + squares("attn_k", slice(16, 32)) + squares("attn_v", slice(16, 32))
    assert found.heads[1] == pytest.approx(head + squares("attn_output", (slice(None), slice(32, 64))))


def test_the_best_stay_in_their_order_alone_or_in_blocks():
    values = [5.0, 1.0, 4.0, 9.0, 0.0, 3.0]
    assert staying(values, 3).tolist() == [0, 2, 3]
    assert staying(values, 4, 2).tolist() == [0, 1, 2, 3]
    assert staying(values, 2, 2).tolist() == [2, 3]
    assert staying([1.0, 1.0, 1.0], 2).tolist() == [0, 1]
