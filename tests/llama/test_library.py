"""One log of llama.cpp for all libraries of a process."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from companion.core.errors import ModelError
from companion.llama.library import Library
from companion.llama.model import Model


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(200))
    return file


def test_each_library_hears_what_llama_cpp_says_whichever_was_made_last(broken):
    first, told = Library(), list[str]()
    second = Library(told.append)
    with pytest.raises(ModelError):
        Model(first, broken)
    assert first.last_error()
    assert second.last_error() == first.last_error()
    assert told


def test_a_library_that_is_gone_hears_nothing_and_harms_nothing(broken, tiny_model):
    kept, gone = Library(), Library()
    del gone
    gc.collect()
    with pytest.raises(ModelError):
        Model(kept, broken)
    assert kept.last_error()
    with Model(Library(), tiny_model) as model:
        assert model.trained_context_tokens
