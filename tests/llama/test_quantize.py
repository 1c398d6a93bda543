"""llama.cpp's quantizer in a process of its own: exact types, whole files or none, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from companion.core.errors import ModelError, WorkshopError
from companion.core.gguf.header import read_header
from companion.llama import quantize as module
from companion.llama.quantize import quantize, stock_size, sweep
from tests.tiny_models import write_tiny_llama

LEAVES = 20
"""Seconds; packing what is packed here takes longer than seeing that a pipe is closed."""


def types(path):
    return {tensor.name: tensor.type.name for tensor in read_header(path).tensors if len(tensor.shape) > 1}


def names(folder):
    return [path.name for path in folder.iterdir() if path.name != "home"]


def test_every_tensor_gets_the_type_it_is_to_have(tiny_model, tmp_path):
    wanted = dict.fromkeys(types(tiny_model), "Q5_0") | {"blk.0.attn_q.weight": "Q8_0", "blk.1.ffn_down.weight": "F16"}
    target = tmp_path / "b.gguf"
    quantize(tiny_model, target, kinds=wanted, metadata={"companion.base.sha256": "ab" * 32})
    assert types(target) == wanted
    assert read_header(target).text("companion.base.sha256") == "ab" * 32
    assert names(tmp_path) == ["b.gguf"]


def test_importance_changes_what_is_packed(tiny_model, tmp_path):
    importance = {name: np.ones(64, np.float32) for name in types(tiny_model) if "attn" in name}
    for each in importance.values():
        each[::2] = 1000
    for name, given in (("plain.gguf", None), ("weighed.gguf", importance)):
        quantize(tiny_model, tmp_path / name, file_type="Q4_0", importance=given)
    assert (tmp_path / "plain.gguf").read_bytes() != (tmp_path / "weighed.gguf").read_bytes()


def test_the_size_of_a_stock_build_is_known_beforehand(tiny_model, tmp_path):
    quantize(tiny_model, tmp_path / "q.gguf", file_type="Q4_0")
    header = read_header(tmp_path / "q.gguf")
    built = sum(tensor.size for tensor in header.tensors)
    found = stock_size(tiny_model, "Q4_0")
    assert found.bytes == pytest.approx(built, abs=10_486)
    assert found.kinds == {tensor.name: tensor.type.name for tensor in header.tensors}


def test_a_type_that_would_be_replaced_silently_is_an_error(tiny_model, tmp_path):
    with pytest.raises(ModelError, match="instead of Q4_K"):
        quantize(tiny_model, tmp_path / "b.gguf", kinds={"blk.0.attn_q.weight": "Q4_K"})
    assert names(tmp_path) == []


def test_a_file_that_is_no_model_gives_a_sentence(tmp_path):
    source = tmp_path / "no.gguf"
    source.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises((ModelError, WorkshopError)):
        quantize(source, tmp_path / "out" / "b.gguf")
    assert names(tmp_path / "out") == []


def test_no_room_is_said_before_anything_is_written(tiny_model, tmp_path):
    with pytest.raises(WorkshopError, match="will be written there"):
        quantize(tiny_model, tmp_path / "b.gguf", room=1 << 60)
    assert names(tmp_path) == []


def test_giving_up_leaves_nothing(tiny_model, tmp_path):
    class GivenUp(Exception):
        pass

    def check():
        raise GivenUp

    with pytest.raises(GivenUp):
        quantize(tiny_model, tmp_path / "b.gguf", check=check)
    assert names(tmp_path) == []


STARTER = """
import sys
from pathlib import Path
from companion.llama.quantize import quantize
quantize(Path(sys.argv[1]), Path(sys.argv[2]), file_type="IQ3_S")
"""


def test_the_process_leaves_with_whoever_started_it_and_takes_all_it_has_made_along(tmp_path):
    source = write_tiny_llama(tmp_path / "large.gguf", width=1024, ffn=4096, type="F16")
    out = tmp_path / "out"
    starter = subprocess.Popen([sys.executable, "-c", STARTER, source, out / "b.gguf"])
    while not list(out.glob(".pack-*/model.gguf")):
        time.sleep(0.01)
        assert starter.poll() is None
    (packing,) = psutil.Process(starter.pid).children()
    starter.kill()
    starter.wait()
    packing.wait(timeout=LEAVES)
    assert names(out) == []


def test_what_a_power_cut_left_is_swept(tiny_model, tmp_path):
    (tmp_path / ".pack-0815").mkdir()
    (tmp_path / ".pack-0815" / "model.gguf").write_bytes(bytes(100))
    (tmp_path / "kept.gguf").write_bytes(bytes(100))
    sweep(tmp_path)
    assert names(tmp_path) == ["kept.gguf"]


@pytest.mark.parametrize("attempt", range(20))
def test_twenty_forced_aborts_leave_no_file(tiny_model, tmp_path, monkeypatch, attempt):
    """The process is ended by what GGML_ASSERT ends it with, at another moment each time."""
    popen = subprocess.Popen

    def dying(command, **options):
        process = popen(command, **options)
        try:
            process.wait(0.02 * attempt)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
        return process

    monkeypatch.setattr(module.subprocess, "Popen", dying)
    target = tmp_path / "b.gguf"
    try:
        quantize(tiny_model, target, file_type="Q4_0")
    except WorkshopError:
        assert names(tmp_path) == []
    else:
        read_header(target)
