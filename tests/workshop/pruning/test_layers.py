"""A layer's divergence is that of a file without it, whichever layers are gone already."""

from __future__ import annotations

import numpy as np
import pytest

from companion.core.gguf.header import read_header
from companion.workshop.data.batch import Example
from companion.workshop.export.layers import write_layers
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.pruning.layers import LayerRanker
from tests.workshop.architectures import mean_divergence, write_architecture

ROWS = 48


def examples():
    chance = np.random.default_rng(1)
    return [Example(chance.integers(3, 280, 64).tolist(), []) for _ in range(3)]


@pytest.mark.parametrize(("variant", "left"), [("llama", (0, 1, 2)), ("gemma3", (0, 2, 3, 5, 6)), ("gemma2", (1, 2))])
@pytest.mark.parametrize("packed", [False, True])
def test_it_is_what_a_file_without_the_layer_would_be(variant, left, packed, tmp_path):
    path = write_architecture(tmp_path / "whole.gguf", variant)
    whole = Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(packed=packed))
    ranker = LayerRanker(whole, examples(), ROWS)
    told: list[float] = []
    found = ranker.divergences(left, told.append)
    assert tuple(found) == left
    assert told[-1] == 1.0
    reference = whole.logits(ranker._reference.trace.hidden)
    for layer, divergence in found.items():
        write_layers(tmp_path / "part.gguf", read_header(path), [each for each in left if each != layer])
        part = Decoder.load(GGUFWeights(read_header(tmp_path / "part.gguf")))
        ours = part.logits(part.trace(ranker._reference.batch, ranker._reference.rows).hidden)
        assert divergence == pytest.approx(mean_divergence(reference, ours), rel=1e-3)


def test_measuring_leaves_the_decoder_as_it_was(tmp_path):
    whole = Decoder.load(GGUFWeights(read_header(write_architecture(tmp_path / "whole.gguf", "llama"))))
    ranker = LayerRanker(whole, examples(), ROWS)
    first = ranker.divergences((0, 1, 2), lambda share: None)
    assert [layer.index for layer in whole.layers] == [0, 1, 2]
    assert ranker.divergences((0, 1, 2), lambda share: None) == first
