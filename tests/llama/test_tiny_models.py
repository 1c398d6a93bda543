"""The tiny models of this test suite are real: llama.cpp loads, tokenizes and decodes them, or dies as promised."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.core.gguf.types import FILE_TYPES, TENSOR_TYPES
from tests import decode_model
from tests.mutants import mutate, number_fields
from tests.tiny_models import write_crashing, write_tiny_llama, write_truncated, write_unknown_architecture

K_QUANTS = ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K")


def start(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, decode_model.__file__, str(path), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
        check=False,
        env=os.environ | {"GGML_NO_BACKTRACE": "1", "PYTHONUTF8": "1"},
    )


def decode(path: Path, *arguments: str) -> dict[str, Any]:
    done = start(path, *arguments)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize("tokenizer", ["gpt2", "llama"])
def test_any_text_survives_tokenizing(tmp_path: Path, tokenizer: Any) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", tokenizer=tokenizer)
    every_plane = "".join(map(chr, (1, 9, 0x7F, 0xA0, 0xFF, 0x3A9, 0x200D, 0x3042, 0xFFFD, 0x1F469, 0x10FFFD)))
    for text in (
        decode_model.DEFAULT_TEXT,
        "👩‍🚀🏳️‍🌈 e\u0301",
        "<|im_start|>not a marker<|im_end|>",
        every_plane,
        "  two  spaces \n\n",
    ):
        result = decode(path, "256", text)
        expected = f" {text}" if tokenizer == "llama" else text  # SentencePiece begins a text with a space of its own
        assert result["text"] == expected
        assert not {1, 2} & set(result["tokens"][1:]), "typed text must never become a control token"
        assert (result["tokens"][0] == 1) is (tokenizer == "llama"), "only the SentencePiece variant adds BOS"


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", *K_QUANTS])
def test_every_type_decodes_to_finite_logits(tmp_path: Path, kind: str) -> None:
    size = {"width": 256, "ffn": 256, "heads": 8} if kind in K_QUANTS else {}
    path = write_tiny_llama(tmp_path / "tiny.gguf", type=kind, **size)
    assert path.stat().st_size < 1_000_000
    assert read_header(path).quantization.removesuffix("_S") == kind
    result = decode(path)
    assert result["decoded"] == 0
    assert result["finite"]
    assert result["vocabulary"] == 384


def test_the_same_seed_writes_the_same_model(tmp_path: Path) -> None:
    one, two = write_tiny_llama(tmp_path / "one.gguf"), write_tiny_llama(tmp_path / "two.gguf")
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes() != write_tiny_llama(tmp_path / "three.gguf", seed=1).read_bytes()
    assert decode(one)["said"] == decode(two)["said"]


def test_the_shape_and_the_vocabulary_can_be_chosen(tmp_path: Path) -> None:
    shape = {"layers": 1, "width": 96, "heads": 6, "kv_heads": 3, "ffn": 160, "vocabulary": 300, "context": 64, "tied": False}
    path = write_tiny_llama(tmp_path / "tiny.gguf", template=None, **shape)
    assert not read_header(path).has_chat_template
    assert decode(path)["vocabulary"] == 300
    with pytest.raises(ValueError, match="at least 264 tokens"):
        write_tiny_llama(tmp_path / "tiny.gguf", vocabulary=263)


def test_a_tiny_model_is_written_in_half_a_second(tmp_path: Path) -> None:
    start_time = time.process_time()
    write_tiny_llama(tmp_path / "tiny.gguf", type="Q4_0")
    assert time.process_time() - start_time < 0.5  # 5 to 12 ms measured


def test_llama_cpp_refuses_an_unknown_architecture_without_dying(tmp_path: Path) -> None:
    result = decode(write_unknown_architecture(tmp_path / "unknown.gguf"))
    assert not result["loaded"]
    assert "unknown model architecture" in result["log"]


def test_llama_cpp_refuses_half_a_file_without_dying(tmp_path: Path) -> None:
    assert not decode(write_truncated(tmp_path / "half.gguf"))["loaded"]


@pytest.mark.parametrize("at", ["load", "decode"])
def test_the_crashing_models_end_the_process(tmp_path: Path, at: Any) -> None:
    path = write_crashing(tmp_path / "crashing.gguf", at)
    read_header(path)
    done = start(path)
    assert done.returncode not in {0, 1, 2}
    assert "GGML_ASSERT" in done.stderr


def test_the_tensor_types_agree_with_libggml() -> None:
    ggml = ctypes.CDLL(str(next(Path(llama_cpp.__file__).parent.glob("lib/*ggml-base.*"))))
    ggml.ggml_blck_size.restype, ggml.ggml_type_size.restype = ctypes.c_int64, ctypes.c_size_t
    ggml.ggml_type_name.restype = ctypes.c_char_p
    for number, kind in TENSOR_TYPES.items():
        assert ggml.ggml_type_name(number).decode().upper() == kind.name
        assert (ggml.ggml_blck_size(number), ggml.ggml_type_size(number)) == (kind.block, kind.size)


def test_the_file_types_agree_with_llama_cpp() -> None:
    prefix = "LLAMA_FTYPE_"
    theirs = {number: name.removeprefix(prefix) for name, number in vars(llama_cpp).items() if name.startswith(prefix)}
    del theirs[1024]
    assert {n: name.removeprefix("MOSTLY_").removeprefix("ALL_") for n, name in theirs.items()} == FILE_TYPES


@pytest.mark.slow
def test_what_the_check_accepts_does_not_kill_llama_cpp(tmp_path: Path) -> None:
    """Damaged copies of tiny models: 1,500 are made, about a third are accepted and loaded, each in a process of its own."""
    path, died = tmp_path / "damaged.gguf", []
    for tokenizer in ("gpt2", "llama"):
        content = write_tiny_llama(path, layers=1, vocabulary=300, tokenizer=tokenizer).read_bytes()
        fields = number_fields(content)
        for seed in range(750):
            path.write_bytes(mutate(content, fields, seed))
            try:
                read_header(path)
            except ModelError:
                continue
            done = start(path)
            if done.returncode != 0:
                died.append((tokenizer, seed, done.stderr[-300:]))
    assert not died
