"""Adapters: which matrices get one, what they begin as, what they are scaled by, and that they learn."""

from __future__ import annotations

import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Adapter, Loss
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions, adapter_scale
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights
from tests.workshop.architectures import write_architecture

TOKENS = [(11 * n * n + n) % 280 for n in range(40)]
BATCH = pack([Example(TOKENS, [True] * 40)])


def opened(tmp_path, variant="llama", **options):
    return Decoder.load(GGUFWeights(read_header(write_architecture(tmp_path / "model.gguf", variant))), DecoderOptions(**options))


def test_a_new_adapter_changes_nothing(tmp_path):
    decoder = opened(tmp_path)
    with torch.no_grad():
        before = decoder.hidden(BATCH)
        decoder.add_adapter(Adapter(rank=4), seed=0)
        assert torch.equal(decoder.hidden(BATCH), before)
    assert all((weight == 0).all() == name.endswith("b") for name, weight in decoder.adapter_tensors().items())


def test_it_has_the_names_and_shapes_that_gguf_wants(tmp_path):
    decoder = opened(tmp_path)
    decoder.add_adapter(Adapter(rank=4), seed=0)
    shapes = {name: tuple(tensor.shape) for name, tensor in decoder.adapter_tensors().items()}
    assert len(shapes) == 3 * 7 * 2
    assert shapes["blk.0.attn_k.weight.lora_a"] == (4, 64)
    assert shapes["blk.0.attn_k.weight.lora_b"] == (32, 4)
    assert shapes["blk.2.ffn_down.weight.lora_a"] == (4, 96)


def test_only_the_chosen_matrices_and_layers_get_one(tmp_path):
    decoder = opened(tmp_path)
    decoder.add_adapter(Adapter(rank=4, where=("attn_v", "ffn_up"), first_layer=1, last_layer=1), seed=0)
    assert {name.rpartition(".")[0] for name in decoder.trainable()} == {"blk.1.attn_v.weight", "blk.1.ffn_up.weight"}


def test_fused_matrices_get_one_when_a_part_is_chosen(tmp_path):
    decoder = opened(tmp_path, "phi3")
    decoder.add_adapter(Adapter(rank=4, where=("attn_q", "ffn_gate"), last_layer=0), seed=0)
    assert {name.rpartition(".")[0] for name in decoder.trainable()} == {"blk.0.attn_qkv.weight", "blk.0.ffn_up.weight"}


@pytest.mark.parametrize(
    ("adapter", "scale"),
    [(Adapter(rank=8), 2.0), (Adapter(rank=8, alpha=4), 0.5), (Adapter(rank=16, alpha=8, rank_stabilized=True), 2.0)],
)
def test_scale_is_alpha_over_the_rank_or_its_root(adapter, scale):
    assert adapter_scale(adapter) == scale


def test_without_it_the_model_is_as_before(tmp_path):
    decoder = opened(tmp_path)
    with torch.no_grad():
        before = decoder.hidden(BATCH)
        decoder.add_adapter(Adapter(rank=4), seed=0)
        for weight in decoder.trainable().values():
            weight.normal_()
        assert not torch.equal(decoder.hidden(BATCH), before)
        assert torch.equal(decoder.hidden(BATCH, adapted=False), before)
        assert not torch.equal(decoder.hidden(BATCH), before)


def test_dropout_is_for_training_only_and_repeats_with_the_seed(tmp_path):
    decoder = opened(tmp_path)
    decoder.add_adapter(Adapter(rank=4, dropout=0.5), seed=0)
    torch.manual_seed(0)
    for weight in decoder.trainable().values():
        weight.data.normal_(0, 0.3)

    def loss(seed):
        torch.manual_seed(seed)
        return supervised_loss(decoder, BATCH, Loss()).cross_entropy

    decoder.train()
    assert loss(1) == loss(1) != loss(2)
    decoder.eval()
    assert loss(1) == loss(2)


def trained(tmp_path, compute, steps=25):
    decoder = opened(tmp_path, compute=compute)
    decoder.add_adapter(Adapter(rank=4), seed=0)
    decoder.train()
    optimizer = torch.optim.AdamW(decoder.trainable().values(), lr=1e-2, fused=False)
    for _ in range(steps):
        optimizer.zero_grad()
        result = supervised_loss(decoder, BATCH, Loss())
        (result.total / result.count).backward()
        optimizer.step()
    return [weight.dtype for weight in decoder.trainable().values()], result.cross_entropy / result.count


def test_bfloat16_learns_as_well_as_float32_with_float32_masters(tmp_path):
    (types, exact), (rough_types, rough) = (trained(tmp_path, compute) for compute in (torch.float32, torch.bfloat16))
    assert set(types) == set(rough_types) == {torch.float32}
    assert exact < 2.0
    assert rough == pytest.approx(exact, rel=0.1)
