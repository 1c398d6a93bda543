"""What is foreseen of builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from companion.core.gguf.header import read_header
from companion.core.recipes.quantize import Budget
from companion.workshop.quantization.builds import Foreseen, Planner, distinct, matrices_of
from companion.workshop.quantization.sensitivity import Sensitivities
from companion.workshop.quantization.speed import Costs, Pace, SpeedModel
from tests.tiny_models import write_tiny_llama


def build(size: int, divergence: float, write: float, kind: str = "Q4_0") -> Foreseen:
    return Foreseen({"m": kind}, size, divergence, Pace(read=1000.0, write=write))


def test_of_builds_that_nobody_could_tell_apart_the_closest_to_the_source_stays():
    nearly = [build(100_000, 0.0121659, 12561.06, "IQ4_NL"), build(100_000, 0.0121657, 12561.05, "Q4_0")]
    others = [build(100_000, 0.0121659, 12600.0), build(100_200, 0.0121, 12561.06), build(90_000, 0.02, 13000.0)]
    assert distinct([*nearly, *others]) == [others[2], nearly[1], others[0], others[1]]


def test_one_that_diverges_not_at_all_is_told_from_one_that_does():
    assert len(distinct([build(100, 0.0, 10.0), build(100, 1e-9, 10.0)])) == 2


def planner(folder: Path, seconds: dict[str, float]) -> Planner:
    """Of two matrices in F16, whose products take so long by type."""
    header = read_header(write_tiny_llama(folder / "m.gguf", type="F16"))
    names = [tensor.name for tensor in header.tensors if "attn_q" in tensor.name or "attn_k" in tensor.name][:2]
    found = Sensitivities(predicted={name: {"F16": 0.0, "Q8_0": 0.01} for name in names})
    matrices = matrices_of(header, names)
    costs = Costs(folder / "costs.json")
    costs.take_over({f"{kind} {each.rows}x{each.columns}": (took, took) for each in matrices for kind, took in seconds.items()})
    pace = Pace(1000.0, 1 / sum(seconds["F16"] for _ in matrices))
    return Planner(header, matrices, found, costs, SpeedModel.of(costs, matrices, pace))


@pytest.mark.parametrize(("seconds", "kinds"), [(1.02, {"Q8_0"}), (1.2, {"F16"}), (0.5, {"Q8_0"})])
def test_of_builds_that_are_as_fast_the_smallest_is_made(tmp_path, seconds, kinds):
    best = planner(tmp_path, {"F16": 1e-3, "Q8_0": seconds * 1e-3}).best(Budget(divergence=1.0, prefer="speed"))
    assert set(best.kinds.values()) == kinds


def test_the_front_holds_no_build_twice_where_few_can_be_made(tmp_path):
    front = planner(tmp_path, {"F16": 1e-3, "Q8_0": 1e-3}).front(12)
    assert [set(each.kinds.values()) for each in (front[0], front[-1])] == [{"Q8_0"}, {"F16"}]
    assert 2 <= len({tuple(each.kinds.values()) for each in front}) == len(front) <= 4
