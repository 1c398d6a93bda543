"""Whether other programs compute is seen from here, and our own work does not count. Holds on a busy machine, too."""

from __future__ import annotations

import time

import psutil

from companion.core.other_load import OtherLoad
from companion.llama.busy import BusyCore

COARSE = 0.25
"""Seconds: the kernel counts in ticks, and not all counters at the same moment."""


def compute(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_another_program_computes_is_counted():
    with BusyCore() as core:
        other = psutil.Process(core._process.pid)
        load, began, before = OtherLoad(), time.monotonic(), other.cpu_times()
        time.sleep(1.0)
        found, passed, after = load.cores(), time.monotonic() - began, other.cpu_times()
    assert found * passed >= after.user - before.user - COARSE


def test_what_this_program_computes_is_not_counted():
    load, began = OtherLoad(), time.monotonic()
    compute(1.0)
    found, passed = load.cores(), time.monotonic() - began
    assert found * passed <= psutil.cpu_count() * passed - 1.0 + COARSE
