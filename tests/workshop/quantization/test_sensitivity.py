"""What a matrix can bear: the cheap prediction against the true divergence, and the divergence against a model built so."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from companion.core.gguf.header import read_header
from companion.core.gguf.types import TYPES_BY_NAME
from companion.llama.library import Library
from companion.llama.quantize import quantize
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.quantization.builds import matrices_of
from companion.workshop.quantization.importance import measure_importance
from companion.workshop.quantization.sensitivity import Anchor, Measurer, Sensitivities, predicted, spread

KINDS = ("Q4_0", "IQ4_NL", "Q5_0", "Q8_0")


class Setting:
    def __init__(self, path, *, packed=False):
        self.weights = GGUFWeights(read_header(path))
        self.decoder = Decoder.load(self.weights, DecoderOptions(packed=packed))
        chance = np.random.default_rng(1)
        self.examples = [Example(chance.integers(3, 380, 96).tolist(), []) for _ in range(4)]
        self.importance = measure_importance(self.decoder, self.examples, seed=1, tell=lambda share: None)
        self.matrices = {each.name: each for each in matrices_of(self.weights.header, self.importance)}
        self.measurer = Measurer(self.decoder, self.weights, self.examples, 128, 1)


@pytest.fixture(scope="module")
def setting(tiny_model):
    return Setting(tiny_model)


@pytest.mark.parametrize(
    "name", ["blk.0.attn_v.weight", "blk.0.ffn_down.weight", "blk.1.ffn_up.weight", "blk.1.attn_output.weight"]
)
def test_the_prediction_is_near_the_truth(setting, name):
    matrix = setting.matrices[name]
    found = predicted(setting.weights, matrix, matrix.able(KINDS), setting.importance[name], 1)
    assert found.pop("F32") == 0.0
    for kind, nats in found.items():
        true = setting.measurer.divergence(matrix, TYPES_BY_NAME[kind], setting.importance[name])
        assert 0.3 < true / nats < 3, (kind, true, nats)


def test_measuring_leaves_the_model_as_it_was(setting):
    matrix = setting.matrices["token_embd.weight"]
    before = setting.measurer.divergence(matrix, matrix.kind, setting.importance[matrix.name])
    setting.measurer.divergence(matrix, TYPES_BY_NAME["Q4_0"], setting.importance[matrix.name])
    after = setting.measurer.divergence(matrix, matrix.kind, setting.importance[matrix.name])
    assert before == after == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["blk.0.attn_k.weight", "blk.1.ffn_down.weight", "token_embd.weight"])
def test_packed_and_unpacked_weights_are_measured_alike(setting, tiny_model, name):
    packed = Setting(tiny_model, packed=True)
    kind = TYPES_BY_NAME["Q4_0"]
    ours = setting.measurer.divergence(setting.matrices[name], kind, setting.importance[name])
    theirs = packed.measurer.divergence(packed.matrices[name], kind, setting.importance[name])
    assert theirs == pytest.approx(ours, rel=1e-3)


@pytest.mark.parametrize("name", ["blk.0.ffn_down.weight", "token_embd.weight"])
def test_a_file_with_that_matrix_packed_diverges_as_much(setting, tiny_model, tmp_path, name):
    kind = TYPES_BY_NAME["Q4_0"]
    kinds = {each.name: each.kind.name for each in setting.matrices.values()} | {name: kind.name}
    built = tmp_path / "built.gguf"
    Library()
    quantize(tiny_model, built, kinds=kinds, importance={n: i.inputs for n, i in setting.importance.items()})
    other = Decoder.load(GGUFWeights(read_header(built)), DecoderOptions())
    trace = setting.measurer._reference.trace
    batch = pack([Example(each.tokens, [False] * len(each.tokens)) for each in setting.examples])
    usable = np.concatenate([np.arange((a + b) // 2, b - 1) for a, b in pairwise(batch.starts)])
    chosen = usable[np.linspace(0, len(usable) - 1, 128).astype(np.int64)]
    theirs = other.logits(other.trace(batch, torch.from_numpy(chosen)).hidden).double().log_softmax(-1)
    ours = setting.decoder.logits(trace.hidden).double().log_softmax(-1)
    expected = float((ours.exp() * (ours - theirs)).sum(-1).mean())
    assert setting.measurer.divergence(setting.matrices[name], kind, setting.importance[name]) == pytest.approx(
        expected, rel=0.01
    )


def test_what_was_not_measured_is_corrected_as_its_sort_was():
    found = Sensitivities(
        predicted={f"blk.{i}.ffn_up.weight": {"Q4_0": 1.0, "Q8_0": 0.1, "F16": 0.0} for i in range(3)},
        anchors={"blk.0.ffn_up.weight": Anchor("Q4_0", 2.0), "blk.2.ffn_up.weight": Anchor("Q4_0", 4.0)},
    )
    assert found.damage("blk.0.ffn_up.weight", "Q8_0") == pytest.approx(0.2)
    assert found.damage("blk.1.ffn_up.weight", "Q8_0") == pytest.approx(0.3)
    assert found.damage("blk.1.ffn_up.weight", "F16") == 0.0
    assert found.next_anchors(100) == [("blk.1.ffn_up.weight", "Q4_0")]
    assert found.next_anchors(2) == []


def test_the_first_to_be_measured_are_spread_over_sorts_and_depth():
    names = [f"blk.{i}.{sort}.weight" for i in range(9) for sort in ("attn_q", "ffn_up")] + ["token_embd.weight"]
    found = Sensitivities(predicted={name: {"Q4_0": 1.0, "F16": 0.0} for name in names})
    measured = [name for name, kind in found.next_anchors(7)]
    assert {name for name in measured if "attn_q" in name} == {f"blk.{i}.attn_q.weight" for i in (0, 4, 8)}
    assert "token_embd.weight" in measured
    assert sorted(name for name, kind in found.next_anchors(100)) == sorted(names)


@given(st.integers(0, 300))
def test_every_beginning_of_a_spread_leaves_no_gap_twice_as_wide_as_another(count):
    order = spread(count)
    assert sorted(order) == list(range(count))
    for length in range(2, count + 1):
        gaps = np.diff(sorted(order[:length]))
        assert gaps.max() <= 2 * gaps.min() + 2
