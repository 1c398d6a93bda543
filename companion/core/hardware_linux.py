"""What the Linux kernel says about the machine in /proc and /sys, within the limits of a container.

`root` is `/`, or where a test keeps another machine's files. A file that is missing reads as empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

FAST_SHARE = 0.75
"""A core counts as fast from this share of the fastest core's speed. Phone-like processors have cores at 1024, 870
and 325 (the kernel's units): the first two kinds are worth a thread, the third slows the others down."""

ARM_MAKERS = {"0x41": "ARM", "0x48": "HiSilicon", "0x4e": "NVIDIA", "0x51": "Qualcomm", "0x61": "Apple", "0xc0": "Ampere"}


def text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return ""


def number(folder: Path, *names: str) -> int | None:
    """The first of these files that holds a number."""
    texts = (text(folder / name) for name in names)
    return next((int(found) for found in texts if re.fullmatch(r"-?\d+", found)), None)


def cpu_list(numbers: str) -> set[int]:
    """The kernel's “0-3,8,10-11” as numbers."""
    pairs = (part.partition("-") for part in numbers.split(",") if part)
    return {cpu for first, _, last in pairs for cpu in range(int(first), int(last or first) + 1)}


def system(root: Path) -> str:
    match = re.search(r'^PRETTY_NAME="?([^"\n]+)', text(root / "etc/os-release"), re.MULTILINE)
    return match[1] if match else "Linux"


def processor(root: Path) -> str:
    """Its name as the kernel has it; on ARM, where it has none, the board or the maker of the cores."""
    named = _cpuinfo(root, "model name", "Model Name", "cpu model", "Hardware") or text(root / "proc/device-tree/model")
    return named or f"{ARM_MAKERS.get(_cpuinfo(root, 'CPU implementer'), 'Unknown')} processor"


def features(root: Path) -> frozenset[str]:
    return frozenset(_cpuinfo(root, "flags", "Features").split())


def _cpuinfo(root: Path, *names: str) -> str:
    """The first value in /proc/cpuinfo under the first of these names that is there."""
    content = text(root / "proc/cpuinfo")
    found = (re.search(rf"^{name}\s*:\s*(.+)$", content, re.MULTILINE) for name in names)
    return next((match[1].strip() for match in found if match), "")


def logical_cores(root: Path) -> set[int]:
    return cpu_list(text(root / "sys/devices/system/cpu/online"))


def physical_cores(root: Path, logical: set[int]) -> int:
    """How many physical cores these logical ones are."""
    groups = set()
    for cpu in logical:
        topology = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        groups.add(text(topology / "core_cpus_list") or text(topology / "thread_siblings_list") or str(cpu))
    return len(groups)


def performance_cores(root: Path) -> int:
    """Physical cores of the fast kind, or 0 when the kernel does not tell cores apart."""
    if intel := cpu_list(text(root / "sys/devices/cpu_core/cpus")):
        return physical_cores(root, intel)
    folder = root / "sys/devices/system/cpu"
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        speeds = {cpu: number(folder / f"cpu{cpu}", name) or 0 for cpu in logical_cores(root)}
        if speeds and all(speeds.values()):
            return physical_cores(root, {cpu for cpu, speed in speeds.items() if speed >= FAST_SHARE * max(speeds.values())})
    return 0


def memory(root: Path) -> tuple[int, int]:
    """Total and available bytes, within the limits of every control group that holds this process."""
    content = text(root / "proc/meminfo")
    found = (re.search(rf"^{name}:\s+(\d+) kB", content, re.MULTILINE) for name in ("MemTotal", "MemAvailable"))
    total, available = (1024 * int(match[1]) if match else 0 for match in found)
    for folder in _control_groups(root, "memory"):
        limit = number(folder, "memory.max", "memory.limit_in_bytes")
        used = number(folder, "memory.current", "memory.usage_in_bytes") or 0
        if limit is None or limit >= total:  # a limit on an outer group may be far above the machine
            continue
        cached = re.search(r"^(?:total_)?inactive_file (\d+)", text(folder / "memory.stat"), re.MULTILINE)
        total = limit
        available = min(available, max(0, limit - used + (int(cached[1]) if cached else 0)))  # cached files make room
    return total, available


def cpu_quota(root: Path) -> int | None:
    """How many whole cores' worth of time the control groups allow, at least 1; None without a limit."""
    quotas = []
    for folder in _control_groups(root, "cpu"):
        words = text(folder / "cpu.max").split() or [text(folder / "cpu.cfs_quota_us"), text(folder / "cpu.cfs_period_us")]
        if all(word.isdecimal() for word in words):  # not “max”, and not -1
            quotas.append(max(1, int(words[0]) // int(words[1])))
    return min(quotas, default=None)


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the groups that hold this process, innermost first; a limit on any of them counts.

    Of both kinds (v1 has a tree for each controller), as some machines mount both.
    """
    base = root / "sys/fs/cgroup"
    for line in text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = base / controller if controllers else base
        place = top / path.strip("/")
        while place != top:
            yield place
            place = place.parent
        yield top
