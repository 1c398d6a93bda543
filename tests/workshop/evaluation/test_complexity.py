"""How large an update is, against products that were really formed; and what noise a linear head could fit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from companion.core.gguf.header import read_header
from companion.core.recipes.evaluate import Evaluate
from companion.llama.adapter import Scaled
from companion.workshop.evaluation import complexity
from companion.workshop.evaluation.family import Material, Situation
from companion.workshop.evaluation.material import read_material
from companion.workshop.evaluation.opened import open_subjects
from companion.workshop.evaluation.rademacher import linear_rademacher
from companion.workshop.evaluation.update_size import effective_rank, product_singular_values, updates, weight_norms
from companion.workshop.nn.weights import GGUFWeights
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama
from tests.workshop.evaluation.canned import by_key, values


@pytest.mark.parametrize(("out", "rank", "width"), [(40, 4, 30), (6, 8, 50), (50, 8, 5), (1, 1, 1)])
def test_singular_values_are_those_of_the_product(out, rank, width):
    generator = torch.Generator().manual_seed(out)
    b, a = torch.randn(out, rank, generator=generator), torch.randn(rank, width, generator=generator)
    truth = torch.linalg.svdvals(b.double() @ a.double())[: min(out, rank, width)]
    found = product_singular_values(b, a)
    torch.testing.assert_close(found[: len(truth)], truth, rtol=1e-9, atol=1e-9)
    assert found[len(truth) :].abs().sum() < 1e-6


@pytest.mark.parametrize(
    ("singular_values", "rank"),
    [([1.0, 1.0, 1.0, 1.0], 4), ([5.0, 0.0], 1), ([0.0, 0.0], 0), ([2.0, 1.0, 1.0], 2**1.5), ([1e-30, 1e-30], 2)],
)
def test_the_effective_rank_counts_equal_directions_fully(singular_values, rank):
    assert effective_rank(torch.tensor(singular_values, dtype=torch.float64)) == pytest.approx(rank)


@pytest.fixture
def model(tmp_path):
    return write_tiny_llama(tmp_path / "tiny.gguf", type="Q8_0")


def formed(model, files):
    """Every update as a dense matrix."""
    found = {}
    for path, scale in files:
        weights = GGUFWeights(read_header(path, chat_model=False))
        for name in {name.rpartition(".")[0] for name in weights.names}:
            a, b = (weights.packed(f"{name}.lora_{half}").dense(torch.float64) for half in "ab")
            found[name] = found.get(name, 0) + scale * 8.0 / len(a) * b @ a
    return found


def test_several_adapters_are_one_update(model, tmp_path):
    one = write_adapter(tmp_path / "one.gguf", model, rank=4, seed=1)
    two = write_adapter(tmp_path / "two.gguf", model, rank=2, seed=2, where=("attn_q",))
    files = [Scaled(one, 0.5), Scaled(two, -2.0)]
    dense = formed(model, files)
    found = updates(files)
    assert {update.name for update in found} == set(dense)
    assert [update.name.split(".")[1] for update in found] == sorted(update.name.split(".")[1] for update in found)
    for update in found:
        truth = torch.linalg.svdvals(dense[update.name])
        assert update.spectral == pytest.approx(float(truth[0]))
        assert update.frobenius == pytest.approx(float(dense[update.name].norm()))
        assert update.effective_rank == pytest.approx(effective_rank(truth), rel=1e-6)
    assert updates([Scaled(one, 1.0), Scaled(one, -1.0)])[0].frobenius == pytest.approx(0, abs=1e-5)


def test_norms_of_a_weight_are_those_of_the_dense_matrix(model, monkeypatch):
    monkeypatch.setattr("companion.workshop.evaluation.update_size._AT_ONCE", 1000)  # several blocks of rows
    weights = GGUFWeights(read_header(model))
    for name in ("blk.0.attn_q.weight", "blk.1.ffn_down.weight", "token_embd.weight"):
        packed = weights.packed(name)
        dense = packed.dense(torch.float32).double()
        found = weight_norms(packed)
        assert found.frobenius == pytest.approx(float(dense.norm()))
        truth = float(torch.linalg.matrix_norm(dense, ord=2))
        assert truth * 0.98 < found.spectral <= truth * (1 + 1e-5)


def test_the_section_of_a_model_with_and_without_an_adapter(model, tmp_path):
    adapter = write_adapter(tmp_path / "voice.gguf", model, size=0.1)
    material = Material(read_material(Evaluate(), lambda share: None).dialogues[:10], (), ())
    with open_subjects(Evaluate(subjects=((str(model),), (str(model), f"{adapter}:0.5")))) as (subjects, _):
        plain, voiced = (
            complexity.measure(Situation(Evaluate(), opened, material, (), None, lambda share: None)) for opened in subjects
        )
    bare, found = values(plain), values(voiced)
    assert bare["parameters"] == found["parameters"] == sum(tensor.elements for tensor in read_header(model).tensors)
    assert bare["trainable"] is bare["effective_rank"] is bare["update_frobenius"] is None
    assert by_key(plain, "effective_rank").why == complexity.NO_ADAPTER
    assert found["trainable"] == sum(t.elements for t in read_header(adapter, chat_model=False).tensors)
    assert 1 < found["effective_rank"] <= 4
    assert found["update_frobenius"] == pytest.approx(expected_share(model, adapter))
    assert found["weight_norm"] == bare["weight_norm"] > 0
    assert found["mood_rademacher"] == bare["mood_rademacher"] > 0
    assert len(plain.curves) == 1
    assert [len(points) for curve in voiced.curves for points in curve.series.values()] == [2, 2, 2, 2]
    assert all(metric.explained and (metric.value is not None or metric.why) for metric in (*plain.metrics, *voiced.metrics))


def expected_share(model, adapter):
    weights = GGUFWeights(read_header(model))
    dense = formed(model, [(adapter, 0.5)])
    above = sum(float(update.square().sum()) for update in dense.values())
    below = sum(float(weights.packed(name).dense(torch.float32).double().square().sum()) for name in dense)
    return (above / below) ** 0.5


def test_rademacher_complexity_is_the_mean_over_all_signs():
    features = np.random.default_rng(1).normal(size=(8, 3))
    lengths = [np.linalg.norm(np.array(signs) @ features) for signs in itertools.product((-1.0, 1.0), repeat=8)]
    truth = 2.5 / 8 * np.mean(lengths)
    found = linear_rademacher(features, 2.5, draws=4000, seed=0)
    assert found.low < truth < found.high
    assert found.value == pytest.approx(truth, rel=0.02)
    assert truth < found.bound == pytest.approx(2.5 / 8 * np.sqrt((features**2).sum()))
    assert found == linear_rademacher(features, 2.5, draws=4000, seed=0)


def test_one_text_is_fitted_whatever_its_sign():
    found = linear_rademacher(np.array([[3.0, 4.0]]), 2.0, draws=10, seed=0)
    assert found.value == found.bound == found.low == found.high == 10.0


def test_more_texts_leave_less_noise_to_fit():
    features = np.random.default_rng(0).normal(size=(1000, 16))
    few, many = (linear_rademacher(features[:count], 1.0, draws=200, seed=0).value for count in (10, 1000))
    assert many == pytest.approx(few / 10, rel=0.1)
