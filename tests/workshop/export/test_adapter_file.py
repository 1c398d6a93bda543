"""Adapters as files: llama.cpp computes with them what torch does, and they say where they came from."""

from __future__ import annotations

import errno
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from companion import __version__
from companion.core import files
from companion.core.adapter import read_adapter
from companion.core.errors import WorkshopError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import read_header
from companion.core.recipes.fine_tune import FineTune
from companion.llama.model import Model
from companion.workshop.data.batch import Example
from companion.workshop.export import gguf_file
from companion.workshop.export.adapter_file import Provenance, write_adapter
from companion.workshop.export.verify import measured_loss
from tests.tiny_models import write_tiny_llama
from tests.workshop.export.trained import matrices, random_dialogues, random_tensors, torch_losses

VOICE = Provenance(name="Voice")
LEARNED = "apache-2.0 (the model); private (what it learned from)"


def write(path: Path, model: Path, tensors, *, alpha: float = 8.0, rslora: bool = False, **more):
    more.setdefault("provenance", VOICE)
    return write_adapter(path, read_header(model), tensors, alpha=alpha, rank_stabilized=rslora, **more)


@pytest.mark.parametrize(("alpha", "rslora"), [(4.0, False), (16.0, False), (4.0, True)])
def test_llama_cpp_computes_with_it_what_torch_does(tmp_path, tiny_model, library, alpha, rslora):
    tensors, examples = random_tensors(matrices(tiny_model), rank=4), random_dialogues(384)
    info = write(tmp_path / "voice.gguf", tiny_model, tensors, alpha=alpha, rslora=rslora, store_as="F32")
    assert info.alpha == pytest.approx(alpha * (2 if rslora else 1))  # √4
    plain, expected = torch_losses(tiny_model, examples, tensors, alpha, rslora)
    there, tokens = measured_loss(tiny_model, tmp_path / "voice.gguf", examples, library=library, threads=1)
    assert there == pytest.approx(expected, rel=5e-4)
    assert tokens == sum(sum(example.learn[1:]) for example in examples)
    assert abs(expected - plain) > 20 * abs(expected - there), "the adapter must matter"


def test_the_starter_model_speaks_with_it_as_in_torch(tmp_path, starter, library):
    tensors = random_tensors(matrices(starter), rank=16, size=0.1, seed=1)
    info = write(tmp_path / "voice.gguf", starter, tensors, alpha=32.0)
    assert info.path.stat().st_size < 12e6
    with Model(library, starter, vocabulary_only=True) as model:
        tokens = model.vocabulary.tokenize("The night is quiet, and the stars are bright. What are you thinking about?")
    examples = [Example(tokens, [True] * len(tokens))]
    plain, expected = torch_losses(starter, examples, tensors, 32.0)
    there, _ = measured_loss(starter, info.path, examples, library=library, threads=1)
    assert there == pytest.approx(expected, rel=0.01)
    assert abs(plain - expected) / plain > 0.1, "the adapter must matter"


def test_the_file_says_where_it_came_from(tmp_path, tiny_model):
    provenance = Provenance(
        name="Her voice",
        recipe=FineTune(name="Her voice"),
        dataset_fingerprint="ab" * 32,
        metrics={"held_out_loss": 1.25, "tokens": 4000, "nothing": math.nan},
        licence="apache-2.0",
        extra={"general.description": "Short and warm."},
    )
    info = write(tmp_path / "voice.gguf", tiny_model, random_tensors(matrices(tiny_model), 4), provenance=provenance)
    assert info == read_adapter(info.path)
    assert (info.name, info.architecture, info.rank) == ("Her voice", "llama", 4)
    assert (info.base_sha256, info.base_name) == (file_sha256(tiny_model), "Tiny")
    assert (info.dataset_fingerprint, info.licence, info.program_version) == ("ab" * 32, "apache-2.0", __version__)
    assert info.metrics == {"held_out_loss": 1.25, "tokens": 4000}
    assert '"kind":"fine-tune"' in info.recipe
    assert [t.name for t in info.tensors][:2] == ["blk.0.attn_k.weight", "blk.0.attn_output.weight"]
    assert read_header(info.path, chat_model=False).text("general.description") == "Short and warm."
    named = {"general.license": "apache-2.0"}
    licensed = write_tiny_llama(tmp_path / "licensed.gguf", metadata=named)
    for learned, told in (("", "apache-2.0"), ("Apache-2.0", "apache-2.0"), ("private", LEARNED)):
        about = Provenance(name="Her voice", licence=learned)
        made = write(tmp_path / "v.gguf", licensed, random_tensors(matrices(licensed), 4), provenance=about)
        assert made.licence == told, "what was learned can be read out of the weights"
    other = write(tmp_path / "two.gguf", tiny_model, random_tensors(matrices(tiny_model), 4), base_sha256="cd" * 32)
    assert other.base_sha256 == "cd" * 32


def test_a_matrix_too_large_for_f16_is_written_as_f32(tmp_path, tiny_model):
    tensors = random_tensors({"blk.0.attn_q.weight": (64, 64)}, 4)
    tensors["blk.0.attn_q.weight.lora_a"][0, 0] = 1e6
    (pair,) = write(tmp_path / "voice.gguf", tiny_model, tensors).tensors
    assert (pair.a.type.name, pair.b.type.name) == ("F32", "F16")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_none_are_never_written(tmp_path, tiny_model, value):
    tensors = random_tensors({"blk.0.attn_q.weight": (64, 64)}, 4)
    tensors["blk.0.attn_q.weight.lora_b"][3, 1] = value
    with pytest.raises(WorkshopError, match="diverged"):
        write(tmp_path / "voice.gguf", tiny_model, tensors)
    assert list(tmp_path.glob("*voice*")) == []


def test_tensors_the_model_does_not_have_are_never_written(tmp_path, tiny_model):
    for name, shape in {"blk.7.attn_q.weight": (64, 64), "blk.0.attn_q.weight": (64, 32)}.items():
        with pytest.raises(ValueError, match=name):
            write(tmp_path / "voice.gguf", tiny_model, random_tensors({name: shape}, 4))
    assert list(tmp_path.glob("*voice*")) == []


def test_a_full_disk_leaves_the_older_file_and_nothing_else(tmp_path, tiny_model, monkeypatch):
    tensors = random_tensors(matrices(tiny_model), 4)
    write(tmp_path / "voice.gguf", tiny_model, tensors)
    before = (tmp_path / "voice.gguf").read_bytes()

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(WorkshopError, match=r"no room for “voice.gguf”, which takes .*\d") as caught:
        write(tmp_path / "voice.gguf", tiny_model, random_tensors(matrices(tiny_model), 8))
    assert "Make room" in caught.value.remedy
    monkeypatch.undo()
    monkeypatch.setattr(gguf_file.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(WorkshopError, match="no room"):
        write(tmp_path / "new.gguf", tiny_model, tensors)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["voice.gguf"]
    assert (tmp_path / "voice.gguf").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, tiny_model):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkshopError, match="cannot be written"):
        write(tmp_path / "file" / "voice.gguf", tiny_model, random_tensors(matrices(tiny_model), 4))


def test_bfloat16_adapters_are_written_too(tmp_path, tiny_model):
    tensors = {name: tensor.bfloat16() for name, tensor in random_tensors(matrices(tiny_model), 4).items()}
    tensors = {name: torch.nn.Parameter(tensor) for name, tensor in tensors.items()}
    assert write(tmp_path / "voice.gguf", tiny_model, tensors).parameters == sum(t.numel() for t in tensors.values())


def test_a_model_of_its_own_name_in_another_build_gets_its_own_sha256(tmp_path):
    one, two = (write_tiny_llama(tmp_path / f"{seed}.gguf", seed=seed) for seed in (1, 2))
    tensors = random_tensors(matrices(one), 4)
    assert write(tmp_path / "a.gguf", one, tensors).base_sha256 != write(tmp_path / "b.gguf", two, tensors).base_sha256
