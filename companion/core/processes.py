"""Starting our own worker processes, and saying in a sentence how one ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

NATIVE_CRASHES = frozenset({"SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE", "SIGTRAP"})
_WINDOWS_CRASHES = {
    0xC0000005: "SIGSEGV",
    0xC000001D: "SIGILL",
    0xC0000409: "SIGABRT",
    0xC0000094: "SIGFPE",
    0xC00000FD: "SIGSEGV",
}
LOW_PRIORITY = 10
"""Of 19 steps of politeness: the chat takes nearly all of the processor when both want it."""

FIRST_TO_GO = 500
"""Of 1,000: counts as if it held half of all memory more than it does (proc(5), oom_score_adj)."""


def worker_command(role: str, *arguments: str) -> list[str]:
    """The command that starts this program in another role, from source, wheel or frozen."""
    if getattr(sys, "frozen", False):
        console = Path(sys.executable).with_name("companion-console.exe")  # a windowed program of Windows has no pipes
        return [str(console) if sys.platform == "win32" else sys.executable, role, *arguments]
    return [sys.executable, "-P", "-m", "companion", role, *arguments]


def lower_priority(pid: int) -> None:
    """Let whatever else the person does go before that process and those it will start. One that is gone stays gone.

    Linux orders disk access by the same number. On most desktops it also shares the processor between sessions first and
    looks at niceness only inside of one (sched(7), autogroups): a process that leads a session of its own gets half of
    everything, however nice it is, unless the session is nice, too. Measured by tests/benchmarks/workshop.py on two busy
    cores, chat and training raised above all else: without it 0.77 of the chat's speed and 1.4 times as long to the first
    token, with it 0.96 and 1.0.
    """
    import psutil  # a tenth of the window's start, which needs none of it

    with contextlib.suppress(psutil.Error, OSError):
        if sys.platform == "win32":
            psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
            return
        process = psutil.Process(pid)
        process.nice(max(LOW_PRIORITY, int(process.nice())))
        if sys.platform == "linux" and os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(LOW_PRIORITY), encoding="ascii")


def let_go_first(pid: int) -> None:
    """When memory runs out, let Linux end that process before any other: a job can be resumed from its checkpoint, a reply
    under way cannot. One that is gone stays gone."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/oom_score_adj").write_text(str(FIRST_TO_GO), encoding="ascii")


def signal_name(exit_status: int) -> str:
    """'SIGSEGV' and the like for a process that was ended by a signal or a Windows exception, else empty.

    `exit_status` follows subprocess: negative signal number on POSIX, exception code on Windows. 128 + signal, as
    shells report it, counts too.
    """
    if exit_status & 0xFFFFFFFF in _WINDOWS_CRASHES:
        return _WINDOWS_CRASHES[exit_status & 0xFFFFFFFF]
    number = -exit_status if exit_status < 0 else exit_status - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def is_native_crash(exit_status: int) -> bool:
    """Whether native code ran into a fault, so that the same attempt would most likely fail again."""
    return signal_name(exit_status) in NATIVE_CRASHES


def exit_sentence(who: str, exit_status: int, where: str = "llama.cpp") -> str:
    """How a process ended, for a person: 'The engine crashed inside llama.cpp (SIGSEGV).'; `where` is its native code."""
    name = signal_name(exit_status)
    if name in NATIVE_CRASHES:
        return f"{who} crashed inside {where} ({name})."
    if name == "SIGKILL":
        return f"{who} was ended by the system, most likely because memory ran short."
    if name:
        return f"{who} was ended by another program ({name})."
    return f"{who} ended unexpectedly (exit status {exit_status})."
