"""The torch decoder computes what llama.cpp computes: same tokens, same logits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from companion.core.gguf.header import read_header
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import VARIANTS, llama_logits, mean_divergence, write_architecture

TOKENS = [(7 * n * n + 3 * n) % 280 for n in range(40)]


def torch_logits(path: Path, tokens: list[int], options: DecoderOptions) -> torch.Tensor:
    decoder = Decoder.load(GGUFWeights(read_header(path)), options)
    with torch.no_grad():
        return decoder.logits(decoder.hidden(pack([Example(tokens, [False] * len(tokens))])))


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_are_those_of_llama_cpp(variant, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", variant)
    reference = llama_logits(path, TOKENS)
    assert mean_divergence(reference, reference.flip(0)) > 0.05, "the model says the same everywhere and proves nothing"
    assert mean_divergence(reference, torch_logits(path, TOKENS, DecoderOptions())) < 1e-6
