"""What the machine can do, measured with few types, and remembered when it was at rest."""

from __future__ import annotations

import msgspec
import pytest

from companion.core import benchmark
from companion.llama.benchmark import measure_machine, remembered_benchmark
from companion.llama.library import Library


@pytest.fixture(scope="module")
def library():
    return Library()


def test_every_figure_is_there_and_what_was_steady_is_remembered(library, monkeypatch):
    monkeypatch.setattr(benchmark, "SLOWER", 1e9)
    seen = []
    found = measure_machine(seen.append, kinds=("Q4_0", "F16"), budget=0)
    assert [each.kind for each in found.types] == ["Q4_0", "F16"]
    assert all(each.write > 0 and each.read > 0 for each in found.types)
    assert found.memory_bandwidth > 1e8
    assert seen[-1] == 1.0
    assert not found.notice
    assert remembered_benchmark() == found


def test_an_unsteady_machine_is_told_of_and_not_remembered(library, monkeypatch):
    benchmark.benchmark_file().unlink(missing_ok=True)
    monkeypatch.setattr(benchmark, "SLOWER", 1.0)  # nothing ever takes exactly as long
    found = measure_machine(lambda share: None, kinds=("Q4_0",), budget=0)
    assert "Measure again when it is quiet" in found.notice
    assert remembered_benchmark() is None


def test_another_build_is_measured_anew(library, monkeypatch):
    monkeypatch.setattr(benchmark, "SLOWER", 1e9)
    found = measure_machine(lambda share: None, kinds=("Q4_0",), budget=0)
    other = msgspec.structs.replace(found, build="other")
    benchmark.benchmark_file().write_bytes(msgspec.json.encode(other))
    assert remembered_benchmark() is None
