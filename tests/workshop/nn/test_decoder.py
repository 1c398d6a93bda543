"""Loading, refusing, packing and continuing."""

from __future__ import annotations

import pytest
import torch

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.config import SUPPORTED, DecoderConfig
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.losses import supervised_loss, token_losses
from companion.workshop.nn.weights import GGUFWeights
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import write_architecture

TOKENS = [(11 * n * n + n) % 280 for n in range(30)]


def opened(path, **options):
    return Decoder.load(GGUFWeights(read_header(path)), DecoderOptions(**options))


def example(tokens, learn=None):
    return Example(tokens, learn or [True] * len(tokens))


def test_an_unknown_architecture_is_refused_with_the_list(tmp_path):
    path = write_tiny_llama(tmp_path / "model.gguf", architecture="falcon")
    with pytest.raises(ModelError) as refused:
        opened(path)
    assert "falcon" in refused.value.what
    assert all(name in refused.value.remedy for name in SUPPORTED)


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"{arch}.expert_count": 4, "{arch}.expert_used_count": 2}, "experts"),
        ({"{arch}.attention.head_count_kv": [2, 4]}, "sizes"),
    ],
)
def test_variants_that_it_does_not_compute_are_refused(metadata, why, tmp_path):
    path = write_tiny_llama(tmp_path / "model.gguf", metadata=metadata)
    with pytest.raises(ModelError, match=why):
        opened(path)


def test_a_tensor_of_another_size_is_refused_by_name(tmp_path):
    path = write_tiny_llama(tmp_path / "model.gguf", metadata={"{arch}.feed_forward_length": 160})
    with pytest.raises(ModelError, match=r"blk\.0\.ffn_gate\.weight"):
        opened(path)


@pytest.mark.parametrize("variant", ["llama", "gemma3"])
def test_attention_stays_inside_each_dialogue(variant, tmp_path):
    decoder = opened(write_architecture(tmp_path / "model.gguf", variant))
    parts = [TOKENS[:7], TOKENS[3:30], TOKENS[5:6]]
    with torch.no_grad():
        together = decoder.hidden(pack([example(part) for part in parts]))
        alone = torch.cat([decoder.hidden(pack([example(part)])) for part in parts])
    torch.testing.assert_close(together, alone)


def test_only_the_asked_rows_are_returned(tmp_path):
    decoder = opened(write_architecture(tmp_path / "model.gguf", "qwen3"))
    batch = pack([example(TOKENS[:9]), example(TOKENS[9:])])
    rows = torch.tensor([2, 3, 11, 25])
    with torch.no_grad():
        torch.testing.assert_close(decoder.hidden(batch, rows=rows), decoder.hidden(batch)[rows])


@pytest.mark.parametrize("variant", ["llama", "gemma2", "gemma3", "phi3"])
@pytest.mark.parametrize("adapted", [False, True])
def test_text_continues_with_the_most_likely_tokens(variant, adapted, tmp_path):
    decoder = opened(write_architecture(tmp_path / "model.gguf", variant))
    if adapted:
        decoder.add_adapter(Adapter(rank=4), seed=0)
        for weight in decoder.trainable().values():
            weight.data.normal_(0, 0.3)
    said = decoder.continue_text(TOKENS[:12], 9, lambda token: False)
    tokens = list(TOKENS[:12])
    with torch.no_grad():
        for token in said:
            likely = int(decoder.logits(decoder.hidden(pack([example(tokens)])))[-1].argmax())
            assert token == likely
            tokens.append(token)
    assert decoder.continue_text(TOKENS[:12], 9, lambda token: token == said[4]) == said[: said.index(said[4])]


def test_a_fresh_decoder_trains_everything_and_learns(tmp_path):
    config = DecoderConfig.llama(layers=2, width=32, heads=4, kv_heads=2, feed_forward=64, vocabulary=290, context=64)
    decoder = Decoder.fresh(config, seed=1).train()
    names = set(decoder.trainable())
    assert {"token_embd.weight", "output_norm.weight", "blk.1.attn_q.weight", "blk.0.ffn_norm.weight"} <= names
    assert "output.weight" not in names
    assert set(decoder.model_tensors()) == names
    optimizer = torch.optim.AdamW(decoder.trainable().values(), lr=1e-2)
    batch = pack([example(TOKENS)])
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        result = supervised_loss(decoder, batch, Loss())
        (result.total / result.count).backward()
        optimizer.step()
        losses.append(result.cross_entropy / result.count)
    assert losses[0] == pytest.approx(5.67, abs=0.1)  # log 290
    assert losses[-1] < 0.5


def test_an_untied_fresh_decoder_has_its_own_output(tmp_path):
    config = DecoderConfig.llama(layers=1, width=32, heads=2, kv_heads=1, feed_forward=64, vocabulary=290, context=64)
    decoder = Decoder.fresh(config, seed=1, tied=False)
    supervised_loss(decoder, pack([example(TOKENS)]), Loss()).total.backward()
    assert all(weight.grad is not None for weight in decoder.trainable().values())
    assert decoder.trainable()["output.weight"].shape == (290, 32)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ModelError, match="do not divide"):
        DecoderConfig.llama(layers=1, width=30, heads=4, kv_heads=2, feed_forward=64, vocabulary=290, context=64)


def test_the_same_seed_makes_the_same_model():
    config = DecoderConfig.llama(layers=1, width=32, heads=2, kv_heads=1, feed_forward=64, vocabulary=290, context=64)
    one, same, other = (Decoder.fresh(config, seed=seed).model_tensors() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["token_embd.weight"], other["token_embd.weight"])


def test_a_dialogue_without_anything_to_learn_costs_nothing(tmp_path):
    decoder = opened(write_architecture(tmp_path / "model.gguf", "llama"))
    decoder.add_adapter(Adapter(rank=2), seed=0)
    batch = pack([example(TOKENS, [False] * len(TOKENS))])
    result = supervised_loss(decoder, batch, Loss())
    result.total.backward()
    assert (result.count, result.cross_entropy) == (0, 0.0)
    assert token_losses(decoder, batch).numel() == 0
