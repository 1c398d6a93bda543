"""Models of other programs, in folders laid out as those programs do."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from companion.core.library import elsewhere
from companion.core.library.elsewhere import look_elsewhere
from tests.tiny_models import write_tiny_llama

links = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME", "OLLAMA_MODELS", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "person"
    home.mkdir()
    return home


def model(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_tiny_llama(path, seed=seed)


def found(person: Path) -> dict[str, str]:
    return {each.name: each.program for each in look_elsewhere(person) if each.path.is_relative_to(person)}


def test_lm_studio_now_and_before(person: Path):
    model(person / ".lmstudio" / "models" / "someone" / "little-GGUF" / "little-Q4.gguf")
    model(person / ".cache" / "lm-studio" / "models" / "someone" / "old" / "old-Q4.gguf")
    assert found(person) == {"little-Q4": "LM Studio", "old-Q4": "LM Studio"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the folder of Linux")
def test_gpt4all(person: Path):
    model(person / ".local" / "share" / "nomic.ai" / "GPT4All" / "Llama.gguf")
    assert found(person) == {"Llama": "GPT4All"}


@links
def test_the_hugging_face_cache_through_its_links(person: Path):
    repository = person / ".cache" / "huggingface" / "hub" / "models--someone--little"
    blob = model(repository / "blobs" / "aaaa.tmp")
    snapshot = repository / "snapshots" / "c0ffee" / "little.gguf"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(os.path.relpath(blob, snapshot.parent))
    (each,) = look_elsewhere(person)
    assert (each.path, each.name, each.program, each.bytes) == (snapshot, "little", "Hugging Face", blob.stat().st_size)


def test_the_cache_may_be_elsewhere(person: Path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(person / "hf"))
    model(person / "hf" / "hub" / "models--a--b" / "snapshots" / "1" / "b.gguf")
    assert found(person) == {"b": "Hugging Face"}


def test_ollama_by_its_manifests(person: Path):
    folder = person / ".ollama" / "models"
    blob = model(folder / "blobs" / "unnamed")
    digest = hashlib.sha256(blob.read_bytes()).hexdigest()
    blob = blob.rename(blob.with_name(f"sha256-{digest}"))
    manifest = folder / "manifests" / "registry.ollama.ai" / "library" / "little" / "1b"
    manifest.parent.mkdir(parents=True)
    layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1}]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": [{"mediaType": "x", "digest": "y"}, *layers]}))
    for name, digest_text in (("evil", "sha256:../../../secret"), ("gone", f"sha256:{'0' * 64}")):
        layers = [{"mediaType": "application/vnd.ollama.image.model", "digest": digest_text}]
        manifest.with_name(name).write_text(json.dumps({"layers": layers}))
    manifest.with_name("broken").write_text("{")
    (each,) = [each for each in look_elsewhere(person) if each.path.is_relative_to(person)]
    assert (each.name, each.program, each.path) == ("little:1b", "Ollama", blob)


def test_what_is_no_model_is_left_out(person: Path):
    folder = person / ".lmstudio" / "models" / "a" / "b"
    model(folder / "whole.gguf")
    model(folder / "mmproj-model-f16.gguf", seed=1)
    model(folder / "split-00002-of-00002.gguf", seed=2)
    (folder / "page.gguf").write_text("<html>")
    (folder / "empty.gguf").touch()
    assert found(person) == {"whole": "LM Studio"}


@links
def test_circles_of_links_end(person: Path):
    folder = person / ".lmstudio" / "models"
    model(folder / "a" / "little.gguf")
    (folder / "a" / "again").symlink_to(folder, target_is_directory=True)
    (folder / "twice.gguf").symlink_to(folder / "a" / "little.gguf")
    assert len(look_elsewhere(person)) == 1


def test_too_deep_and_too_many_are_not_looked_at(person: Path, monkeypatch):
    folder = person / ".lmstudio" / "models"
    model(folder / "a" / "near.gguf")
    model(folder.joinpath(*"abcdefgh") / "deep.gguf", seed=1)
    assert found(person) == {"near": "LM Studio"}
    monkeypatch.setattr(elsewhere, "MOST_FOUND", 0)
    assert look_elsewhere(person) == ()


def test_a_person_without_any_of_them(person: Path):
    assert found(person) == {}
