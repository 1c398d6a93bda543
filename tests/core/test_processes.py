"""Processes that give way to the chat."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from companion.core import hardware, processes
from companion.core.processes import FIRST_TO_GO, exit_sentence, let_go_first, lower_priority, worker_command

LOW = 10


@pytest.fixture(params=[True, False], ids=["a session of its own", "ours"])
def child(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Process]:
    monkeypatch.setattr(processes, "LOW_PRIORITY", LOW)
    script = "print('there', flush=True); input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=bool(request.param)
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield psutil.Process(process.pid)
        process.kill()


def session_of(pid: int) -> list[str]:
    """As in "/autogroup-25 nice 10"; nothing where the system has no such groups, or for a process outside of all of them."""
    file = Path(f"/proc/{pid}/autogroup")
    return file.read_text().split() if file.exists() else []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes instead of numbers")
def test_a_process_and_its_session_become_nice_and_ours_stays_as_it_is(child: psutil.Process) -> None:
    before, ours = int(psutil.Process().nice()), session_of(psutil.Process().pid)
    lower_priority(child.pid)
    assert child.nice() == max(LOW, before), "what is nicer already stays so"
    if (session := session_of(child.pid)) and session[0] not in ours:
        assert session[-1] == str(LOW)
    assert session_of(psutil.Process().pid) == ours


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux chooses whom to end")
def test_when_memory_runs_out_it_is_the_first_to_go(child: psutil.Process) -> None:
    let_go_first(child.pid)
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text().strip() == str(FIRST_TO_GO)


def test_one_that_is_gone_stays_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    lower_priority(process.pid)
    let_go_first(process.pid)


def test_who_was_killed_is_not_said_to_have_lacked_memory_unless_it_was_short(monkeypatch: pytest.MonkeyPatch) -> None:
    worker_command("job")
    monkeypatch.setattr(hardware, "available_memory", lambda: 20 << 30)
    assert exit_sentence("The job", -9) == "The job was ended by force."
    monkeypatch.setattr(hardware, "available_memory", lambda: 100 << 20)
    assert "memory ran short" in exit_sentence("The job", -9)
    monkeypatch.setattr(hardware, "available_memory", lambda: 20 << 30)
    count = processes._oom_kills()
    monkeypatch.setattr(processes, "_oom_kills", lambda: count + 1)
    assert "memory ran short" in exit_sentence("The job", 137)
