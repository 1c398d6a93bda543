"""The check of GGUF files: sound ones are described, everything else is refused with a sentence."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.core.errors import ModelError
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import GGUFHeader, Skipped, read_header
from companion.core.gguf.types import FILE_TYPES, SCALARS, TENSOR_TYPES
from companion.core.paths import starter_model
from tests.mutants import mutate, number_fields
from tests.tiny_models import write_crashing, write_tiny_llama, write_truncated, write_unknown_architecture

U8, U32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 6, 7, 8, 9, 10


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str | bytes, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def listing(kind: int, count: int, items: bytes) -> bytes:
    return struct.pack("<IQ", kind, count) + items


def tensor(name: str | bytes, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


ARCHITECTURE = pair("general.architecture", STRING, text("llama"))


def file_of(
    pairs: tuple[bytes, ...] = (ARCHITECTURE,),
    tensors: tuple[bytes, ...] = (),
    *,
    version: int = 3,
    data: int = 4096,
    counts: tuple[int, int] | None = None,
) -> bytes:
    """A GGUF put together by hand, with `data` zero bytes behind its header."""
    counts = counts or (len(tensors), len(pairs))
    return b"GGUF" + struct.pack("<IQQ", version, *counts) + b"".join(pairs) + b"".join(tensors) + bytes(data)


def refused(tmp_path: Path, content: bytes, *, chat_model: bool = False) -> str:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_header(path, chat_model=chat_model)
    assert caught.value.what.endswith(".")
    assert "\n" not in caught.value.what
    assert caught.value.remedy.endswith(".")
    return caught.value.what


# Sound files


def test_the_starter_model_is_described() -> None:
    path = starter_model()
    assert path is not None
    header = read_header(path)
    assert header.version == 3
    assert header.architecture == "llama"
    assert header.name == "Smollm2 135M 8k Lc100K Mix1 Ep2"
    assert header.general_type == "model"
    assert header.quantization == "Q4_1"
    assert header.tensor_count == 272
    assert header.parameters == 134_515_008
    assert header.bits_per_weight == pytest.approx(5.7437, abs=1e-4)
    assert (header.context_length, header.layers, header.embedding_length) == (8192, 30, 576)
    assert header.n_embd_k_gqa == header.n_embd_v_gqa == (192,) * 30
    assert (header.head_count, header.feed_forward_length) == (9, 1536)
    assert header.vocabulary_size == 49_152
    assert header.has_chat_template
    assert not header.is_split
    assert header.alignment == 32
    assert header.file_size == path.stat().st_size
    assert header.metadata["tokenizer.ggml.merges"] == Skipped("STRING", 48_900)
    assert header.metadata["general.languages"] == ("en",)


def test_the_starter_model_is_read_within_60_ms() -> None:
    path = starter_model()
    assert path is not None
    spent = []
    for _ in range(5):
        start = time.process_time()
        read_header(path)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.06  # 15 ms measured on a 2-core AMD EPYC


def test_it_agrees_with_the_gguf_package_about_every_tensor(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", type="Q4_0", metadata={"general.tags": ["a", "ü"]})
    header, reader = read_header(path), gguf.GGUFReader(path)
    assert header.data_offset == reader.data_offset
    assert header.metadata["general.tags"] == ("a", "ü")
    theirs = [(t.name, tuple(map(int, t.shape)), t.tensor_type.name, t.n_bytes, t.data_offset) for t in reader.tensors]
    ours = [(t.name, t.shape, t.type.name, t.size, header.data_offset + t.offset) for t in header.tensors]
    assert ours == theirs


@pytest.mark.parametrize("type_name", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q5_1"])
@pytest.mark.parametrize("tokenizer", ["gpt2", "llama"])
def test_tiny_models_are_accepted(tmp_path: Path, type_name: str, tokenizer: Any) -> None:
    header = read_header(write_tiny_llama(tmp_path / "tiny.gguf", type=type_name, tokenizer=tokenizer))
    assert header.quantization == type_name
    assert header.vocabulary_size == 384


def test_the_name_of_the_file_stands_in_for_a_missing_name(tmp_path: Path) -> None:
    assert read_header(write_tiny_llama(tmp_path / "stem.gguf", leave_out=("general.name",))).name == "stem"


def test_without_a_file_type_the_heaviest_type_names_the_quantization(tmp_path: Path) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", type="Q8_0", leave_out=("general.file_type",))
    assert read_header(path).quantization == "Q8_0"


def test_a_build_of_ours_that_calls_itself_a_type_it_does_not_hold_is_named_by_what_it_holds(tmp_path: Path) -> None:
    ours = {BASE_SHA256: "0" * 64}
    wrong, right = {"general.file_type": 7}, {"general.file_type": 15}  # Q8_0, Q4_K_M
    path = write_tiny_llama(tmp_path / "tiny.gguf", type="Q4_0", metadata=wrong | ours)
    assert read_header(path).quantization == "Q4_0"
    others = write_tiny_llama(tmp_path / "others.gguf", type="Q4_0", metadata=wrong)
    assert read_header(others).quantization == "Q8_0", "recipes of others are called what they are called"
    held = write_tiny_llama(tmp_path / "held.gguf", type="Q4_K", width=256, ffn=256, metadata=right | ours)
    assert read_header(held).quantization == "Q4_K_M"


def test_heads_may_differ_from_layer_to_layer(tmp_path: Path) -> None:
    lengths = ("attention.key_length", "attention.value_length", "rope.dimension_count")
    keys = {"{arch}.attention.head_count_kv": [2, 4]} | {f"{{arch}}.{length}": 8 for length in lengths}
    header = read_header(write_tiny_llama(tmp_path / "tiny.gguf", metadata=keys))
    assert header.n_embd_k_gqa == (16, 32)


def test_large_values_are_skipped_and_bad_text_in_values_is_replaced(tmp_path: Path) -> None:
    pairs = (
        ARCHITECTURE,
        pair("list", ARRAY, listing(F32, 1025, bytes(4100))),
        pair("short", ARRAY, listing(F32, 2, bytes(8))),
        pair("none", ARRAY, listing(STRING, 0, b"")),
        pair("long", STRING, text(b"x" * (2 << 20))),
        pair("bad", STRING, text(b"a\xffb")),
        pair("flag", BOOL, b"\x02"),
    )
    path = tmp_path / "model.gguf"
    path.write_bytes(file_of(pairs))
    metadata = read_header(path, chat_model=False).metadata
    assert metadata["list"] == Skipped("FLOAT32", 1025)
    assert metadata["short"] == (0.0, 0.0)
    assert metadata["none"] == ()
    assert metadata["long"] == Skipped("UINT8", 2 << 20)
    assert metadata["bad"] == "a�b"
    assert metadata["flag"] is True


def test_the_data_behind_the_last_tensor_may_lack_its_padding(tmp_path: Path) -> None:
    head = file_of(tensors=(tensor("t", (3,)),), data=0)
    padding = -len(head) % 32
    (tmp_path / "model.gguf").write_bytes(head + bytes(padding + 12))
    assert read_header(tmp_path / "model.gguf", chat_model=False).parameters == 3


def test_an_unknown_architecture_is_left_to_llama_cpp(tmp_path: Path) -> None:
    assert read_header(write_unknown_architecture(tmp_path / "unknown.gguf")).architecture == "companion_unknown"


@pytest.mark.parametrize("at", ["load", "decode"])
def test_the_crashing_models_pass(tmp_path: Path, at: Any) -> None:
    assert read_header(write_crashing(tmp_path / "crashing.gguf", at)).layers == 2


# Tables


def test_the_tensor_types_agree_with_the_gguf_package() -> None:
    theirs = {int(kind): (kind.name, *size) for kind, size in gguf.GGML_QUANT_SIZES.items() if kind.name != "Q8_1"}
    ours = {number: (kind.name, kind.block, kind.size) for number, kind in TENSOR_TYPES.items()}
    assert theirs.items() <= ours.items()


def test_the_file_types_agree_with_the_gguf_package() -> None:
    theirs = {int(kind): kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType}
    del theirs[1024]
    assert theirs.items() <= FILE_TYPES.items()


def test_the_value_types_agree_with_the_gguf_package() -> None:
    theirs = {int(kind): kind.name for kind in gguf.GGUFValueType if kind.name not in {"STRING", "ARRAY"}}
    assert theirs == {number: name for number, (name, _) in SCALARS.items()}


# What is no GGUF at all


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b'\x10\0\0\0\0\0\0\0{"__metadata__":{}}', "safetensors"),
        (b"PK\x03\x04" + bytes(60), "PyTorch"),
        (b"\x80\x02}q\0." + bytes(60), "PyTorch"),
        (b"lmgg" + bytes(60), "old format"),
        (b"tjgg\3\0\0\0" + bytes(60), "old format"),
        (b"\n<!DOCTYPE html><html>404</html>", "web page"),
        (b"<html><body>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 98\n", "pointer"),
        (b'{"error": "Repository not found"}', "text file"),
        (b"\x1f\x8b\x08" + bytes(60), "archive"),
        (bytes(4096), "not finished"),
        (b"RIFF....WAVE", "is not a GGUF model"),
        (b"GGU", "is not a GGUF model"),
    ],
)
def test_foreign_files_are_recognized(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert sentence in refused(tmp_path, content)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [(0, "version number is 0"), (1, "version 1"), (4, "newer than"), (3 << 24, "big-endian"), (77_777, "version number")],
)
def test_other_versions_are_refused(tmp_path: Path, version: int, sentence: str) -> None:
    assert sentence in refused(tmp_path, file_of(version=version))


def test_version_2_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(file_of(version=2))
    assert read_header(tmp_path / "model.gguf", chat_model=False).version == 2


def test_missing_files_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not there"):
        read_header(tmp_path / "gone.gguf")
    with pytest.raises(ModelError, match="is a folder"):
        read_header(tmp_path)
    with pytest.raises(ModelError, match="cannot be opened"):
        read_header(Path("a\0b.gguf"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.gguf")  # opening it would wait for ever
        with pytest.raises(ModelError, match="not an ordinary file"):
            read_header(tmp_path / "pipe.gguf")


def test_a_stopped_download_says_how_much_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"162 KB of 404 KB are missing") as caught:
        read_header(write_truncated(tmp_path / "model.gguf"))
    assert caught.value.remedy == "Download it again."


# Damaged headers

HUGE = 2**64 - 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (file_of()[:20], "ends in the middle of its header"),
        (file_of(data=0)[:-3], "ends in the middle of its header"),
        (file_of(counts=(0, 2), data=0), "ends in the middle of its header"),
        (file_of(counts=(HUGE, 1)), "tensors"),
        (file_of(counts=(0, HUGE)), "entries"),
        (file_of(counts=(60_000, 1)), "ends in the middle of its header"),
        (file_of((pair(b"", U8, b"\0"),)), "name of an entry is empty"),
        (file_of((pair("k" * 65_536, U8, b"\0"),)), "absurdly long"),
        (file_of((struct.pack("<Q", HUGE),), counts=(0, 1)), "absurdly long"),
        (file_of((pair(b"\xff\xfe", U8, b"\0"),)), "not readable text"),
        (file_of((ARCHITECTURE, ARCHITECTURE)), "“general.architecture” appears twice"),
        (file_of((pair("k", 13, b"\0"),)), "unknown kind (13)"),
        (file_of((pair("k", STRING, struct.pack("<Q", HUGE)),)), "ends in the middle"),
        (file_of((pair("k", ARRAY, listing(U8, HUGE, b"")),)), "ends in the middle"),
        (file_of((pair("k", ARRAY, listing(STRING, HUGE, b"")),)), "list of 18,446,744,073,709,551,615 texts"),
        (file_of((pair("k", ARRAY, listing(STRING, 2000, b"")),)), "ends in the middle"),
        (file_of((pair("k", ARRAY, listing(STRING, 1, struct.pack("<Q", HUGE))),)), "ends in the middle"),
        (file_of((pair("k", ARRAY, listing(99, 1, b"\0")),)), "unknown kind (99)"),
        (file_of((pair("k", ARRAY, listing(ARRAY, 1, listing(U8, 1, b"\0"))),)), "list of lists"),
        (file_of((pair("tokenizer.ggml.tokens", ARRAY, listing(STRING, 2, text("a") * 2)),)), "token appears twice"),
        (file_of((pair("tokenizer.ggml.tokens", ARRAY, listing(STRING, 1, text("a" * 70_000))),)), "absurdly long"),
        (file_of((pair("general.alignment", U32, u32(0)),)), "power of two"),
        (file_of((pair("general.alignment", U32, u32(48)),)), "power of two"),
        (file_of((pair("general.alignment", STRING, text("32")),)), "power of two"),
        (file_of(tensors=(tensor("", (1,)),)), "name of a tensor is empty"),
        (file_of(tensors=(tensor("t" * 64, (1,)),)), "absurdly long"),
        (file_of(tensors=(tensor(b"\xff", (1,)),)), "not readable text"),
        (file_of(tensors=(tensor("t", (8,)), tensor("t", (8,), offset=32))), "“t” appears twice"),
        (file_of(tensors=(tensor("t", (1, 1, 1, 1, 1)),)), "5 dimensions"),
        (file_of(tensors=(tensor("t", ()),)), "0 dimensions"),
        (file_of(tensors=(tensor("t", (0, 4)),)), "impossible shape"),
        (file_of(tensors=(tensor("t", (HUGE,)),)), "impossible shape"),
        (file_of(tensors=(tensor("t", (2**40, 2**40)),)), "impossible shape"),
        (file_of(tensors=(tensor("t", (2**62,)),)), "impossible shape"),
        (file_of(tensors=(tensor("t", (31,), kind=2),)), "cannot be packed as Q4_0"),
        (file_of(tensors=(tensor("t", (32,), kind=77),)), "newer llama.cpp"),
        (file_of(tensors=(tensor("t", (32,), kind=4),)), "given up (type 4)"),
        (file_of(tensors=(tensor("t", (32,), kind=2**32 - 1),)), "unknown type 4294967295"),
        (file_of(tensors=(tensor("t", (8,), offset=1),)), "not aligned"),
        (file_of(tensors=(tensor("a", (16,)), tensor("b", (8,), offset=32))), "overlaps"),
        (file_of(tensors=(tensor("a", (8,)), tensor("b", (8,), offset=64))), "not where it belongs"),
        (file_of(tensors=(tensor("t", (8,), offset=2**40),)), "outside the file"),
        (file_of(tensors=(tensor("t", (2**20,)),)), "4.19 MB of 4.19 MB are missing"),
        (file_of(tensors=(tensor("t\n\x1b[31m", (0,)),)), "“t��[31m”"),
    ],
)
def test_damaged_headers_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    assert sentence in refused(tmp_path, content)


def test_a_header_of_more_than_256_mb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    with path.open("wb") as file:
        file.write(file_of((ARCHITECTURE, pair("k", ARRAY, listing(U8, 300 << 20, b""))), data=0))
        file.truncate(400 << 20)
    with pytest.raises(ModelError, match="header is absurdly long"):
        read_header(path, chat_model=False)


# Sound files that are no chat model


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"general.type": "adapter"}, "is an adapter"),
        ({"general.type": "imatrix"}, "is an importance matrix"),
        ({"general.type": "mmproj"}, "sees or hears"),
        ({"architecture": "clip"}, "sees or hears"),
        ({"architecture": "bert"}, "does not write word by word"),
        ({"architecture": "t5"}, "does not write word by word"),
        ({"{arch}.attention.causal": False}, "does not write word by word"),
        ({"architecture": ""}, "does not say what kind of model"),
        ({"{arch}.block_count": 0}, "number of its layers"),
        ({"{arch}.block_count": 513}, "number of its layers"),
        ({"{arch}.nextn_predict_layers": 3}, "look ahead"),
        ({"{arch}.attention.head_count": 0}, "attention heads"),
        ({"heads": 4, "kv_heads": 3}, "attention heads"),
        ({"heads": 64, "kv_heads": 64}, "attention heads"),
        ({"{arch}.attention.head_count_kv": [2, 0]}, "attention heads"),
        ({"{arch}.attention.value_length": 8}, "attention heads"),
        ({"{arch}.rope.dimension_count": 15}, "attention heads"),
        ({"{arch}.rope.dimension_count": 8, "architecture": "granite"}, "attention heads"),
        ({"{arch}.attention.head_count": 3, "architecture": "xverse"}, "attention heads"),
        ({"{arch}.expert_count": 8}, "experts"),
        ({"{arch}.expert_used_count": 2}, "experts"),
        ({"{arch}.expert_group_count": 2}, "experts"),
        ({"{arch}.expert_count": 2000, "{arch}.expert_used_count": 2}, "experts"),
        ({"{arch}.expert_count": 8, "{arch}.expert_used_count": 2, "{arch}.expert_group_count": 3}, "experts"),
        ({"{arch}.attention.layer_norm_rms_epsilon": -1.0}, "negative"),
        ({"{arch}.attention.layer_norm_rms_epsilon": float("nan")}, "negative"),
        ({"{arch}.rope.scaling.type": "su"}, "unknown way (“su”)"),
        ({"general.alignment": 16}, "not aligned for this processor"),
        ({"tokenizer.ggml.model": "none"}, "has no vocabulary"),
        ({"tokenizer.ggml.model": "bert"}, "for searching"),
        ({"tokenizer.ggml.model": "llama"}, "cannot spell every character"),
        ({"leave_out": ("tokenizer.ggml.tokens",)}, "has no vocabulary"),
    ],
)
def test_what_llama_cpp_would_abort_on_is_refused(tmp_path: Path, changes: dict[str, Any], sentence: str) -> None:
    arguments = {key: value for key, value in changes.items() if "." not in key}
    metadata = {key: value for key, value in changes.items() if "." in key}
    path = write_tiny_llama(tmp_path / "tiny.gguf", metadata=metadata, **arguments)
    with pytest.raises(ModelError) as caught:
        read_header(path)
    assert sentence in caught.value.what
    read_header(path, chat_model=False)


@pytest.mark.parametrize(
    ("tensor_name", "kind"),
    [("blk.0.attn_norm.weight", "F16"), ("output_norm.weight", "BF16"), ("blk.1.attn_q.weight", "I8"), ("output.weight", "I32")],
)
def test_tensors_of_a_type_that_cannot_be_computed_are_refused(tmp_path: Path, tensor_name: str, kind: str) -> None:
    path = write_tiny_llama(tmp_path / "tiny.gguf", tied=False, types={tensor_name: kind})
    with pytest.raises(ModelError, match=f"nothing can be computed with “{tensor_name}” as {kind}"):
        read_header(path)


def test_a_file_without_weights_is_refused(tmp_path: Path) -> None:
    assert "holds no weights" in refused(tmp_path, file_of(), chat_model=True)


# Split models


def write_split(folder: Path, *, numbers: tuple[int, ...] = (0, 1), names: tuple[str, ...] = ("a", "b")) -> Path:
    for index, (number, name) in enumerate(zip(numbers, names, strict=True)):
        pairs = [pair("split.no", 2, struct.pack("<H", number)), pair("split.count", 2, struct.pack("<H", 2))]
        if index == 0:
            pairs.append(ARCHITECTURE)
        content = file_of(tuple(pairs), (tensor(name, (8,)),))
        (folder / f"big-{index + 1:05}-of-00002.gguf").write_bytes(content)
    return folder / "big-00001-of-00002.gguf"


def test_a_split_model_is_read_with_all_its_parts(tmp_path: Path) -> None:
    header = read_header(write_split(tmp_path), chat_model=False)
    assert header.is_split
    assert header.parameters == 16
    assert [t.part for t in header.tensors] == [0, 1]
    assert header.file_size == sum(part.stat().st_size for part in header.parts)


def test_a_split_model_with_a_missing_part_is_refused(tmp_path: Path) -> None:
    path = write_split(tmp_path)
    (tmp_path / "big-00002-of-00002.gguf").unlink()
    with pytest.raises(ModelError, match=r"1 of the 2 parts of this model are missing, “big-00002-of-00002.gguf” first"):
        read_header(path, chat_model=False)


def test_a_later_part_names_the_first_one(tmp_path: Path) -> None:
    write_split(tmp_path)
    with pytest.raises(ModelError, match="later part") as caught:
        read_header(tmp_path / "big-00002-of-00002.gguf", chat_model=False)
    assert "big-00001-of-00002.gguf" in caught.value.remedy


def test_a_renamed_part_is_refused(tmp_path: Path) -> None:
    path = write_split(tmp_path).rename(tmp_path / "renamed.gguf")
    with pytest.raises(ModelError, match="one of 2 parts"):
        read_header(path, chat_model=False)


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not the part that its name says"):
        read_header(write_split(tmp_path, numbers=(0, 0)), chat_model=False)
    with pytest.raises(ModelError, match="hold the same tensor"):
        read_header(write_split(tmp_path, names=("a", "a")), chat_model=False)


# Any damage at all


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, list[tuple[int, int]]]]:
    folder = tmp_path_factory.mktemp("sound")
    kinds: tuple[dict[str, Any], ...] = ({"layers": 1}, {"layers": 1, "tokenizer": "llama"}, {"type": "Q4_0"})
    contents = [write_tiny_llama(folder / "tiny.gguf", vocabulary=264, **kind).read_bytes() for kind in kinds]
    return [(content, number_fields(content)) for content in contents]


def read_damaged(path: Path) -> None:
    """Either a header whose properties can all be read, or a ModelError: nothing else, and soon."""
    start, refusals = time.process_time(), []
    for chat_model in (False, True):
        try:
            header = read_header(path, chat_model=chat_model)
        except ModelError as error:
            refusals.append(error)
        else:
            for name in dir(GGUFHeader):
                if isinstance(getattr(GGUFHeader, name), property):
                    getattr(header, name)
    assert time.process_time() - start < 2
    assert all(refusal.what.endswith(".") and refusal.remedy for refusal in refusals)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**40), base=st.integers(0, 2))
def test_damaged_files_give_a_header_or_a_sentence(
    sound: list[tuple[bytes, list[tuple[int, int]]]], tmp_path: Path, seed: int, base: int
) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(mutate(*sound[base], seed))
    read_damaged(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=400), counts=st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_any_bytes_give_a_header_or_a_sentence(tmp_path: Path, content: bytes, counts: tuple[int, int]) -> None:
    path = tmp_path / "damaged.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, *counts) + content)
    read_damaged(path)


@pytest.mark.parametrize("kind", ["tokens", "texts", "tensors"])
def test_the_largest_headers_take_less_than_two_seconds(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "large.gguf"
    if kind == "tokens":
        items = b"".join(b"\x07\0\0\0\0\0\0\0%07d" % n for n in range(1 << 20))
        path.write_bytes(file_of((ARCHITECTURE, pair("tokenizer.ggml.tokens", ARRAY, listing(STRING, 1 << 20, items)))))
    elif kind == "texts":
        path.write_bytes(file_of((ARCHITECTURE, pair("k", ARRAY, listing(STRING, 3_900_000, bytes(8 * 3_900_000))))))
    else:
        names = tuple(tensor(f"{n:060}", (1, 1, 1, 1), offset=32 * n) for n in range(65_536))
        path.write_bytes(file_of(tensors=names, data=65_536 * 32 + 64))
    read_damaged(path)
