"""Speed as llama-bench counts it, memory, size, and energy where the system tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from companion.core.recipes.evaluate import Cost, Evaluate
from companion.llama.throughput import Timed, read_speed, write_speed
from companion.workshop.evaluation import cost, energy
from companion.workshop.evaluation.family import Material, Prompt, Situation
from companion.workshop.evaluation.material import read_material
from companion.workshop.evaluation.opened import Opened, open_subjects
from tests.workshop.evaluation.canned import by_key, values


@pytest.fixture(scope="module")
def opened(talkative_model: Path) -> Iterator[Opened]:
    """A tiny model: two threads that wait for each other on a busy machine would take a minute for a larger one."""
    with open_subjects(Evaluate(subjects=((str(talkative_model),),))) as (subjects, _):
        yield subjects[0]


def situation(opened: Opened, **options: int) -> Situation:
    recipe = Evaluate(cost=Cost(**options))
    prompts: tuple[Prompt, ...] = read_material(recipe, lambda share: None).prompts[:2]
    return Situation(recipe, opened, Material((), (), prompts), (), None, lambda share: None)


def test_the_section_says_what_it_costs(opened):
    section = cost.measure(situation(opened, prompt_tokens=64, reply_tokens=8, repetitions=3))
    found = values(section)
    assert found["prompt_speed"] > 1
    assert found["reply_speed"] > 1
    assert 0 < found["first_token"] < 60
    assert found["file_size"] == opened.path.stat().st_size
    weights = opened.model.weight_bytes
    cache = 256 * 2 * 2 * 2 * 16 * 2  # cells, layers, keys and values, heads, width, bytes
    assert by_key(section, "memory").explained.count(f"cache {cache:,}") == 1
    assert weights + cache < found["memory"] < weights + cache + (256 << 20)
    assert found["peak_memory"] > weights / 2
    assert all(metric.explained and (metric.value is not None or metric.why) for metric in section.metrics)
    assert [row[0] for row in section.tables[0].rows] == ["pp64", "tg8"]
    assert len(section.tables[0].rows[0][1].split(", ")) == 3


def test_the_median_of_the_runs_counts():
    runs = cost.Runs(tuple(Timed(100, seconds) for seconds in (1.0, 2.0, 50.0)), energy.Energy(30.0, ("x",)))
    metric = cost._speed("s", "Speed", runs, "So many.")
    assert metric.value == 50
    assert "2.0 to 100.0" in metric.explained
    assert runs.per_thousand == 100


def test_reading_decodes_every_token_once_and_leaves_nothing(opened):
    ticks = iter([10.0, 12.0, 20.0, 21.0])
    with opened.context(128, batch=32) as context:
        assert read_speed(context, 70, clock=lambda: next(ticks)) == Timed(70, 2.0)
        assert context.tokens == []
        assert write_speed(context, 5, clock=lambda: next(ticks)).speed == 5
        assert context.tokens == []


@dataclass
class Meter:
    values: list[float]
    name: str = "meter"
    read: list[float] = field(default_factory=list)

    def joules(self) -> float:
        if not self.values:
            raise OSError("gone")
        return self.values.pop(0)


def test_energy_is_what_all_counters_counted_meanwhile():
    result, found = energy.measured(lambda: "done", [Meter([1.0, 4.0]), Meter([10.0, 20.0], "other")])
    assert result == "done"
    assert found == energy.Energy(13.0, ("meter", "other"))


@pytest.mark.parametrize("left", [[], [1.0]])
def test_a_counter_that_breaks_off_leaves_no_number(left):
    result, found = energy.measured(lambda: "done", [Meter(left)])
    assert result == "done"
    assert found.joules is None
    assert "gone" in found.why


def package(root: Path, name: str, label: str, microjoules: int, most: int = 1_000_000) -> Path:
    folder = root / "sys" / "class" / "powercap" / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{label}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{most}\n")
    return folder / "energy_uj"


@pytest.mark.skipif(not energy.sys.platform.startswith("linux"), reason="powercap is Linux's")
def test_processor_packages_are_added_up_and_their_parts_left_out(tmp_path):
    one = package(tmp_path, "intel-rapl:0", "package-0", 500_000)
    two = package(tmp_path, "intel-rapl:1", "package-1", 900_000)
    inside = package(tmp_path, "intel-rapl:0:0", "core", 100_000)
    whole = package(tmp_path, "intel-rapl:2", "psys", 100_000)

    def work() -> None:
        one.write_text("800000\n")
        two.write_text("99999\n")  # began anew at its range
        inside.write_text("300000\n")
        whole.write_text("900000\n")

    with energy.counters(tmp_path) as (found, why):
        assert why == ""
        _, used = energy.measured(work, found)
    assert used.joules == pytest.approx(0.3 + 0.2)
    assert "package-0" in used.sources[0]


@pytest.mark.skipif(not energy.sys.platform.startswith("linux"), reason="powercap is Linux's")
def test_without_a_counter_it_says_why(tmp_path):
    with energy.counters(tmp_path) as (found, why):
        if not found:
            _, used = energy.measured(lambda: None, found, why)
            assert used.joules is None
            assert used.why
