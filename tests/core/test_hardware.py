"""Machines we don't have are folders with the files their kernels would show."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import psutil
import pytest

from companion.core import hardware
from companion.core.hardware import CardUse, Gpu, Hardware, card_uses, describe, fingerprint, probe

GB = 10**9
GIB = 2**30

LAPTOP_FLAGS = "fpu sse sse2 sse4_1 sse4_2 avx f16c fma avx2 bmi1 bmi2 avx_vnni"
SERVER_FLAGS = (
    "fpu sse4_2 avx f16c fma avx2 bmi2 avx512f avx512dq avx512cd avx512bw avx512vl avx512vbmi avx512_vnni avx512_bf16 "
    "avx512_fp16 amx_tile amx_int8 amx_bf16"
)

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc and /sys")


@pytest.fixture(autouse=True)
def no_nvidia_and_any_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_nvidia_gpus", lambda: ())
    monkeypatch.setattr(hardware, "_affinity", lambda: 1024)


Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Write the files of a Linux machine; `cores` lists the logical cores of each physical one."""

    def write(cores: list[list[int]], cpuinfo: str, **files: str) -> Path:
        root = tmp_path / "machine"
        logical = sorted(cpu for core in cores for cpu in core)
        found = {
            "proc/cpuinfo": cpuinfo,
            "proc/meminfo": "MemTotal:       16318480 kB\nMemFree:  1000 kB\nMemAvailable:   8159240 kB\n",
            "etc/os-release": 'NAME="Fedora Linux"\nPRETTY_NAME="Fedora Linux 44 (Workstation)"\n',
            "sys/devices/system/cpu/online": f"0-{logical[-1]}",
        }
        for core in cores:
            for cpu in core:
                found[f"sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list"] = ",".join(map(str, core))
        for name, content in (found | files).items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n", encoding="utf-8")
        return root

    return write


def cpuinfo(name: str, flags: str) -> str:
    return f"processor\t: 0\nmodel name\t: {name}\nflags\t\t: {flags}\n\nprocessor\t: 1\nmodel name\t: {name}\nflags\t\t: {flags}"


@linux_only
def test_a_laptop_with_two_kinds_of_cores_tells_the_fast_ones(machine: Machine) -> None:
    cores = [[2 * n, 2 * n + 1] for n in range(6)] + [[12 + n] for n in range(8)]
    info = cpuinfo("12th Gen Intel(R) Core(TM) i7-12700H", LAPTOP_FLAGS)
    found = probe(machine(cores, info, **{"sys/devices/cpu_core/cpus": "0-11", "sys/devices/cpu_atom/cpus": "12-19"}))
    assert found.processor == "12th Gen Intel Core i7-12700H"
    assert (found.physical_cores, found.logical_cores, found.performance_cores, found.usable_cores) == (14, 20, 6, 20)
    assert "AVX-VNNI" in found.instruction_sets
    assert "AVX-512" not in found.instruction_sets
    assert found.system == "Fedora Linux 44 (Workstation)"
    assert found.memory_total == 16318480 * 1024
    assert dict(describe(found))["Processor"] == "12th Gen Intel Core i7-12700H, 14 cores (6 fast), 20 threads, AVX2"


@linux_only
def test_an_arm_board_counts_its_big_cores_and_is_named_by_its_board(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    capacities = {f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity": "414" if cpu < 4 else "1024" for cpu in range(8)}
    info = "processor\t: 0\nFeatures\t: fp asimd crc32 asimdhp asimddp\nCPU implementer\t: 0x41\n"
    board = {"proc/device-tree/model": "Radxa ROCK 5B\0"}
    found = probe(machine([[cpu] for cpu in range(8)], info, **capacities, **board))
    assert found.processor == "Radxa ROCK 5B"
    assert found.architecture == "arm64"
    assert (found.physical_cores, found.performance_cores) == (8, 4)
    assert found.instruction_sets == ("NEON", "Dot product", "FP16")


@linux_only
def test_cores_of_one_speed_are_all_performance_cores(machine: Machine) -> None:
    clocks = {f"sys/devices/system/cpu/cpu{cpu}/cpufreq/cpuinfo_max_freq": str(5000000 + cpu) for cpu in range(4)}
    assert (
        probe(machine([[0, 2], [1, 3]], cpuinfo("AMD Ryzen 5 5600X 6-Core Processor", LAPTOP_FLAGS), **clocks)).performance_cores
        == 2
    )


@linux_only
def test_a_container_is_as_large_as_its_limits(machine: Machine) -> None:
    limits = {
        "proc/self/cgroup": "0::/system.slice/docker-12ab.scope",
        "sys/fs/cgroup/system.slice/docker-12ab.scope/cpu.max": "max 100000",
        "sys/fs/cgroup/system.slice/cpu.max": "250000 100000",
        "sys/fs/cgroup/system.slice/docker-12ab.scope/memory.max": str(4 * GIB),
        "sys/fs/cgroup/system.slice/docker-12ab.scope/memory.current": str(3 * GIB),
        "sys/fs/cgroup/system.slice/docker-12ab.scope/memory.stat": f"anon {2 * GIB}\ninactive_file {GIB}",
        "sys/fs/cgroup/system.slice/memory.max": "max",
    }
    found = probe(
        machine([[cpu] for cpu in range(8)], cpuinfo("INTEL(R) XEON(R) PLATINUM 8581C CPU @ 2.30GHz", SERVER_FLAGS), **limits)
    )
    assert found.usable_cores == 2
    assert found.memory_total == 4 * GIB
    assert found.memory_available == 2 * GIB
    processor = dict(describe(found))["Processor"]
    assert processor == "INTEL XEON PLATINUM 8581C, 8 cores, 2 usable here, AMX, AVX-512"


@linux_only
def test_an_old_container_is_as_large_as_its_limits(machine: Machine) -> None:
    limits = {
        "proc/self/cgroup": "4:memory:/pod/one\n1:cpu,cpuacct:/pod\n0::/",
        "sys/fs/cgroup/memory/pod/memory.limit_in_bytes": str(2 * GIB),
        "sys/fs/cgroup/memory/pod/memory.usage_in_bytes": str(GIB),
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu/pod/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    found = probe(machine([[0], [1]], cpuinfo("AMD EPYC", SERVER_FLAGS), **limits))
    assert found.usable_cores == 1
    assert (found.memory_total, found.memory_available) == (2 * GIB, GIB)


@linux_only
def test_a_process_bound_to_some_cores_uses_only_those(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_affinity", lambda: 3)
    assert probe(machine([[cpu] for cpu in range(8)], cpuinfo("AMD EPYC", SERVER_FLAGS))).usable_cores == 3


@linux_only
def test_an_amd_card_is_read_from_sysfs(machine: Machine) -> None:
    card = {
        "sys/class/drm/card1/device/mem_info_vram_total": str(16 * GIB),
        "sys/class/drm/card1/device/mem_info_vram_used": str(GIB),
        "sys/class/drm/card1/device/product_name": "Radeon RX 7800 XT",
        "sys/class/drm/card1-DP-1/device/mem_info_vram_total": str(16 * GIB),
        "sys/class/drm/card0/device/vendor": "0x8086",
    }
    found = probe(machine([[0]], cpuinfo("AMD Ryzen 7", LAPTOP_FLAGS), **card))
    assert [(gpu.name, gpu.maker, gpu.memory_free) for gpu in found.gpus] == [("Radeon RX 7800 XT", "amd", 15 * GIB)]
    assert dict(describe(found))["Graphics"] == "Radeon RX 7800 XT, 17.2 GB, 16.1 GB free, driver amdgpu"


class FakeNvmlError(Exception):
    pass


def fake_pynvml(memory: Callable[[int], SimpleNamespace]) -> ModuleType:
    module = ModuleType("pynvml")
    module.__dict__.update(
        NVMLError=FakeNvmlError,
        nvmlInit=lambda: None,
        nvmlShutdown=lambda: None,
        nvmlSystemGetDriverVersion=lambda: b"580.95.05",
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: "NVIDIA H200",
        nvmlDeviceGetMemoryInfo=memory,
    )
    return module


@pytest.fixture
def nvidia(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], SimpleNamespace]], Gpu]:
    monkeypatch.undo()  # the real reader again, over a library of our own

    def read(memory: Callable[[int], SimpleNamespace]) -> Gpu:
        monkeypatch.setitem(sys.modules, "pynvml", fake_pynvml(memory))
        (gpu,) = hardware._nvidia_gpus()
        return gpu

    return read


def test_an_nvidia_card_is_asked_through_its_driver(nvidia: Callable[..., Gpu]) -> None:
    gpu = nvidia(lambda handle: SimpleNamespace(total=141 * GB, free=140 * GB))
    assert gpu == Gpu(name="NVIDIA H200", maker="nvidia", memory_total=141 * GB, memory_free=140 * GB, driver="580.95.05")


def test_an_nvidia_chip_without_memory_of_its_own_shares_the_machines(nvidia: Callable[..., Gpu]) -> None:
    def refuse(handle: int) -> SimpleNamespace:
        raise FakeNvmlError("not supported")

    assert nvidia(refuse).unified


def test_what_a_process_takes_of_each_card_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    library = fake_pynvml(lambda handle: SimpleNamespace(total=24 * GB, free=(handle + 1) * GB))
    library.nvmlDeviceGetCount = lambda: 2
    running = ([SimpleNamespace(pid=7, usedGpuMemory=3 * GB)], [SimpleNamespace(pid=8, usedGpuMemory=None)])
    library.nvmlDeviceGetComputeRunningProcesses = lambda handle: running[handle]
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert card_uses(7) == (CardUse(GB, True, 3 * GB), CardUse(2 * GB, False))
    assert card_uses(8) == (CardUse(GB, False), CardUse(2 * GB, True)), "Windows does not tell how much"
    del library.nvmlDeviceGetCount
    assert card_uses(7) == (), "a driver that fails has no cards"


def test_a_mac_is_read_from_sysctl(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"machdep.cpu.brand_string": "Apple M3 Pro", "hw.perflevel0.physicalcpu": "5", "hw.optional.neon": "1"}
    values |= {"hw.optional.arm.FEAT_I8MM": "1", "hw.optional.arm.FEAT_SME": "0"}
    monkeypatch.setattr(hardware, "_sysctl", lambda: values)
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    found = hardware._probe_macos()
    assert (found.processor, found.performance_cores) == ("Apple M3 Pro", 5)
    assert found.instruction_sets == ("NEON", "I8MM")
    assert found.gpus[0].unified
    assert dict(describe(found))["Graphics"] == "Apple M3 Pro GPU, memory shared with the processor"


@linux_only
def test_a_machine_that_shows_nothing_is_still_described(tmp_path: Path) -> None:
    found = probe(tmp_path)
    assert found.logical_cores >= found.usable_cores >= 1
    assert [label for label, _ in describe(found)] == ["System", "Processor", "Memory", "Graphics"]


@linux_only
def test_unreadable_numbers_never_raise(machine: Machine) -> None:
    damaged = {
        "proc/self/cgroup": "nonsense",
        "proc/meminfo": "MemTotal: many",
        "sys/devices/system/cpu/online": "0-x",
        "sys/class/drm/card0/device/mem_info_vram_total": "lots",
        "sys/devices/cpu_core/cpus": "a-b",
    }
    assert probe(machine([[0]], "", **damaged)).usable_cores >= 1


def test_this_machine_is_read_quickly_and_truly() -> None:
    probe()
    started = time.perf_counter()
    found = probe()
    assert time.perf_counter() - started < 0.1
    assert found.logical_cores == psutil.cpu_count()
    assert 0 < found.memory_available <= found.memory_total <= psutil.virtual_memory().total
    assert found.performance_cores <= found.physical_cores <= found.logical_cores
    assert found.processor


def test_affinity_is_that_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    if hasattr(os, "sched_getaffinity"):
        assert hardware._affinity() == len(os.sched_getaffinity(0))


def a_machine(**changes: object) -> Hardware:
    values = {
        "system": "Debian GNU/Linux 12 (bookworm)",
        "architecture": "x86-64",
        "processor": "AMD EPYC",
        "physical_cores": 2,
        "logical_cores": 2,
        "performance_cores": 2,
        "usable_cores": 2,
        "instruction_sets": ("AVX", "AVX2", "AVX-512"),
        "memory_total": 25 * GB,
        "memory_available": 24 * GB,
        "gpus": (Gpu(name="NVIDIA T4", maker="nvidia", memory_total=16 * GB, memory_free=15 * GB, driver="550.1"),),
    }
    return Hardware(**(values | changes))


def test_the_fingerprint_ignores_what_changes_from_minute_to_minute() -> None:
    card = Gpu(name="NVIDIA T4", maker="nvidia", memory_total=16 * GB + 4096, memory_free=GB, driver="550.1")
    later = a_machine(memory_available=GB, memory_total=25 * GB + 8192, system="Debian GNU/Linux 13 (trixie)", gpus=(card,))
    assert fingerprint(a_machine()) == fingerprint(later)


@pytest.mark.parametrize(
    "changes",
    [{"processor": "AMD EPYC 9"}, {"usable_cores": 1}, {"gpus": ()}, {"memory_total": 8 * GB}, {"instruction_sets": ()}],
)
def test_the_fingerprint_changes_with_the_machine(changes: dict[str, object]) -> None:
    assert fingerprint(a_machine()) != fingerprint(a_machine(**changes))


def test_the_description_is_short_and_human() -> None:
    assert describe(a_machine()) == [
        ("System", "Debian GNU/Linux 12 (bookworm), x86-64"),
        ("Processor", "AMD EPYC, 2 cores, AVX-512"),
        ("Memory", "25 GB, 24 GB free"),
        ("Graphics", "NVIDIA T4, 16 GB, 15 GB free, driver 550.1"),
    ]
