"""The weights of a GGUF file as tensors: mapped without copying, unpacked on the CPU or with torch, any type."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.core.gguf.types import TENSOR_TYPES
from companion.llama import ggml
from companion.workshop.nn.dequantize import FUNCTIONS
from companion.workshop.nn.weights import GGUFWeights, PackedTensor
from tests.llama.test_ggml import SLOW, any_bits
from tests.tiny_models import write_tiny_llama

KINDS = {kind.name: kind for kind in TENSOR_TYPES.values()}
NAME = "blk.0.ffn_down.weight"


def packed_as(name: str, rows: int = 6, width: int = 512) -> PackedTensor:
    values = np.random.default_rng(0).normal(0, 0.1, (rows, width)).astype(np.float32)
    packed = any_bits(name, rows, width) if name in SLOW else ggml.pack(KINDS[name], values)
    return PackedTensor("w", KINDS[name], (rows, width), torch.from_numpy(packed))


def by_the_gguf_package(path: Path) -> dict[str, np.ndarray]:
    return {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(path).tensors}


def write_split(folder: Path, parts: int = 2) -> Path:
    """The tiny model cut into files, as llama-gguf-split does it."""
    whole = write_tiny_llama(folder / "whole.gguf")
    tensors = [(t.name, np.array(t.data)) for t in gguf.GGUFReader(whole).tensors]
    each = -(-len(tensors) // parts)
    for number in range(parts):
        path = folder / f"split-{number + 1:05}-of-{parts:05}.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", parts)
        writer.add_int32("split.tensors.count", len(tensors))
        writer.add_uint32("llama.block_count", 2)
        for name, data in tensors[number * each : (number + 1) * each]:
            writer.add_tensor(name, data)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return folder / f"split-00001-of-{parts:05}.gguf"


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_1", "Q8_0"])
def test_every_tensor_has_the_numbers_of_the_file(tmp_path, kind):
    path = write_tiny_llama(tmp_path / "m.gguf", type=kind)
    weights, expected = GGUFWeights(read_header(path)), by_the_gguf_package(path)
    assert set(weights.names) == set(expected)
    for name, values in expected.items():
        ours = weights.packed(name).dense(torch.float32)
        np.testing.assert_allclose(ours.numpy().reshape(values.shape), values, rtol=1e-6)
    assert weights.vector("output_norm.weight").shape == (64,)


def test_packed_tensors_are_views_of_the_file(tiny_model):
    weights = GGUFWeights(read_header(tiny_model))
    one, two = weights.packed(NAME), weights.packed(NAME)
    assert one.data.data_ptr() == two.data.data_ptr()
    assert one.shape == (64, 128)
    assert one.nbytes == 64 * 128 * 4
    kept = one.data
    del weights, one, two  # the map lives as long as any view of it
    assert kept.sum() > 0


def test_a_split_model_is_read_from_all_its_parts(tmp_path):
    path = write_split(tmp_path, 3)
    weights = GGUFWeights(read_header(path, chat_model=False))
    whole = by_the_gguf_package(tmp_path / "whole.gguf")
    for name, values in whole.items():
        np.testing.assert_array_equal(weights.packed(name).dense(torch.float32).numpy().reshape(values.shape), values)


def test_missing_tensors_and_changed_files_are_sentences(tmp_path):
    path = write_tiny_llama(tmp_path / "m.gguf")
    header = read_header(path)
    with pytest.raises(ModelError, match="no tensor"):
        GGUFWeights(header).packed("blk.9.attn_q.weight")
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(ModelError, match="changed"):
        GGUFWeights(header)
    path.unlink()
    with pytest.raises(ModelError, match="cannot be opened"):
        GGUFWeights(header)


@pytest.mark.parametrize("name", [kind.name for kind in TENSOR_TYPES.values() if kind.is_weight])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_every_type_unpacks_into_every_dtype(name, dtype):
    packed, exactly = packed_as(name), {"rtol": 0, "atol": 0, "equal_nan": True}
    dense = packed.dense(dtype)
    assert dense.shape == packed.shape
    assert dense.dtype == dtype
    torch.testing.assert_close(dense, packed.dense(torch.float32).to(dtype), **exactly)
    out = torch.empty(3, 512, dtype=dtype)
    assert packed.dense(dtype, rows=slice(2, 5), out=out) is out
    torch.testing.assert_close(out, dense[2:5], **exactly)
    torch.testing.assert_close(packed.take(torch.tensor([5, 0, 5]), dtype), dense[[5, 0, 5]], **exactly)


def test_an_out_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="out is"):
        packed_as("Q4_0").dense(torch.float32, out=torch.empty(6, 511))


def test_the_types_the_issue_names_have_code_for_gpus_and_the_others_become_bf16_there():
    named = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"}
    assert named == set(FUNCTIONS)
    assert all(packed_as(name).has_device_code for name in (*named, "F32", "F16", "BF16"))
    packed = packed_as("IQ3_S")
    moved = packed.to("meta")  # a device that is not the CPU and holds no data
    assert moved.type.name == "BF16"
    assert moved.data.shape == (6, 1024)
    assert packed_as("Q6_K").to("meta").type.name == "Q6_K"
    assert packed.to("cpu") is packed


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_unpacks_the_same_numbers():
    for name in [*FUNCTIONS, "F32", "F16", "BF16", "IQ3_S"]:
        packed = packed_as(name)
        there = packed.to("cuda").dense(torch.bfloat16, "cuda").cpu()
        torch.testing.assert_close(there, packed.dense(torch.bfloat16), rtol=0, atol=0)
        torch.testing.assert_close(packed.dense(torch.bfloat16, "cuda").cpu(), there, rtol=0, atol=0)


def test_what_a_gpu_cannot_keep_packed_is_said(tmp_path, starter):
    assert GGUFWeights(read_header(starter)).device_note() == ""
    path = write_tiny_llama(tmp_path / "m.gguf", width=256, ffn=256, types={"blk.0.attn_q.weight": "TQ2_0"})
    note = GGUFWeights(read_header(path)).device_note()
    assert note.startswith("There is no GPU code for TQ2_0: what is packed so (1 of all tensors)")
    assert note.endswith("takes 114 KB more.")


def test_released_pages_come_back(starter):
    weights = GGUFWeights(read_header(starter))
    before = weights.packed("blk.3.ffn_up.weight").dense(torch.bfloat16)
    weights.release()
    assert torch.equal(weights.packed("blk.3.ffn_up.weight").dense(torch.bfloat16), before)
