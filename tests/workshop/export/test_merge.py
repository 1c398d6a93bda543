"""A merged model is the base with the adapter in it: the same numbers, the same metadata, in any type."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from companion.core.adapter import AdapterInfo
from companion.core.errors import ModelError, WorkshopError
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header
from companion.core.gguf.types import TENSOR_TYPES
from companion.workshop.export.adapter_file import Provenance, write_adapter
from companion.workshop.export.gguf_file import PlannedTensor, encoded, pairs_of, write_gguf
from companion.workshop.export.merge import TYPES, merge_adapter, merge_tensors
from companion.workshop.export.verify import measured_loss
from companion.workshop.nn.weights import GGUFWeights
from tests.tiny_models import write_tiny_llama
from tests.workshop.export.trained import matrices, random_dialogues, random_tensors
from tests.workshop.nn.test_weights import write_split

RANK, ALPHA = 4, 8.0
WHERE = {"blk.0.attn_q.weight": (64, 64), "blk.1.ffn_down.weight": (64, 128)}
KINDS = {kind.name: kind for kind in TENSOR_TYPES.values()}


def adapter_for(model: Path, path: Path, tensors: dict[str, torch.Tensor]) -> AdapterInfo:
    provenance = Provenance(name="Voice")
    return write_adapter(
        path, read_header(model), tensors, alpha=ALPHA, rank_stabilized=False, provenance=provenance, store_as="F32"
    )


def numbers(path: Path) -> dict[str, np.ndarray]:
    weights = GGUFWeights(read_header(path))
    return {name: weights.packed(name).dense(torch.float32).numpy() for name in weights.names}


def metadata(path: Path) -> dict[str, object]:
    return {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items() if not name.startswith("GGUF.")}


def expected(base: Path, tensors: dict[str, torch.Tensor], scale: float = 1.0) -> dict[str, np.ndarray]:
    values = numbers(base)
    for name in {key.rpartition(".")[0] for key in tensors}:
        a, b = tensors[f"{name}.lora_a"].double(), tensors[f"{name}.lora_b"].double()
        values[name] = (values[name] + scale * ALPHA / RANK * (b @ a).numpy()).astype(np.float32)
    return values


def test_a_merged_model_is_the_sum_and_everything_else_is_copied(tmp_path, tiny_model):
    tensors = random_tensors(WHERE, RANK)
    merged = merge_adapter(
        tmp_path / "merged.gguf", read_header(tiny_model), adapter_for(tiny_model, tmp_path / "a.gguf", tensors), scale=0.5
    )
    assert (merged.changed, merged.bits_per_weight) == (2, 32)
    assert merged.bytes == (tmp_path / "merged.gguf").stat().st_size
    for name, values in expected(tiny_model, tensors, 0.5).items():
        np.testing.assert_allclose(numbers(merged.path)[name], values, rtol=1e-5, atol=1e-6)
        assert (name in WHERE) or np.array_equal(values, numbers(tiny_model)[name])
    before, after = pairs_of(tiny_model), pairs_of(merged.path)
    assert after.pop("companion.merged.adapter").endswith(b"Voice")
    assert after == before
    assert metadata(merged.path)["tokenizer.chat_template"] == metadata(tiny_model)["tokenizer.chat_template"]


def test_llama_cpp_speaks_with_the_merged_model_as_with_base_and_adapter(tmp_path, tiny_model, library):
    adapter = adapter_for(tiny_model, tmp_path / "a.gguf", random_tensors(matrices(tiny_model), RANK))
    merged = merge_adapter(tmp_path / "merged.gguf", read_header(tiny_model), adapter)
    examples = random_dialogues(384)
    beside, _ = measured_loss(tiny_model, adapter.path, examples, library=library, threads=1)
    inside, _ = measured_loss(merged.path, None, examples, library=library, threads=1)
    plain, _ = measured_loss(tiny_model, None, examples, library=library, threads=1)
    assert inside == pytest.approx(beside, rel=1e-3)
    assert abs(plain - beside) > 20 * abs(inside - beside)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q8_0", "BF16", "F16", "Q5_1"])
def test_every_tensor_keeps_the_type_of_the_base(tmp_path, kind):
    base = write_tiny_llama(tmp_path / "base.gguf", type=kind, types={"blk.0.ffn_up.weight": "Q5_0"})
    tensors = random_tensors(WHERE | {"blk.0.ffn_up.weight": (128, 64)}, RANK)
    merged = merge_adapter(tmp_path / "merged.gguf", read_header(base), adapter_for(base, tmp_path / "a.gguf", tensors))
    header, before = read_header(merged.path), read_header(base)
    assert [(t.name, t.shape, t.type) for t in header.tensors] == [(t.name, t.shape, t.type) for t in before.tensors]
    assert header.quantization == before.quantization
    wanted, found = expected(base, tensors), numbers(merged.path)
    for name, values in wanted.items():
        if name in {key.rpartition(".")[0] for key in tensors}:
            assert np.abs(found[name] - values).mean() < 0.1 * np.abs(values).mean()
        else:
            np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("kind", ["Q4_K", "IQ2_XXS", "Q6_K", "TQ2_0", "MXFP4"])
def test_types_of_large_blocks_and_those_that_want_an_importance_matrix_merge_too(tmp_path, kind):
    base = write_tiny_llama(tmp_path / "base.gguf", width=256, ffn=256, layers=1)
    packed = merge_adapter(tmp_path / "packed.gguf", read_header(base), adapter_for_q(base, tmp_path), kind=kind)
    again = merge_adapter(tmp_path / "again.gguf", read_header(packed.path), adapter_for_q(packed.path, tmp_path))
    types = {t.name: t.type.name for t in read_header(again.path).tensors}
    assert types["blk.0.attn_q.weight"] == kind
    assert types["blk.0.attn_norm.weight"] == "F32"
    assert types["token_embd.weight"] == ("Q6_K" if kind != "Q6_K" else kind)


def adapter_for_q(model: Path, folder: Path) -> AdapterInfo:
    return adapter_for(model, folder / "a.gguf", random_tensors({"blk.0.attn_q.weight": (256, 256)}, RANK))


def test_a_type_is_asked_for_and_rows_that_do_not_fit_it_get_the_next_best(tmp_path, tiny_model, library):
    adapter = adapter_for(tiny_model, tmp_path / "a.gguf", random_tensors(matrices(tiny_model), RANK))
    merged = merge_adapter(tmp_path / "merged.gguf", read_header(tiny_model), adapter, kind="Q4_K")
    header = read_header(merged.path)
    types = {t.name: t.type.name for t in header.tensors}
    assert types["blk.0.ffn_down.weight"] == "Q5_0"
    assert types["token_embd.weight"] == "Q8_0"
    assert types["blk.0.ffn_norm.weight"] == "F32"
    assert header.quantization == "Q4_K_S"
    examples = random_dialogues(384)
    beside, _ = measured_loss(tiny_model, adapter.path, examples, library=library, threads=1)
    inside, _ = measured_loss(merged.path, None, examples, library=library, threads=1)
    assert inside == pytest.approx(beside, rel=0.05)


def test_what_was_changed_claims_no_base_and_what_was_only_packed_still_does(tmp_path):
    base = write_tiny_llama(tmp_path / "base.gguf", metadata={BASE_SHA256: "ab" * 32})
    changed = merge_tensors(tmp_path / "a.gguf", read_header(base), {"blk.0.attn_q.weight": torch.ones(64, 64)})
    packed = merge_tensors(tmp_path / "b.gguf", read_header(base), {}, kind="Q8_0", extra={"general.name": "Packed"})
    assert BASE_SHA256 not in read_header(changed.path).metadata
    assert read_header(packed.path).text(BASE_SHA256) == "ab" * 32
    assert read_header(packed.path).name == "Packed"


def test_a_split_model_becomes_one_file(tmp_path):
    base = write_split(tmp_path)
    change = {"blk.0.attn_q.weight": torch.ones(64, 64)}
    merged = merge_tensors(tmp_path / "merged.gguf", read_header(base, chat_model=False), change)
    header = read_header(merged.path, chat_model=False)
    assert not header.is_split
    assert "split.count" not in header.metadata
    found = GGUFWeights(header)
    assert found.packed("blk.0.attn_q.weight").dense(torch.float32).eq(1).all()
    other = "blk.1.ffn_up.weight"
    before = GGUFWeights(read_header(base, chat_model=False)).packed(other)
    assert torch.equal(found.packed(other).data, before.data)


def test_trained_tensors_take_the_place_of_the_models_own(tmp_path, tiny_model):
    new = {"blk.0.attn_q.weight": torch.randn(64, 64), "output_norm.weight": torch.full((64,), 2.0)}
    found = numbers(merge_tensors(tmp_path / "m.gguf", read_header(tiny_model), new).path)
    assert np.array_equal(found["blk.0.attn_q.weight"], new["blk.0.attn_q.weight"].numpy())
    assert (found["output_norm.weight"] == 2).all()
    assert (new["output_norm.weight"] == 2).all(), "what was given stays as it was"


def test_an_adapter_of_the_token_table_is_turned_round(tmp_path):
    base = write_tiny_llama(tmp_path / "base.gguf", tied=False)
    table, q = torch.randn(384, RANK), torch.randn(64, RANK)
    pairs = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora", "adapter.lora.alpha": ALPHA}
    planned = [
        PlannedTensor("token_embd.weight.lora_a", (RANK, 384), KINDS["F32"], lambda: [table.numpy()]),
        PlannedTensor("token_embd.weight.lora_b", (RANK, 64), KINDS["F32"], lambda: [q.numpy()]),
    ]
    write_gguf(tmp_path / "a.gguf", [encoded(key, value) for key, value in pairs.items()], planned)
    from companion.core.adapter import read_adapter

    merged = merge_adapter(tmp_path / "m.gguf", read_header(base), read_adapter(tmp_path / "a.gguf"))
    wanted = numbers(base)["token_embd.weight"] + ALPHA / RANK * (table @ q.t()).numpy()
    np.testing.assert_allclose(numbers(merged.path)["token_embd.weight"], wanted, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_merged_is_a_sentence_and_leaves_nothing(tmp_path, tiny_model):
    adapter = adapter_for(tiny_model, tmp_path / "a.gguf", random_tensors(WHERE, RANK))
    other = write_tiny_llama(tmp_path / "other.gguf", seed=5)
    with pytest.raises(ModelError, match="another model"):
        merge_adapter(tmp_path / "m.gguf", read_header(other), adapter)
    with pytest.raises(WorkshopError, match="Q4_K_M") as caught:
        merge_adapter(tmp_path / "m.gguf", read_header(tiny_model), adapter, kind="Q4_K_M")
    assert all(name in caught.value.remedy for name in TYPES)
    with pytest.raises(WorkshopError, match="numbers that are none"):
        merge_tensors(tmp_path / "m.gguf", read_header(tiny_model), {"blk.0.attn_q.weight": torch.full((64, 64), torch.nan)})
    with pytest.raises(ModelError, match="no tensor"):
        merge_tensors(tmp_path / "m.gguf", read_header(tiny_model), {"blk.7.attn_q.weight": torch.zeros(64, 64)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gguf", "home", "other.gguf"]
