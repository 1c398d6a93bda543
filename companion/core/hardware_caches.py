"""The processor's caches, and which cores are the fast ones, where the system tells: Linux in /sys, macOS by sysctl, Windows by
GetLogicalProcessorInformationEx."""

from __future__ import annotations

import re
import struct
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from companion.core.hardware_linux import number, text

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_CORE, _CACHE, _EVERYTHING = 0, 2, 0xFFFF
"""`LOGICAL_PROCESSOR_RELATIONSHIP` of winnt.h."""
_INSTRUCTIONS = 1
"""`PROCESSOR_CACHE_TYPE` of winnt.h."""


class Cache(msgspec.Struct, frozen=True):
    """One level of caches for data."""

    level: int
    size: int
    """Bytes of each; of the largest kind, where cores differ."""
    count: int
    """How many of this size there are."""


class WindowsCores(NamedTuple):
    caches: tuple[Cache, ...]
    fast: int
    """Cores of the most efficient-at-speed class; 0 when all are of one class."""


def linux_caches(root: Path) -> tuple[Cache, ...]:
    """From sysfs, each instance counted once however many cores share it."""
    found: set[tuple[int, int, str]] = set()
    for index in root.glob("sys/devices/system/cpu/cpu[0-9]*/cache/index[0-9]*"):
        size, level = re.fullmatch(r"(\d+)([KMG]?)", text(index / "size")), number(index, "level")
        if size and level and text(index / "type") != "Instruction":
            shared = text(index / "shared_cpu_list") or index.parent.parent.name
            found.add((level, int(size[1]) * _UNITS[size[2]], shared))
    return _by_level([(level, size) for level, size, _ in found])


def macos_caches(values: Mapping[str, str]) -> tuple[Cache, ...]:
    """From sysctl: of the fast cores where there are two kinds. How many there are is told for none but the cores."""
    cores = int(values.get("hw.perflevel0.physicalcpu") or values.get("hw.physicalcpu") or 1)
    found = []
    for level, name in ((1, "l1dcachesize"), (2, "l2cachesize"), (3, "l3cachesize")):
        size = int(values.get(f"hw.perflevel0.{name}") or values.get(f"hw.{name}") or 0)
        if size:
            found.append(Cache(level, size, cores if level == 1 else 1))
    return tuple(found)


def windows_cores() -> WindowsCores:
    """Raises OSError when the system does not tell."""
    if sys.platform != "win32":
        return WindowsCores((), 0)
    import ctypes

    ask = ctypes.windll.kernel32.GetLogicalProcessorInformationEx
    size = ctypes.c_ulong(0)
    ask(_EVERYTHING, None, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    if not ask(_EVERYTHING, buffer, ctypes.byref(size)):
        raise ctypes.WinError()
    return read_windows(buffer.raw[: size.value])


def read_windows(content: bytes) -> WindowsCores:
    """SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX records: relationship, size, then a core's flags and efficiency class, or a cache's
    level, associativity, line size, size and type."""
    caches: list[tuple[int, int]] = []
    classes: Counter[int] = Counter()
    at = 0
    while at + 8 <= len(content):
        relationship, length = struct.unpack_from("<II", content, at)
        if length < 8 or at + length > len(content):
            break
        if relationship == _CORE and length >= 10:
            classes[content[at + 9]] += 1
        elif relationship == _CACHE and length >= 20:
            level, _, _, size, kind = struct.unpack_from("<BBHII", content, at + 8)
            if kind != _INSTRUCTIONS:
                caches.append((level, size))
        at += length
    return WindowsCores(_by_level(caches), classes[max(classes)] if len(classes) > 1 else 0)


def caches_text(caches: tuple[Cache, ...]) -> str:
    """Such as “L1 2 × 48 KiB, L2 2 × 1 MiB, L3 32 MiB”."""
    return ", ".join(f"L{cache.level} {f'{cache.count} × ' if cache.count > 1 else ''}{_size(cache.size)}" for cache in caches)


def _by_level(found: list[tuple[int, int]]) -> tuple[Cache, ...]:
    levels: dict[int, list[int]] = {}
    for level, size in found:
        levels.setdefault(level, []).append(size)
    return tuple(Cache(level, max(sizes), sizes.count(max(sizes))) for level, sizes in sorted(levels.items()))


def _size(count: int) -> str:
    return f"{count / (1 << 20):.3g} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
