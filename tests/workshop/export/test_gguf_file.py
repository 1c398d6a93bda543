"""What is written as GGUF is what the gguf package reads, and what is copied is copied byte for byte."""

from __future__ import annotations

import errno
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion.core import files
from companion.core.errors import WorkshopError
from companion.core.gguf.parse import parse
from companion.core.gguf.types import TENSOR_TYPES
from companion.workshop.export.gguf_file import PlannedTensor, encoded, pairs_of, write_gguf

F32 = TENSOR_TYPES[0]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
FLOAT = st.floats(width=32, allow_nan=False)
INT32 = st.integers(-(2**31), 2**31 - 1)
VALUE = st.one_of(
    st.booleans(),
    st.integers(0, 2**32 - 1),
    FLOAT,
    TEXT,
    st.lists(TEXT),
    st.lists(INT32, min_size=1),
    st.lists(FLOAT, min_size=1),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?", fullmatch=True), VALUE, max_size=6))
def test_every_value_comes_back(tmp_path, values):
    values = {"general.architecture": "llama"} | values
    pairs = {key: encoded(key, value) for key, value in values.items()}
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    write_gguf(tmp_path / "a.gguf", pairs.values(), [PlannedTensor("t", (3, 2), F32, lambda: [data[:1], data[1:]])])
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    read = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    assert read == values
    np.testing.assert_array_equal(reader.tensors[0].data, data)
    assert pairs_of(tmp_path / "a.gguf") == pairs


def test_the_pairs_of_a_real_model_are_copied_byte_for_byte(tmp_path, starter):
    pairs = pairs_of(starter)
    with starter.open("rb") as file:
        header = file.read(parse(starter).data_offset)
    assert header[24:].startswith(b"".join(pairs.values()))
    assert set(pairs) == set(parse(starter).metadata)
    write_gguf(tmp_path / "copy.gguf", pairs.values(), [])
    assert pairs_of(tmp_path / "copy.gguf") == pairs


@pytest.mark.parametrize("alignment", [32, 64])
def test_tensors_lie_where_the_header_says(tmp_path, alignment):
    names = [f"t{n}" for n in range(5)]
    planned = [PlannedTensor(name, (n + 1,), F32, lambda n=n: [np.full(n + 1, n, np.float32)]) for n, name in enumerate(names)]
    path = tmp_path / "a.gguf"
    write_gguf(path, [encoded("general.alignment", alignment)], planned, alignment)
    part, content = parse(path), path.read_bytes()
    assert part.alignment == alignment
    for n, tensor in enumerate(part.tensors):
        start = part.data_offset + tensor.offset
        assert start % alignment == 0
        assert content[start : start + tensor.size] == np.full(n + 1, n, np.float32).tobytes()


class TinyDisk:
    """A file on a disk that has room for so many bytes."""

    def __init__(self, file, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data) -> None:
        self._room -= memoryview(data).nbytes
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *error):
        return self._file.__exit__(*error)


@pytest.mark.parametrize("room", [0, 100, 4000, 40_000])
def test_a_disk_that_fills_up_at_any_byte_leaves_nothing(tmp_path, monkeypatch, room):
    real = files.os.fdopen
    monkeypatch.setattr(files.os, "fdopen", lambda handle, mode: TinyDisk(real(handle, mode), room))
    big = PlannedTensor("t", (64, 1000), F32, lambda: [np.zeros((100, 64), np.float32)] * 10)
    with pytest.raises(WorkshopError, match=r"no room for “a\.gguf”"):
        write_gguf(tmp_path / "a.gguf", [encoded("a", "b" * 200)], [big])
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_tensor_of_another_size_than_was_said_is_never_kept(tmp_path: Path):
    with pytest.raises(ValueError, match="8 bytes instead of 12"):
        write_gguf(tmp_path / "a.gguf", [], [PlannedTensor("t", (3,), F32, lambda: [bytes(8)])])
    assert not (tmp_path / "a.gguf").exists()
