"""Zeros: as many as asked for, where they are missed least, in the file as in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.parts import Loss
from companion.core.recipes.prune import Prune
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.config import SPARSITY
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.pruning.plan import planned
from companion.workshop.pruning.sparsity import HOLDS_ZERO, keep_zeros, write_sparse
from companion.workshop.quantization.importance import Importance, measure_importance
from tests.tiny_models import write_tiny_llama
from tests.workshop.architectures import llama_logits, mean_divergence, write_architecture

TOKENS = [(7 * n * n + 3 * n) % 280 for n in range(40)]


def sparse(path, model, *, by_inputs=False, extra=None, **recipe):
    header = read_header(model)
    found = None
    if by_inputs:
        decoder = Decoder.load(GGUFWeights(header))
        chance = np.random.default_rng(1)
        texts = [Example(chance.integers(3, 280, 64).tolist(), []) for _ in range(4)]
        found = measure_importance(decoder, texts, seed=1, tell=lambda share: None)
    write_sparse(path, header, planned(Prune(**recipe), header), found, extra=extra or {}, tell=lambda share: None)
    return read_header(path)


def matrices(header):
    weights = GGUFWeights(header)
    return {tensor.name: weights.packed(tensor.name).dense(torch.float32) for tensor in header.tensors if len(tensor.shape) == 2}


@pytest.mark.parametrize("variant", ["llama-biased", "phi3", "arcee", "gemma3", "qwen3"])
@pytest.mark.parametrize("by_inputs", [False, True])
def test_so_many_weights_of_the_layers_are_zero_and_the_rest_is_as_it_was(variant, by_inputs, tmp_path):
    model = write_architecture(tmp_path / "m.gguf", variant)
    header = sparse(tmp_path / "s.gguf", model, by_inputs=by_inputs, sparsity=0.5)
    before = matrices(read_header(model))
    for name, values in matrices(header).items():
        zeros = values == 0
        assert zeros.float().mean() == pytest.approx(0.5 if name.startswith("blk.") else 0.0, abs=0.001)
        assert torch.equal(values[~zeros], before[name][~zeros])
        if by_inputs and name.startswith("blk."):
            assert (zeros.sum(1) == values.shape[1] // 2).all()
    reference = llama_logits(tmp_path / "s.gguf", TOKENS)
    decoder = Decoder.load(GGUFWeights(header))
    with torch.no_grad():
        ours = decoder.logits(decoder.hidden(pack([Example(TOKENS, [False] * len(TOKENS))])))
    assert mean_divergence(reference, ours) < 1e-6


def test_the_smallest_go_by_magnitude_and_by_what_they_multiply(tmp_path, tiny_model):
    header = read_header(tiny_model)
    name = "blk.0.attn_q.weight"
    before = matrices(header)[name]
    by_size = matrices(sparse(tmp_path / "s.gguf", tiny_model, sparsity=0.3))[name]
    assert before[by_size == 0].abs().max() < before[by_size != 0].abs().min()
    inputs = np.ones(64, np.float32)
    inputs[:32] = 1e12
    importance = {
        each.name: Importance(np.resize(inputs, each.shape[0]), np.ones(each.shape[1], np.float32), 9)
        for each in header.tensors
        if len(each.shape) == 2
    }
    plan = planned(Prune(sparsity=0.5), header)
    write_sparse(tmp_path / "w.gguf", header, plan, importance, extra={}, tell=lambda share: None)
    by_input = matrices(read_header(tmp_path / "w.gguf"))[name]
    assert (by_input[:, 32:] == 0).all()
    assert (by_input[:, :32] != 0).all()


@pytest.mark.parametrize("by_inputs", [False, True])
def test_a_pattern_holds_in_every_row(by_inputs, tmp_path, tiny_model):
    header = sparse(tmp_path / "s.gguf", tiny_model, by_inputs=by_inputs, pattern="2:4")
    for name, values in matrices(header).items():
        if name.startswith("blk."):
            assert ((values.view(len(values), -1, 4) == 0).sum(-1) == 2).all()


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"])
def test_zeros_are_zeros_in_every_type(kind, tmp_path):
    model = write_tiny_llama(tmp_path / "m.gguf", type=kind)
    header = sparse(tmp_path / "s.gguf", model, by_inputs=True, sparsity=0.5)
    kinds = {tensor.name: tensor.type.name for tensor in header.tensors}
    assert kinds["blk.0.ffn_up.weight"] == (kind if kind in HOLDS_ZERO else "F16")
    assert kinds["token_embd.weight"] == kind
    before, after = (matrices(read_header(path))["blk.0.ffn_up.weight"] for path in (model, tmp_path / "s.gguf"))
    assert (after == 0).float().mean() >= 0.5
    kept = after != 0
    assert (after - before)[kept].abs().mean() < 0.03 * before[kept].abs().mean()


def test_zeros_stay_zero_in_a_model_that_was_trained_on(tmp_path, tiny_model):
    zeros = sparse(tmp_path / "s.gguf", tiny_model, sparsity=0.5)
    other = read_header(write_tiny_llama(tmp_path / "o.gguf", seed=4))
    keep_zeros(tmp_path / "k.gguf", other, zeros)
    masks, trained = matrices(zeros), matrices(other)
    for name, values in matrices(read_header(tmp_path / "k.gguf")).items():
        mask = masks[name] != 0 if name.startswith("blk.") else torch.ones_like(values, dtype=torch.bool)
        assert torch.equal(values, trained[name] * mask)


def test_full_training_moves_no_zero_of_a_sparse_model(tmp_path, tiny_model):
    header = sparse(tmp_path / "s.gguf", tiny_model, sparsity=0.5, extra={SPARSITY: 0.5})
    decoder = Decoder.load(GGUFWeights(header))
    decoder.train_everything()
    before = decoder.model_tensors()
    optimizer = torch.optim.AdamW(decoder.trainable().values(), lr=0.01, weight_decay=0.1)
    batch = pack([Example(TOKENS, [True] * len(TOKENS))])
    for _ in range(3):
        supervised_loss(decoder, batch, Loss()).total.backward()
        optimizer.step()
        optimizer.zero_grad()
    for name, after in decoder.model_tensors().items():
        kept = before[name] != 0
        assert (after[kept] != before[name][kept]).float().mean() > 0.9
        if name.startswith("blk.") and after.dim() == 2:
            assert (after[~kept] == 0).all()
            assert (~kept).float().mean() > 0.49
