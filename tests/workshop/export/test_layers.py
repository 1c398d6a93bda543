"""A model of some layers is what those layers compute, in torch and in llama.cpp alike, with nothing else changed."""

from __future__ import annotations

import pytest
import torch

from companion.core.errors import WorkshopError
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header
from companion.workshop.data.batch import Example, pack
from companion.workshop.export.gguf_file import pairs_of
from companion.workshop.export.layers import evenly_spread, write_layers
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.weights import GGUFWeights
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import VARIANTS, llama_logits, mean_divergence, write_architecture
from tests.workshop.nn.test_weights import write_split

TOKENS = [(7 * n * n + 3 * n) % 280 for n in range(40)]


def bytes_of(path):
    weights = GGUFWeights(read_header(path, chat_model=False))
    return {name: bytes(weights.packed(name).data.numpy()) for name in weights.names}


@pytest.mark.parametrize("variant", VARIANTS)
def test_torch_and_llama_cpp_compute_the_same_from_the_layers_that_are_kept(variant, tmp_path):
    whole = write_architecture(tmp_path / "whole.gguf", variant)
    header = read_header(whole)
    keep = (0, 2, 5, 6) if header.layers == 7 else (0, 2)
    write_layers(tmp_path / "part.gguf", header, keep)
    decoder = Decoder.load(GGUFWeights(read_header(tmp_path / "part.gguf")), None)
    with torch.no_grad():
        ours = decoder.logits(decoder.hidden(pack([Example(TOKENS, [False] * len(TOKENS))])))
    reference = llama_logits(tmp_path / "part.gguf", TOKENS)
    assert mean_divergence(reference, ours) < 1e-6
    assert mean_divergence(llama_logits(whole, TOKENS), reference) > 0.01
    windows = DecoderConfig.from_header(header).windows
    assert decoder.config.windows == tuple(windows[layer] for layer in keep if windows)


def test_gemmas_windows_stay_with_their_layers(tmp_path):
    """Layer 5 looks at everything, wherever it stands: counted anew, layer 1 of the two would be local."""
    whole = write_architecture(tmp_path / "whole.gguf", "gemma3")
    write_layers(tmp_path / "part.gguf", read_header(whole), (0, 5))
    windows = DecoderConfig.from_header(read_header(tmp_path / "part.gguf")).windows
    assert [bool(window) for window in windows] == [True, False]


def test_all_layers_are_the_model_itself(tmp_path, tiny_model):
    write_layers(tmp_path / "same.gguf", read_header(tiny_model), (0, 1))
    assert bytes_of(tmp_path / "same.gguf") == bytes_of(tiny_model)
    assert pairs_of(tmp_path / "same.gguf") == pairs_of(tiny_model)


@pytest.mark.parametrize("kind", ["Q4_K", "Q6_K", "IQ4_XS", "Q8_0", "BF16"])
def test_packed_tensors_are_copied_byte_for_byte(kind, tmp_path):
    if kind == "IQ4_XS":
        from companion.workshop.export.merge import merge_tensors

        plain = write_tiny_llama(tmp_path / "plain.gguf", layers=3, width=256, ffn=256)
        whole = merge_tensors(tmp_path / "whole.gguf", read_header(plain), {}, kind=kind).path
    else:
        whole = write_tiny_llama(tmp_path / "whole.gguf", layers=3, width=256, ffn=256, type=kind)
    write_layers(tmp_path / "part.gguf", read_header(whole), (1, 2))
    before, after = bytes_of(whole), bytes_of(tmp_path / "part.gguf")
    assert after["blk.0.ffn_down.weight"] == before["blk.1.ffn_down.weight"]
    assert after["blk.1.attn_q.weight"] == before["blk.2.attn_q.weight"]
    assert after["token_embd.weight"] == before["token_embd.weight"]
    assert "blk.2.attn_q.weight" not in after
    assert read_header(tmp_path / "part.gguf").quantization == read_header(whole).quantization


def test_lists_with_a_number_per_layer_are_cut_too(tmp_path):
    lists = {"{arch}.feed_forward_length": [128, 128, 128], "{arch}.attention.head_count_kv": [2, 2, 2]}
    whole = write_tiny_llama(tmp_path / "whole.gguf", layers=3, metadata=lists)
    write_layers(tmp_path / "part.gguf", read_header(whole), (0, 2))
    metadata = read_header(tmp_path / "part.gguf").metadata
    assert metadata["llama.feed_forward_length"] == (128, 128)
    assert metadata["llama.attention.head_count_kv"] == (2, 2)
    assert metadata["llama.block_count"] == 2
    assert torch.isfinite(llama_logits(tmp_path / "part.gguf", TOKENS)).all()


def test_a_split_model_becomes_one_file(tmp_path):
    base = write_split(tmp_path)
    header = read_header(base, chat_model=False)
    write_layers(tmp_path / "part.gguf", header, (1,))
    after = bytes_of(tmp_path / "part.gguf")
    assert after["blk.0.ffn_up.weight"] == bytes_of(base)["blk.1.ffn_up.weight"]
    assert not read_header(tmp_path / "part.gguf", chat_model=False).is_split


def test_it_claims_no_base_and_says_what_it_is_told(tmp_path):
    about = {BASE_SHA256: "ab" * 32, "general.size_label": "100M"}
    whole = write_tiny_llama(tmp_path / "whole.gguf", metadata=about)
    write_layers(tmp_path / "part.gguf", read_header(whole), (0,), metadata={"general.name": "Small"})
    header = read_header(tmp_path / "part.gguf")
    assert header.name == "Small"
    assert not set(about) & set(header.metadata)


def test_what_cannot_be_cut_is_a_sentence_and_leaves_nothing(tmp_path, tiny_model):
    for keep in ((), (1, 0), (0, 0), (0, 2), (-1, 0)):
        with pytest.raises(ValueError, match="layers"):
            write_layers(tmp_path / "part.gguf", read_header(tiny_model), keep)
    other = write_tiny_llama(tmp_path / "other.gguf", architecture="starcoder2")
    with pytest.raises(WorkshopError, match="starcoder2"):
        write_layers(tmp_path / "part.gguf", read_header(other, chat_model=False), (0,))
    large = write_tiny_llama(tmp_path / "large.gguf", layers=46, architecture="gemma2")
    with pytest.raises(WorkshopError, match="46 layers"):
        write_layers(tmp_path / "part.gguf", read_header(large, chat_model=False), tuple(range(40)))
    assert not (tmp_path / "part.gguf").exists()


@pytest.mark.parametrize(
    ("layers", "count", "kept"),
    [(30, 2, (0, 29)), (7, 4, (0, 2, 4, 6)), (5, 5, (0, 1, 2, 3, 4)), (4, 1, (0,)), (6, 4, (0, 2, 3, 5))],
)
def test_layers_are_spread_evenly(layers, count, kept):
    assert evenly_spread(layers, count) == kept


def test_any_number_of_layers_is_spread_without_repeating_one():
    for layers in range(1, 50):
        for count in range(1, layers + 1):
            spread = evenly_spread(layers, count)
            assert len(set(spread)) == count
            assert spread[0] == 0
            assert spread[-1] == (layers - 1 if count > 1 else 0)
