"""What matters: agreed with autograd, kept as llama.cpp's tools keep it, and refused when it is another model's."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.workshop.data.batch import Example, pack
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.quantization.importance import Importance, measure_importance, read_importance, write_importance

TOKENS = [[5, 9, 77, 130, 8, 41, 3, 12, 60, 7], [11, 4, 200, 33, 90]]


@pytest.fixture(scope="module")
def weights(tiny_model):
    return GGUFWeights(read_header(tiny_model))


@pytest.fixture(scope="module")
def found(weights):
    decoder = Decoder.load(weights, DecoderOptions())
    return measure_importance(decoder, [Example(tokens, []) for tokens in TOKENS], seed=3, tell=lambda share: None)


def test_every_matrix_is_there_with_its_inputs_and_outputs(weights, found):
    matrices = {t.name: t.shape for t in weights.header.tensors if len(t.shape) == 2}
    assert found.keys() == matrices.keys()
    for name, (columns, rows) in matrices.items():
        assert found[name].inputs.shape == (columns,)
        assert found[name].outputs.shape == (rows,)
        assert (found[name].inputs >= 0).all()
        assert np.isfinite(found[name].outputs).all()


def test_inputs_of_the_output_matrix_are_the_squares_of_what_the_layers_leave(weights, found):
    decoder = Decoder.load(weights, DecoderOptions())
    squares, count = torch.zeros(64, dtype=torch.float64), 0
    for tokens in TOKENS:
        batch = pack([Example(tokens, [False] + [True] * (len(tokens) - 1))])
        with torch.no_grad():
            hidden = decoder.hidden(batch, rows=batch.rows)
        squares += hidden.double().square().sum(0)
        count += len(hidden)
    assert np.allclose(found["token_embd.weight"].inputs, squares / count, rtol=1e-4)


def test_the_same_seed_gives_the_same(weights, found):
    decoder = Decoder.load(weights, DecoderOptions())
    again = measure_importance(decoder, [Example(tokens, []) for tokens in TOKENS], seed=3, tell=lambda share: None)
    for name, each in found.items():
        assert np.array_equal(each.outputs, again[name].outputs)


def test_a_file_is_read_back_and_is_what_the_gguf_package_reads(found, tmp_path):
    path = tmp_path / "i.gguf"
    write_importance(path, found, datasets=["a", "b"], chunk=512)
    shapes = {name: (len(each.outputs), len(each.inputs)) for name, each in found.items()}
    for name, each in read_importance(path, shapes).items():
        assert np.allclose(each.inputs, found[name].inputs, rtol=1e-5)
        assert np.allclose(each.outputs, found[name].outputs, rtol=1e-5)
        assert each.tokens == found[name].tokens
    reader = gguf.GGUFReader(path)
    assert reader.get_field("general.type").contents() == "imatrix"
    assert reader.get_field("imatrix.datasets").contents() == ["a", "b"]
    names = {tensor.name for tensor in reader.tensors}
    assert {"blk.0.attn_q.weight.in_sum2", "blk.0.attn_q.weight.counts"} <= names


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda shapes: {name: (rows, columns * 2) for name, (rows, columns) in shapes.items()}, "another model"),
        (lambda shapes: {f"other.{name}": shape for name, shape in shapes.items()}, "knows none"),
    ],
)
def test_the_file_of_another_model_is_refused(found, tmp_path, change, says):
    path = tmp_path / "i.gguf"
    write_importance(path, found, datasets=["a"], chunk=512)
    shapes = {name: (len(each.outputs), len(each.inputs)) for name, each in found.items()}
    with pytest.raises(ModelError, match=says):
        read_importance(path, change(shapes))


def test_a_model_is_no_importance_file(tiny_model):
    with pytest.raises(ModelError, match="no importance file"):
        read_importance(tiny_model, {"blk.0.attn_q.weight": (64, 64)})


def test_numbers_that_are_none_are_refused(found, tmp_path):
    path = tmp_path / "i.gguf"
    name = "blk.0.attn_q.weight"
    broken = {name: Importance(np.full(64, np.nan, np.float32), found[name].outputs, 5)}
    write_importance(path, broken, datasets=["a"], chunk=512)
    with pytest.raises(ModelError, match="damaged"):
        read_importance(path, {name: (64, 64)})
