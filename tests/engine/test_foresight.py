"""Asking llama.cpp what a model would take, in a process that may die of it."""

from __future__ import annotations

import psutil
import pytest

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.core.messages import LoadOptions
from companion.engine.foresight import foresee
from companion.engine.session import inspect
from companion.llama.context import ContextOptions
from companion.llama.memory import memory_need
from tests.tiny_models import write_crashing, write_tiny_llama


def test_the_answer_comes_from_another_process(starter):
    need = foresee(starter, [ContextOptions(8192, outputs=16)])[0]
    assert need is not None
    assert need.total == pytest.approx(memory_need(read_header(starter), ContextOptions(8192, outputs=16)).total, rel=0.02)


def test_a_file_that_kills_llama_cpp_is_no_answer(tmp_path):
    contexts = [ContextOptions(256), ContextOptions(512)]
    assert foresee(write_crashing(tmp_path / "crashing.gguf", "load"), contexts) == (None, None)
    assert foresee(tmp_path / "gone.gguf", contexts) == (None, None)


def test_what_cannot_fit_is_refused_before_it_is_loaded(tmp_path, monkeypatch):
    path = write_tiny_llama(tmp_path / "tiny.gguf", context=131_072, kv_heads=4)
    header = inspect(path, LoadOptions(context_tokens=131_072))
    need = foresee(path, [ContextOptions(131_072, outputs=16)])[0]
    assert need is not None
    nearly = type("Memory", (), {"available": need.total - 1})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: nearly)
    with pytest.raises(ModelError, match=f"“{header.name}” needs about .* of memory with a context of 131,072 tokens"):
        inspect(path, LoadOptions(context_tokens=131_072))
