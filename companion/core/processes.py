"""Starting our own worker processes, and saying in a sentence how one ended."""

from __future__ import annotations

import contextlib
import signal
import sys

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


def worker_command(role: str, *arguments: str) -> list[str]:
    """The command that starts this program in another role, from source, wheel or frozen."""
    if getattr(sys, "frozen", False):
        return [sys.executable, role, *arguments]
    return [sys.executable, "-P", "-m", "companion", role, *arguments]


def lower_priority(pid: int) -> None:
    """Let whatever else the person does go before that process and those it will start. One that is gone stays gone."""
    import psutil  # a tenth of the window's start, which needs none of it

    with contextlib.suppress(psutil.Error, OSError):
        psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else LOW_PRIORITY)


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
