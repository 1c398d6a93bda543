"""A model without some neurons and heads computes what the whole one does when these are silent, in torch and in llama.cpp."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header
from companion.workshop.data.batch import Example, pack
from companion.workshop.export.cut import Cut, write_cut
from companion.workshop.export.merge import merge_tensors
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.pruning.plan import FREE_HEADS
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import VARIANTS, llama_logits, mean_divergence, write_architecture

TOKENS = [(7 * n * n + 3 * n) % 280 for n in range(40)]
EVERY = np.arange


def torch_logits(path):
    decoder = Decoder.load(GGUFWeights(read_header(path)))
    with torch.no_grad():
        return decoder.logits(decoder.hidden(pack([Example(TOKENS, [False] * len(TOKENS))])))


def silenced(path, whole, cuts):
    """The whole model, in which nothing reads what is not to stay."""
    header = read_header(whole)
    config, weights, changed = DecoderConfig.from_header(header), GGUFWeights(header), {}
    group = config.heads // config.kv_heads * config.head_size
    for layer, cut in enumerate(cuts):
        for name, stay in (
            ("ffn_down", cut.neurons),
            ("attn_output", (cut.heads[:, None] * group + np.arange(group)).ravel()),
        ):
            values = weights.packed(f"blk.{layer}.{name}.weight").dense(torch.float32)
            mask = torch.zeros(values.shape[1])
            mask[torch.from_numpy(stay)] = 1
            changed[f"blk.{layer}.{name}.weight"] = values * mask
    return merge_tensors(path, header, changed).path


def cuts_of(header, heads):
    """Other neurons and heads in each layer."""
    random = np.random.default_rng(3)
    size = header.feed_forward_length
    return [
        Cut(
            np.sort(random.permutation(size)[: size * 2 // 3]),
            np.array([layer % 2]) if heads else EVERY(header.kv_heads[0]),
        )
        for layer in range(header.layers)
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_left_computes_as_if_the_rest_were_silent(variant, tmp_path):
    whole = write_architecture(tmp_path / "whole.gguf", variant)
    header = read_header(whole)
    cuts = cuts_of(header, heads=header.architecture in FREE_HEADS)
    write_cut(tmp_path / "cut.gguf", header, cuts)
    reference = llama_logits(tmp_path / "cut.gguf", TOKENS)
    assert mean_divergence(reference, torch_logits(tmp_path / "cut.gguf")) < 1e-6
    assert mean_divergence(llama_logits(silenced(tmp_path / "silent.gguf", whole, cuts), TOKENS), reference) < 1e-6
    assert mean_divergence(llama_logits(whole, TOKENS), reference) > 0.001
    cut = read_header(tmp_path / "cut.gguf")
    assert cut.feed_forward_length == 64
    assert cut.kv_heads == (len(cuts[0].heads),) * header.layers
    assert cut.head_sizes == header.head_sizes


def packed_bytes(path):
    weights = GGUFWeights(read_header(path))
    return {name: weights.packed(name).data.numpy() for name in weights.names}


@pytest.mark.parametrize("kind", ["Q4_1", "Q8_0", "Q4_K", "BF16"])
def test_rows_keep_their_bits_and_columns_do_where_whole_blocks_go(kind, tmp_path):
    whole = write_tiny_llama(tmp_path / "whole.gguf", width=256, ffn=1024, type=kind)
    header = read_header(whole)
    neurons = np.r_[256:512, 768:1024]
    write_cut(tmp_path / "cut.gguf", header, [Cut(neurons, EVERY(2))] * 2)
    before, after = packed_bytes(whole), packed_bytes(tmp_path / "cut.gguf")
    for name in ("attn_q", "attn_output", "attn_norm"):
        assert np.array_equal(after[f"blk.1.{name}.weight"], before[f"blk.1.{name}.weight"])
    for name in ("ffn_gate", "ffn_up"):
        assert np.array_equal(after[f"blk.0.{name}.weight"], before[f"blk.0.{name}.weight"][neurons])
    row = before["blk.0.ffn_down.weight"]
    quarter = row.shape[1] // 4
    assert np.array_equal(after["blk.0.ffn_down.weight"], np.hstack((row[:, quarter : 2 * quarter], row[:, 3 * quarter :])))


def test_columns_within_blocks_are_unpacked_to_f16(tmp_path):
    whole = write_tiny_llama(tmp_path / "whole.gguf", width=64, ffn=128, type="Q4_0")
    header = read_header(whole)
    neurons = np.r_[1:97]
    write_cut(tmp_path / "cut.gguf", header, [Cut(neurons, EVERY(2))] * 2)
    cut = read_header(tmp_path / "cut.gguf")
    kinds = {tensor.name: tensor.type.name for tensor in cut.tensors if len(tensor.shape) == 2}
    assert {name for name, kind in kinds.items() if kind == "F16"} == {"blk.0.ffn_down.weight", "blk.1.ffn_down.weight"}
    before = GGUFWeights(header).packed("blk.0.ffn_down.weight").dense(torch.float32)[:, neurons]
    after = GGUFWeights(cut).packed("blk.0.ffn_down.weight").dense(torch.float32)
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-6)


def test_lists_become_numbers_and_no_base_is_claimed(tmp_path):
    lists = {
        "{arch}.feed_forward_length": [128, 128],
        "{arch}.attention.head_count": [4, 4],
        "{arch}.attention.head_count_kv": [2, 2],
        BASE_SHA256: "ab" * 32,
    }
    whole = write_tiny_llama(tmp_path / "whole.gguf", metadata=lists, leave_out=("{arch}.rope.dimension_count",))
    write_cut(tmp_path / "cut.gguf", read_header(whole), [Cut(EVERY(96), np.array([1]))] * 2, metadata={"general.name": "Small"})
    fields = gguf.GGUFReader(tmp_path / "cut.gguf").fields
    wanted = {
        "llama.feed_forward_length": 96,
        "llama.attention.head_count": 2,
        "llama.attention.head_count_kv": 1,
        "llama.attention.key_length": 16,
        "llama.attention.value_length": 16,
        "llama.rope.dimension_count": 16,
        "general.name": "Small",
    }
    assert {key: fields[key].contents() for key in wanted} == wanted
    assert BASE_SHA256 not in fields
    assert torch.isfinite(llama_logits(tmp_path / "cut.gguf", TOKENS)).all()
