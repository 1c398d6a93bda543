"""Caches and fast cores as the three systems tell them."""

from __future__ import annotations

import struct
from pathlib import Path

from companion.core.hardware import describe, probe
from companion.core.hardware_caches import Cache, caches_text, linux_caches, macos_caches, read_windows

MIB = 1 << 20


def cache_folder(root: Path, cpu: int, index: int, level: int, kind: str, size: str, shared: str) -> None:
    folder = root / f"sys/devices/system/cpu/cpu{cpu}/cache/index{index}"
    folder.mkdir(parents=True)
    for name, content in {"level": str(level), "type": kind, "size": size, "shared_cpu_list": shared}.items():
        (folder / name).write_text(content + "\n", encoding="ascii")


def test_linux_counts_a_cache_once_however_many_cores_share_it(tmp_path):
    for cpu in range(4):
        cache_folder(tmp_path, cpu, 0, 1, "Data", "48K", str(cpu))
        cache_folder(tmp_path, cpu, 1, 1, "Instruction", "64K", str(cpu))
        cache_folder(tmp_path, cpu, 2, 2, "Unified", "1280K", "0-1" if cpu < 2 else "2-3")
        cache_folder(tmp_path, cpu, 3, 3, "Unified", "32M", "0-3")
    found = linux_caches(tmp_path)
    assert found == (Cache(1, 48 << 10, 4), Cache(2, 1280 << 10, 2), Cache(3, 32 * MIB, 1))
    assert caches_text(found) == "L1 4 × 48 KiB, L2 2 × 1.25 MiB, L3 32 MiB"
    assert linux_caches(tmp_path / "nothing") == ()


def test_of_two_kinds_of_cores_the_larger_caches_are_told(tmp_path):
    cache_folder(tmp_path, 0, 0, 1, "Data", "48K", "0")
    cache_folder(tmp_path, 1, 0, 1, "Data", "32K", "1")
    cache_folder(tmp_path, 2, 0, 1, "Data", "nonsense", "2")
    assert linux_caches(tmp_path) == (Cache(1, 48 << 10, 1),)


def test_macos_tells_those_of_the_fast_cores():
    apple = {
        "hw.perflevel0.physicalcpu": "4",
        "hw.perflevel0.l1dcachesize": "131072",
        "hw.perflevel0.l2cachesize": "16777216",
        "hw.l1dcachesize": "65536",
    }
    assert macos_caches(apple) == (Cache(1, 128 << 10, 4), Cache(2, 16 * MIB, 1))
    assert [cache.level for cache in macos_caches({"hw.l3cachesize": "8388608", "hw.l1dcachesize": "32768"})] == [1, 3]
    assert macos_caches({}) == ()


def record(relationship: int, content: bytes, length: int) -> bytes:
    return (struct.pack("<II", relationship, length) + content).ljust(length, b"\0")


def test_windows_tells_caches_and_efficiency_classes():
    def cache(level: int, size: int, kind: int) -> bytes:
        return record(2, struct.pack("<BBHII", level, 8, 64, size, kind), 56)

    cores = b"".join(record(0, bytes([0, efficiency]), 48) for efficiency in (1, 1, 0, 0, 0, 0))
    content = cores + cache(1, 48 << 10, 2) * 2 + cache(1, 32 << 10, 1) * 2 + cache(2, 2 * MIB, 0) + record(4, b"", 32)
    found = read_windows(content)
    assert found.fast == 2
    assert found.caches == (Cache(1, 48 << 10, 2), Cache(2, 2 * MIB, 1))
    assert read_windows(record(0, b"\0\0", 48) * 4).fast == 0, "all of one class"
    assert read_windows(content[: len(cores) + 3]).fast == 2, "half a record is left out"
    assert read_windows(b"\0" * 64).caches == ()


def test_the_doctor_shows_them_where_they_are_known():
    hardware = probe()
    assert ("Caches" in dict(describe(hardware))) is bool(hardware.caches)
