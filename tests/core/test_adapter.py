"""Adapter files are checked before llama.cpp sees them, and only counted on the model they were made for."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.core.adapter import ALPHA, METRICS, AdapterInfo, read_adapter, refuse_other_base
from companion.core.errors import ModelError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header
from companion.core.gguf.types import TENSOR_TYPES
from companion.workshop.export.gguf_file import PlannedTensor, pairs_of, write_gguf
from tests.mutants import mutate, number_fields
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama

Q = "blk.0.attn_q.weight"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapter") / "voice.gguf", tiny_model, rank=4)


def matrix(*shape: int) -> np.ndarray[Any, Any]:
    return np.zeros(shape, np.float32)


def test_a_sound_adapter_is_described(sound, tiny_model):
    info = read_adapter(sound)
    assert (info.name, info.architecture, info.rank, info.alpha) == ("Tiny voice", "llama", 4, 8.0)
    assert info.base_sha256 == file_sha256(tiny_model)
    assert len(info.tensors) == 2 * 7
    q = next(tensor for tensor in info.tensors if tensor.name == Q)
    assert (q.rank, q.shape, info.scale(q)) == (4, (64, 64), 2.0)
    refuse_other_base(info, read_header(tiny_model), file_sha256(tiny_model))
    refuse_other_base(info, read_header(tiny_model), "")


def test_without_alpha_it_counts_once(tmp_path, tiny_model):
    info = read_adapter(write_adapter(tmp_path / "a.gguf", tiny_model, leave_out=(ALPHA,)))
    assert {info.scale(tensor) for tensor in info.tensors} == {1.0}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metadata": {"general.type": "imatrix"}}, "no adapter, it says, but “imatrix”"),
        ({"leave_out": ("general.type",)}, "is no adapter"),
        ({"metadata": {"adapter.type": "vera"}}, "“vera”"),
        ({"metadata": {ALPHA: -1.0}}, "alpha"),
        ({"metadata": {ALPHA: math.nan}}, "alpha"),
        ({"metadata": {ALPHA: 8}}, "alpha"),
        ({"metadata": {"general.architecture": ""}}, "for what kind of model"),
        ({"metadata": {BASE_SHA256: "abc"}}, "unreadable"),
        ({"leave_out": (f"{Q}.lora_b",)}, "one of the two matrices"),
        ({"tensors": {f"{Q}.lora_b": matrix(64, 5)}}, "do not fit together (64 × 4 and 5 × 64)"),
        ({"tensors": {f"{Q}.lora_b": matrix(2, 64, 4)}}, "do not fit together"),
        ({"tensors": {f"{Q}.lora_a": matrix(64)}}, "do not fit together"),
        ({"tensors": {f"{Q}.lora_b": np.zeros((64, 4), np.int32)}}, "as I32"),
        ({"tensors": {"blk.0.attn_q.bias": matrix(64)}}, "no part of an adapter"),
        ({"tensors": {f"{Q}.lora_a.lora_a": matrix(4, 64)}}, "no part of an adapter"),
        ({"where": ()}, "without any weights"),
    ],
)
def test_what_is_no_sound_adapter_is_a_sentence(tmp_path, tiny_model, changes, sentence):
    path = write_adapter(tmp_path / "voice.gguf", tiny_model, **changes)
    with pytest.raises(ModelError) as caught:
        read_adapter(path)
    assert sentence in caught.value.what
    assert caught.value.remedy


def test_an_alpha_of_64_bits_is_refused(tmp_path, sound):
    """It reads like any other number, and llama.cpp ends the process on it (GGML_ASSERT in gguf_get_val_f32)."""
    pairs, zeros = pairs_of(sound), lambda: [matrix(4, 64)]
    pairs[ALPHA] = struct.pack("<Q", len(ALPHA)) + ALPHA.encode() + struct.pack("<Id", 12, 8.0)
    planned = [
        PlannedTensor(f"{Q}.lora_a", (64, 4), TENSOR_TYPES[0], zeros),
        PlannedTensor(f"{Q}.lora_b", (4, 64), TENSOR_TYPES[0], zeros),
    ]
    write_gguf(tmp_path / "wide.gguf", pairs.values(), planned)
    with pytest.raises(ModelError, match="alpha is a number of the wrong width"):
        read_adapter(tmp_path / "wide.gguf")


def test_models_and_other_files_are_no_adapters(tmp_path, tiny_model):
    with pytest.raises(ModelError, match="is no adapter, it says, but “model”"):
        read_adapter(tiny_model)
    (tmp_path / "notes.gguf").write_text("{}")
    with pytest.raises(ModelError, match="text file"):
        read_adapter(tmp_path / "notes.gguf")
    with pytest.raises(ModelError, match=r"The adapter “nowhere\.gguf” is not there"):
        read_adapter(tmp_path / "nowhere.gguf")


def test_an_adapter_for_another_base_is_refused(tmp_path, sound, tiny_model):
    info = read_adapter(sound)
    twin = write_tiny_llama(tmp_path / "twin.gguf", seed=9)
    with pytest.raises(ModelError, match="trained for another model"):
        refuse_other_base(info, read_header(twin), file_sha256(twin))
    refuse_other_base(info, read_header(twin), "")  # nobody can tell
    nameless = read_adapter(write_adapter(tmp_path / "a.gguf", tiny_model, leave_out=(BASE_SHA256,)))
    refuse_other_base(nameless, read_header(twin), file_sha256(twin))
    wide = write_tiny_llama(tmp_path / "wide.gguf", width=128)
    with pytest.raises(ModelError, match="is 128 × 128 there, not 64 × 64"):
        refuse_other_base(nameless, read_header(wide), "")
    shallow = write_tiny_llama(tmp_path / "shallow.gguf", layers=1)
    with pytest.raises(ModelError, match=r"“blk\.1\..*does not have"):
        refuse_other_base(nameless, read_header(shallow), "")
    qwen = write_tiny_llama(tmp_path / "qwen.gguf", architecture="qwen3")
    with pytest.raises(ModelError, match="for models of the kind llama"):
        refuse_other_base(info, read_header(qwen), "")


def test_shapes_are_compared_even_when_the_sha256_agrees(tmp_path, tiny_model):
    wrong = {f"{Q}.lora_b": matrix(32, 4)}
    info = read_adapter(write_adapter(tmp_path / "a.gguf", tiny_model, tensors=wrong))
    with pytest.raises(ModelError, match="does not fit"):
        refuse_other_base(info, read_header(tiny_model), file_sha256(tiny_model))


def test_an_adapter_of_the_token_table_needs_an_output_of_its_own(tmp_path):
    pair = {"token_embd.weight.lora_a": matrix(384, 4), "token_embd.weight.lora_b": matrix(64, 4)}
    tied, untied = (write_tiny_llama(tmp_path / f"{tied}.gguf", tied=tied) for tied in (True, False))
    info = read_adapter(write_adapter(tmp_path / "a.gguf", untied, tensors=pair))
    refuse_other_base(info, read_header(untied), "")
    with pytest.raises(ModelError, match="same table"):
        refuse_other_base(info, read_header(tied), "")


def test_metrics_that_are_no_numbers_count_as_none(tmp_path, tiny_model):
    for text in ("[1]", '{"loss": "low"}', "{", "[" * 100_000):
        assert read_adapter(write_adapter(tmp_path / "a.gguf", tiny_model, metadata={METRICS: text})).metrics == {}


def test_texts_of_a_file_are_fit_for_a_sentence(tmp_path, tiny_model):
    info = read_adapter(write_adapter(tmp_path / "a.gguf", tiny_model, name="a\x1b[31m\n" + "b" * 5000))
    assert len(info.name) <= 60
    assert "\x1b" not in info.name


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_damaged_adapters_are_sentences_or_adapters(tmp_path, sound, seed):
    content = sound.read_bytes()
    path = tmp_path / "damaged.gguf"
    path.write_bytes(mutate(content, number_fields(content), seed))
    try:
        info = read_adapter(path)
    except ModelError as error:
        sentence = error.what
    else:
        sentence = "An adapter." if isinstance(info, AdapterInfo) and info.rank > 0 else ""
    assert sentence.endswith(".")


LOAD = """
import sys
from pathlib import Path
from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.llama.adapter import Adapters, Scaled
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.model import Model
from tests.mutants import mutate, number_fields

base, sound, first, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
content, header = sound.read_bytes(), read_header(base)
fields, path, passed = number_fields(content), sound.with_name(f"damaged-{first}.gguf"), 0
with Model(Library(), base) as model:
    for seed in range(first, last):
        path.write_bytes(mutate(content, fields, seed))
        try:
            refuse_other_base(read_adapter(path), header, "")
        except ModelError:
            continue
        print(seed, flush=True)
        with Context(model, ContextOptions(64, 1)) as context:
            adapters = Adapters(context)
            try:
                adapters.put([Scaled(path, 1.0)])
                context.read([1, 2, 3])
            except ModelError:
                pass
            adapters.close()
        passed += 1
print("passed", passed)
"""


@pytest.mark.slow
def test_no_damaged_adapter_that_passes_the_check_ends_llama_cpp(tmp_path, tiny_model):
    sound = write_adapter(tmp_path / "voice.gguf", tiny_model, rank=4)
    command = [sys.executable, "-c", LOAD, str(tiny_model), str(sound), "0", "4000"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=600)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 100
