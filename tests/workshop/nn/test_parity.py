"""The torch decoder computes what llama.cpp computes: same tokens, same logits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from companion.core.gguf.header import read_header
from companion.llama.library import Library
from companion.llama.model import Model
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import VARIANTS, llama_logits, mean_divergence, unpack_to_float32, write_architecture

TOKENS = [(7 * n * n + 3 * n) % 280 for n in range(40)]


def torch_logits(path: Path, tokens: list[int], options: DecoderOptions | None = None) -> torch.Tensor:
    decoder = Decoder.load(GGUFWeights(read_header(path)), options)
    with torch.no_grad():
        return decoder.logits(decoder.hidden(pack([Example(tokens, [False] * len(tokens))])))


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_are_those_of_llama_cpp(variant, tmp_path):
    path = write_architecture(tmp_path / "model.gguf", variant)
    reference = llama_logits(path, TOKENS)
    assert mean_divergence(reference, reference.flip(0)) > 0.05, "the model says the same everywhere and proves nothing"
    assert mean_divergence(reference, torch_logits(path, TOKENS)) < 1e-6


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "Q6_K", "Q4_K", "Q2_K"])
@pytest.mark.parametrize("packed", [False, True])
def test_logits_of_packed_types_are_those_of_llama_cpp(kind, packed, tmp_path):
    """Against the unpacked model: llama.cpp itself rounds what it multiplies packed weights by to 8 bits."""
    path = write_tiny_llama(tmp_path / "model.gguf", type=kind, width=256, ffn=256, heads=4, kv_heads=2, vocabulary=288)
    reference = llama_logits(unpack_to_float32(path, tmp_path / "float32.gguf"), TOKENS)
    ours = torch_logits(path, TOKENS, DecoderOptions(packed=packed))
    assert mean_divergence(reference, ours) < 1e-6
    assert mean_divergence(llama_logits(path, TOKENS), ours) < 1e-2


def test_long_rotary_factors_serve_dialogues_beyond_the_original_context(tmp_path):
    path = write_architecture(tmp_path / "model.gguf", "phi3")
    short, long = (torch_logits(path, TOKENS, DecoderOptions(longest=longest)) for longest in (512, 513))
    assert mean_divergence(short, long) > 1e-4


def test_bfloat16_stays_close_to_float32(tmp_path):
    path = write_architecture(tmp_path / "model.gguf", "llama")
    rough = torch_logits(path, TOKENS, DecoderOptions(compute=torch.bfloat16))
    assert mean_divergence(torch_logits(path, TOKENS), rough) < 1e-3


def test_the_starter_model_says_what_it_says_in_llama_cpp(starter, tmp_path):
    """Its weights unpacked to float32 by llama.cpp itself, so that nothing but the decoder is compared.

    With the packed weights llama.cpp rounds activations to 8 bits, which moves its own logits by 0.0012 nats.
    """
    with Model(Library(), starter) as model:
        tokens = model.vocabulary.tokenize("Hello! I walk my dog by the river. What do you think about Paris in spring? " * 5)[
            :64
        ]
    reference = llama_logits(unpack_to_float32(starter, tmp_path / "float32.gguf"), tokens)
    ours = torch_logits(starter, tokens)
    assert mean_divergence(reference, ours) < 1e-8
    assert mean_divergence(llama_logits(starter, tokens), ours) < 3e-3
