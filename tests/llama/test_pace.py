"""The number of threads follows what else the machine does. Time is simulated: speeds depend on the threads alone."""

from __future__ import annotations

import pytest

from companion.llama import pace as pace_module
from companion.llama.pace import Pace


class Machine:
    """A machine whose speed per thread count changes when another program gets busy."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
        self.now = 0.0
        monkeypatch.setattr(pace_module.time, "monotonic", lambda: self.now)
        self.pace = Pace(threads, expected=100.0, window=8)

    def write(self, tokens: int, speeds: dict[int, float]) -> list[int]:
        used = []
        for _ in range(tokens):
            used.append(self.pace.threads)
            seconds = 1 / speeds[self.pace.threads]
            self.now += seconds
            self.pace.observe(1, seconds)
        return used


def test_at_rest_nothing_changes(monkeypatch):
    assert set(Machine(monkeypatch, 2).write(500, {2: 95, 1: 60})) == {2}


def test_a_busy_core_leads_to_one_thread_and_back_again(monkeypatch):
    machine = Machine(monkeypatch, 2)
    busy = machine.write(200, {2: 4.5, 1: 55})
    assert busy[-100:].count(1) > 80
    rest = machine.write(800, {2: 95, 1: 55})
    assert set(rest[-200:]) == {2}


def test_a_long_context_that_is_simply_slower_costs_little(monkeypatch):
    used = Machine(monkeypatch, 2).write(1000, {2: 40, 1: 22})
    assert used.count(1) < 60


def test_with_many_cores_a_few_threads_are_given_up_one_after_the_other(monkeypatch):
    machine = Machine(monkeypatch, 8)
    speeds = dict.fromkeys(range(1, 9), 10.0) | {5: 60.0, 4: 70.0, 3: 50.0, 2: 35.0, 1: 18.0}
    used = machine.write(2000, speeds)
    assert used.count(4) > 1200


def test_one_thread_stays_one_thread(monkeypatch):
    assert set(Machine(monkeypatch, 1).write(100, {1: 1.0})) == {1}
