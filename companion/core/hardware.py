"""What this machine is: processor, memory and graphics cards, as far as this process may use them.

Nothing is read on import. Every reader falls back to “unknown” by itself, so `probe` never raises: a strange
container or a missing driver must not keep the program from starting.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import psutil
from msgspec.structs import replace

from companion.core import hardware_linux
from companion.core.amounts import bytes_text
from companion.core.hardware_caches import Cache, WindowsCores, caches_text, linux_caches, macos_caches, windows_cores

T = TypeVar("T")

ROOT = Path("/")

# Shown name: every name the kernel (or macOS) has for it. Only those that llama.cpp or torch have code for.
INSTRUCTION_SETS = {
    "SSE4.2": ("sse4_2", "sse4.2"),
    "AVX": ("avx", "avx1.0"),
    "AVX2": ("avx2",),
    "FMA": ("fma",),
    "F16C": ("f16c",),
    "AVX-VNNI": ("avx_vnni",),
    "AVX-512": ("avx512bw", "avx512f"),
    "AVX-512 VBMI": ("avx512vbmi",),
    "AVX-512 VNNI": ("avx512_vnni", "avx512vnni"),
    "AVX-512 BF16": ("avx512_bf16",),
    "AVX-512 FP16": ("avx512_fp16",),
    "AMX": ("amx_tile",),
    "AMX INT8": ("amx_int8",),
    "AMX BF16": ("amx_bf16",),
    "NEON": ("asimd", "neon", "hw.optional.neon", "hw.optional.advsimd"),
    "Dot product": ("asimddp", "hw.optional.arm.feat_dotprod"),
    "FP16": ("asimdhp", "hw.optional.arm.feat_fp16"),
    "I8MM": ("i8mm", "hw.optional.arm.feat_i8mm"),
    "BF16": ("bf16", "hw.optional.arm.feat_bf16"),
    "SVE": ("sve",),
    "SVE2": ("sve2",),
    "SME": ("sme", "hw.optional.arm.feat_sme"),
}
SHOWN_SETS = ("AMX", "AVX-512", "AVX2", "AVX", "SME", "SVE", "I8MM", "NEON")
IMPLIED = {"AVX-512": ("AVX2", "AVX"), "AVX2": ("AVX",), "SME": ("NEON",), "SVE": ("NEON",)}

# IsProcessorFeaturePresent in winnt.h
WINDOWS_FEATURES = {19: "neon", 38: "sse4.2", 39: "avx", 40: "avx2", 41: "avx512f", 43: "asimddp"}


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """One graphics card. Sizes are bytes, 0 when unknown."""

    name: str
    maker: str
    """nvidia, amd or apple."""
    memory_total: int = 0
    memory_free: int = 0
    unified: bool = False
    """Whether its memory is the machine's own, shared with the processor."""
    driver: str = ""


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """One machine as this process sees it; counts are at least 1, sizes are bytes and 0 when unknown."""

    system: str
    """Name and version of the operating system, such as “Debian GNU/Linux 12 (bookworm)”."""
    architecture: str
    """x86-64, arm64, or what the system calls it."""
    processor: str
    physical_cores: int
    logical_cores: int
    performance_cores: int
    """Physical cores of the fast kind; all of them on a machine with one kind."""
    usable_cores: int
    """Logical cores this process may use: affinity and a container's quota counted in."""
    instruction_sets: tuple[str, ...]
    memory_total: int
    memory_available: int
    """Both within the limit of the container, if there is one."""
    gpus: tuple[Gpu, ...]
    caches: tuple[Cache, ...] = ()
    """For data, by level; empty when unknown."""


def probe(root: Path = ROOT) -> Hardware:
    """Read this machine, in a few milliseconds; `root` is where a test keeps another machine's /proc, /sys and /etc."""
    if sys.platform == "darwin":
        return _probe_macos()
    return _probe_linux(root) if sys.platform.startswith("linux") else _probe_windows()


def _probe_linux(root: Path) -> Hardware:
    cpus = _or(lambda: hardware_linux.logical_cores(root), set[int]()) or set(range(psutil.cpu_count() or 1))
    physical = _or(lambda: hardware_linux.physical_cores(root, cpus), len(cpus))
    quota = _or(lambda: hardware_linux.cpu_quota(root), None) or len(cpus)
    total, available = _or(lambda: hardware_linux.memory(root), (0, 0))
    return Hardware(
        system=_or(lambda: hardware_linux.system(root), "Linux"),
        architecture=_architecture(),
        processor=_or(lambda: _clean_name(hardware_linux.processor(root)), "Unknown processor"),
        physical_cores=physical,
        logical_cores=len(cpus),
        performance_cores=_or(lambda: hardware_linux.performance_cores(root), 0) or physical,
        usable_cores=min(len(cpus), quota, _or(_affinity, len(cpus))),
        instruction_sets=_or(lambda: _sets(hardware_linux.features(root)), ()),
        memory_total=total,
        memory_available=available,
        gpus=_gpus(root),
        caches=_or(lambda: linux_caches(root), ()),
    )


def available_memory(root: Path = ROOT) -> int:
    """Bytes that programs could still take, within the limit of the container; 0 when unknown."""
    if sys.platform.startswith("linux"):
        return _or(lambda: hardware_linux.memory(root)[1], 0)
    return _or(lambda: int(psutil.virtual_memory().available), 0)


def held_memory(pid: int) -> int:
    """Bytes that a process holds for itself alone; 0 when it is gone."""

    def read() -> int:
        memory = psutil.Process(pid).memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))  # a model file that the chat has open, too, is shared

    return _or(read, 0)


class CardUse(msgspec.Struct, frozen=True):
    """What a process takes of one graphics card. Sizes are bytes."""

    free: int
    """Of its memory, for whomever."""
    is_used: bool
    held: int = 0
    """By the process; 0 when the driver does not tell."""


def card_uses(pid: int) -> tuple[CardUse, ...]:
    """Every graphics card of NVIDIA's, in the order of the driver."""
    return _or(lambda: _nvidia_uses(pid), ())


def usable_threads() -> int:
    """Physical cores this process may use: a second thread on a core gains a matrix product nothing."""
    hardware = probe()
    return max(1, min(hardware.usable_cores, hardware.physical_cores))


def fingerprint(hardware: Hardware) -> str:
    """A short hash that changes when what was measured on this machine no longer holds: a key for caches."""
    gigabytes = 2**30  # the kernel keeps a little more or less for itself at every update
    gpus = tuple(replace(gpu, memory_total=round(gpu.memory_total / gigabytes), memory_free=0) for gpu in hardware.gpus)
    stable = replace(hardware, system="", memory_total=round(hardware.memory_total / gigabytes), memory_available=0, gpus=gpus)
    return hashlib.sha256(msgspec.json.encode(stable)).hexdigest()[:12]


def describe(hardware: Hardware) -> list[tuple[str, str]]:
    """Rows of label and text for a person."""
    cards = [_gpu_text(gpu) for gpu in hardware.gpus] or ["none found"]
    return [
        ("System", f"{hardware.system}, {hardware.architecture}"),
        ("Processor", ", ".join([hardware.processor, _cores_text(hardware), *_sets_text(hardware.instruction_sets)])),
        *([("Caches", caches_text(hardware.caches))] if hardware.caches else []),
        ("Memory", f"{bytes_text(hardware.memory_total)}, {bytes_text(hardware.memory_available)} free"),
        *(("Graphics", card) for card in cards),
    ]


def _cores_text(hardware: Hardware) -> str:
    text = "1 core" if hardware.physical_cores == 1 else f"{hardware.physical_cores} cores"
    if hardware.performance_cores < hardware.physical_cores:
        text += f" ({hardware.performance_cores} fast)"
    if hardware.logical_cores > hardware.physical_cores:
        text += f", {hardware.logical_cores} threads"
    return text if hardware.usable_cores == hardware.logical_cores else f"{text}, {hardware.usable_cores} usable here"


def _sets_text(sets: tuple[str, ...]) -> list[str]:
    implied = {name for shown in sets for name in IMPLIED.get(shown, ())}
    return [name for name in SHOWN_SETS if name in sets and name not in implied]


def _gpu_text(gpu: Gpu) -> str:
    size = "memory shared with the processor" if gpu.unified else ""
    if gpu.memory_total and not gpu.unified:
        size = f"{bytes_text(gpu.memory_total)}, {bytes_text(gpu.memory_free)} free"
    return ", ".join(part for part in (gpu.name, size, f"driver {gpu.driver}" if gpu.driver else "") if part)


def _or(read: Callable[[], T], otherwise: T) -> T:
    try:
        return read()
    except Exception:  # whatever is wrong with this part of the machine, the rest is still worth knowing
        return otherwise


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm64"}.get(machine.lower(), machine)


def _clean_name(name: str) -> str:
    name = re.sub(r"\((R|TM|C)\)|\bCPU\b|\b(\d+-Core )?Processor\b|@.*", " ", name, flags=re.IGNORECASE)
    return " ".join(name.split())


def _sets(features: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name, spellings in INSTRUCTION_SETS.items() if not features.isdisjoint(spellings))


def _affinity() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return len(psutil.Process().cpu_affinity())


def _gpus(root: Path) -> tuple[Gpu, ...]:
    none: tuple[Gpu, ...] = ()
    return (*_or(_nvidia_gpus, none), *_or(lambda: _amd_gpus(root), none))


def _nvidia_gpus() -> tuple[Gpu, ...]:
    """Raises pynvml.NVMLError where there is no driver."""
    import pynvml

    pynvml.nvmlInit()
    try:
        driver = _decoded(pynvml.nvmlSystemGetDriverVersion())
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        gpus = []
        for handle in handles:
            gpu = Gpu(name=_decoded(pynvml.nvmlDeviceGetName(handle)), maker="nvidia", driver=driver)
            try:
                memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
                gpu = replace(gpu, memory_total=int(memory.total), memory_free=int(memory.free))
            except pynvml.NVMLError:  # the chips that share the machine's memory (Jetson, GB10) have none to tell
                gpu = replace(gpu, unified=True)
            gpus.append(gpu)
        return tuple(gpus)
    finally:
        pynvml.nvmlShutdown()


def _nvidia_uses(pid: int) -> tuple[CardUse, ...]:
    """Raises pynvml.NVMLError where there is no driver."""
    import pynvml

    pynvml.nvmlInit()
    try:
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            held = {process.pid: process.usedGpuMemory for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}
            found.append(CardUse(int(pynvml.nvmlDeviceGetMemoryInfo(handle).free), pid in held, int(held.get(pid) or 0)))
        return tuple(found)
    finally:
        pynvml.nvmlShutdown()


def _decoded(text: str | bytes) -> str:
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _amd_gpus(root: Path) -> tuple[Gpu, ...]:
    gpus = []
    for device in sorted(root.glob("sys/class/drm/card[0-9]*/device")):
        total = hardware_linux.number(device, "mem_info_vram_total")
        if total is None or "-" in device.parent.name:  # card0-HDMI-A-1 is a connector of card0
            continue
        name = hardware_linux.text(device / "product_name") or "AMD graphics"
        free = total - (hardware_linux.number(device, "mem_info_vram_used") or 0)
        gpus.append(Gpu(name=name, maker="amd", memory_total=total, memory_free=free, driver="amdgpu"))
    return tuple(gpus)


def _probe_macos() -> Hardware:
    values = _or(_sysctl, dict[str, str]())
    memory = psutil.virtual_memory()
    logical = psutil.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    name = _clean_name(values.get("machdep.cpu.brand_string", "Unknown processor"))
    listed = f"{values.get('machdep.cpu.features', '')} {values.get('machdep.cpu.leaf7_features', '')}".split()
    switched_on = [key for key, value in values.items() if key.startswith("hw.optional.") and value == "1"]
    apple = Gpu(name=f"{name} GPU", maker="apple", memory_total=memory.total, memory_free=memory.available, unified=True)
    return Hardware(
        system=f"macOS {platform.mac_ver()[0]}",
        architecture=_architecture(),
        processor=name,
        physical_cores=physical,
        logical_cores=logical,
        performance_cores=_or(lambda: int(values["hw.perflevel0.physicalcpu"]), physical),
        usable_cores=logical,
        instruction_sets=_sets(frozenset(word.lower() for word in (*listed, *switched_on))),
        memory_total=memory.total,
        memory_available=memory.available,
        gpus=(apple,) if _architecture() == "arm64" else (),
        caches=_or(lambda: macos_caches(values), ()),
    )


def _sysctl() -> dict[str, str]:
    caches = ("hw.l1dcachesize", "hw.l2cachesize", "hw.l3cachesize", "hw.physicalcpu")
    command = ["sysctl", "hw.optional", "hw.perflevel0", *caches, "machdep.cpu"]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.splitlines()
    return {key: value for key, _, value in (line.partition(": ") for line in lines)}


def _probe_windows() -> Hardware:
    memory = psutil.virtual_memory()
    logical = psutil.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    cores = _or(windows_cores, WindowsCores((), 0))
    return Hardware(
        system=_or(_windows_system, platform.system()),
        architecture=_architecture(),
        processor=_or(_windows_processor, "Unknown processor"),
        physical_cores=physical,
        logical_cores=logical,
        performance_cores=cores.fast or physical,
        usable_cores=_or(_affinity, logical),
        instruction_sets=_or(lambda: _sets(_windows_features()), ()),
        memory_total=memory.total,
        memory_available=memory.available,
        gpus=_gpus(ROOT),
        caches=cores.caches,
    )


def _windows_system() -> str:
    if sys.platform != "win32":
        return ""
    version = sys.getwindowsversion()
    return f"Windows {11 if version.build >= 22000 else version.major} (build {version.build})"


def _windows_processor() -> str:
    if sys.platform != "win32":
        return ""
    import winreg

    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"HARDWARE\DESCRIPTION\System\CentralProcessor\0") as registry:
        return _clean_name(str(winreg.QueryValueEx(registry, "ProcessorNameString")[0]))


def _windows_features() -> frozenset[str]:
    if sys.platform != "win32":
        return frozenset()
    import ctypes

    present = ctypes.windll.kernel32.IsProcessorFeaturePresent
    return frozenset(name for number, name in WINDOWS_FEATURES.items() if present(number))
