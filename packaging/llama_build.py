"""Building llama.cpp for exactly this machine, and keeping the wheel for the next environment.

Pip's own wheel cache ignores CMAKE_ARGS: it would hand out a library compiled for another processor, which crashes
at the first reply. So wheels are kept here, in one folder per version, Python, processor and set of options.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

VERSION = "0.3.36"
PARTS = Path(__file__).with_name("llama_parts.cmake")


class Compiler(NamedTuple):
    kind: str
    """gcc, clang, or empty when unknown."""
    major: int


class CpuOption(NamedTuple):
    """One of llama.cpp's GGML_* options: what /proc/cpuinfo must name, and the oldest compilers that can do it."""

    name: str
    needs: tuple[str, ...]
    gcc: int = 0
    clang: int = 0


AVX512 = ("avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw")  # GGML_AVX512 turns on all five
CPU_OPTIONS = (
    CpuOption("SSE42", ("sse4_2",)),
    CpuOption("AVX", ("avx",)),
    CpuOption("F16C", ("f16c",)),
    CpuOption("FMA", ("fma",)),
    CpuOption("BMI2", ("bmi2",)),
    CpuOption("AVX2", ("avx2",)),
    CpuOption("AVX_VNNI", ("avx_vnni",), 11, 12),
    CpuOption("AVX512", AVX512),
    CpuOption("AVX512_VBMI", (*AVX512, "avx512vbmi")),
    CpuOption("AVX512_VNNI", (*AVX512, "avx512_vnni")),
    CpuOption("AVX512_BF16", (*AVX512, "avx512_bf16"), 10, 9),
    # Built with GCC 12, AMX crashes at the first decode (llama.cpp issue 20824); without VNNI it is never used.
    CpuOption("AMX_TILE", (*AVX512, "avx512_vnni", "amx_tile"), 13, 12),
    CpuOption("AMX_INT8", (*AVX512, "avx512_vnni", "amx_tile", "amx_int8"), 13, 12),
    CpuOption("AMX_BF16", (*AVX512, "avx512_vnni", "amx_tile", "amx_bf16"), 13, 12),
)


class Build(NamedTuple):
    """One way to build: for which device, and the words for CMAKE_ARGS."""

    device: str
    options: tuple[str, ...]


def processor_features(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The instruction sets as the Linux kernel names them; elsewhere the name of the processor."""
    try:
        with cpuinfo.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return frozenset(line.partition(":")[2].split())
    except OSError:
        pass
    return frozenset((platform.machine(), platform.processor()))


def cpu_flags(features: frozenset[str], compiler: Compiler) -> list[str]:
    """CMake options for an x86 processor with these features: every option is named, as some are on by default.

    GGML_NATIVE would do most of it, but it also turns on AMX with compilers that build it wrong.
    """
    flags = ["-DGGML_NATIVE=OFF"]
    for option in CPU_OPTIONS:
        oldest = option.clang if compiler.kind == "clang" else option.gcc
        built_right = compiler.major >= oldest
        flags.append(f"-DGGML_{option.name}={'ON' if built_right and features.issuperset(option.needs) else 'OFF'}")
    return flags


def parse_compiler(text: str) -> Compiler:
    """From what `c++ --version` prints."""
    if match := re.search(r"clang version (\d+)", text):
        return Compiler("clang", int(match[1]))
    first = re.sub(r"\(.*?\)", "", text.partition("\n")[0])  # in brackets stands who packaged it, with other numbers
    match = re.search(r" (\d+)\.\d+", first)
    return Compiler("gcc", int(match[1])) if match and "Free Software Foundation" in text else Compiler("", 0)


def compiler() -> Compiler:
    """The compiler CMake will choose."""
    for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++"):
        if name and shutil.which(name.split()[0]):
            return parse_compiler(_printed([*name.split(), "--version"]))
    return Compiler("", 0)


def has_nvidia_gpu() -> bool:
    return "GPU " in _printed(["nvidia-smi", "-L"])


def gpu_builds() -> list[Build]:
    """The ways to build for a graphics card of this machine for which both the card and the tools are here."""
    if sys.platform == "darwin":
        return [Build("the Apple GPU", ("-DGGML_METAL=ON",))] if platform.machine() == "arm64" else []
    folders = [os.environ.get(name, "") for name in ("CUDA_PATH", "CUDA_HOME")]
    folders += [] if sys.platform == "win32" else ["/usr/local/cuda", "/opt/cuda"]
    nvcc = shutil.which("nvcc") or next((p for f in folders if f and (p := shutil.which("nvcc", path=f"{f}/bin"))), None)
    if nvcc and has_nvidia_gpu():
        found = ("-DGGML_CUDA=ON", "-DCMAKE_CUDA_ARCHITECTURES=native", f"-DCMAKE_CUDA_COMPILER={Path(nvcc).as_posix()}")
        return [Build("the NVIDIA GPU", found)]
    return [Build("the GPU (Vulkan)", ("-DGGML_VULKAN=ON",))] if _has_vulkan() else []


VULKAN_NEEDS = "VK_EXT_layer_settings"
"""What llama.cpp takes for granted in Vulkan's headers: they have it from 1.3.272 on, Debian 12 has 1.3.239."""


def _has_vulkan() -> bool:
    if sys.platform != "win32" and not list(Path("/dev/dri").glob("renderD*")):
        return False
    if os.environ.get("VULKAN_SDK"):
        return True
    core, spirv = Path("/usr/include/vulkan/vulkan_core.h"), Path("/usr/include/spirv/unified1/spirv.hpp")
    if shutil.which("glslc") is None or not core.exists() or not spirv.exists():
        return False
    return VULKAN_NEEDS in core.read_text(encoding="utf-8", errors="replace")


def lean() -> tuple[str, str]:
    """Without the image part (mtmd) and the library for llama.cpp's own programs: 93 s instead of 184 s on 2 cores."""
    return "-DLLAVA_BUILD=OFF", f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={PARTS.as_posix()}"


def builds() -> list[Build]:
    """How to build here, best first; the last is for the processor alone and works everywhere."""
    x86_linux = sys.platform.startswith("linux") and platform.machine() in ("x86_64", "AMD64")
    for_cpu = tuple(cpu_flags(processor_features(), compiler())) if x86_linux else ()
    given = tuple(shlex.split(os.environ.get("CMAKE_ARGS", "")))
    ways = [*gpu_builds(), Build("this processor", ())]
    return [Build(way.device, (*way.options, *for_cpu, *lean(), *given)) for way in ways]


def portable_build() -> Build:
    """For installers: one library for every set of instructions, of which the right one is chosen when the program starts."""
    variants = ("-DGGML_NATIVE=OFF", "-DGGML_BACKEND_DL=ON", "-DGGML_CPU_ALL_VARIANTS=ON")
    metal = ("-DGGML_METAL=ON",) if sys.platform == "darwin" and platform.machine() == "arm64" else ()
    return Build("every processor", (*variants, *metal, *lean()))


FOR_ADDONS = {"cuda": "CUDA", "rocm": "HIP", "vulkan": "VULKAN", "metal": "METAL"}
"""What llama.cpp calls its code for each kind of card, in options and in file names."""


def addon_build(device: str) -> Build:
    """Only the library for one kind of graphics card, which finds llama.cpp's others in the installed program.

    It finds what it needs beside itself; what lies elsewhere in the add-on is loaded before it.
    """
    only = (f"-DGGML_{FOR_ADDONS[device]}=ON", "-DGGML_CPU=OFF", "-DGGML_NATIVE=OFF", "-DGGML_BACKEND_DL=ON")
    beside = ("-DCMAKE_BUILD_WITH_INSTALL_RPATH=ON", "-DCMAKE_INSTALL_RPATH=$ORIGIN") if sys.platform.startswith("linux") else ()
    return Build(f"an add-on for {device}", (*only, *beside, *lean()))


def is_for_card(name: str, device: str) -> bool:
    """Whether a library of this name is llama.cpp's code for that kind of card."""
    return re.fullmatch(rf"(lib)?ggml-{FOR_ADDONS[device].lower()}\.(so|dylib|dll)", name) is not None


def is_built_wrong(name: str) -> bool:
    """Whether this variant for some processors must not be shipped: an older GCC builds AMX so that it crashes.

    Their processors then take the variant before it, which lacks nothing but AMX.
    """
    if "sapphirerapids" not in name:
        return False
    made_by = compiler()
    return made_by.major < {"gcc": 13, "clang": 12}.get(made_by.kind, 0)


def cores() -> int:
    """How many compilers to run at once: in a container, no more than it was given."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return count if quota == "max" else max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):
        return count


def estimate(build: Build) -> str:
    """Measured: 150 core seconds for the processor alone; for GPUs several times that, depending on the card."""
    seconds = (150 if build.device in ("this processor", "the Apple GPU") else 2400) / cores() + 20
    minutes = round(seconds / 60)
    return f"about {minutes} minutes" if minutes > 1 else "about a minute"


def cache_folder() -> Path:
    """Where wheels are kept; the same parent folder as the program's own cache."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local")
    elif sys.platform == "darwin":
        base = home / "Library/Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "companion" / "wheels"


def wheel_folder(build: Build, python_tag: str) -> Path:
    """The folder for the wheel of this build. What the options leave to CMake to find out counts too: the processor
    where it is “native”, and the kind of NVIDIA card."""
    facts = [option.replace(PARTS.as_posix(), PARTS.name) for option in build.options]
    facts += [PARTS.read_text(encoding="utf-8"), *platform.libc_ver()]
    if "-DGGML_NATIVE=OFF" not in build.options:
        facts += sorted(processor_features())
    if "-DGGML_CUDA=ON" in build.options:
        facts.append(_printed(["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]))
    content = "\n".join(facts)
    key = hashlib.sha256(content.encode()).hexdigest()[:12]
    return cache_folder() / f"{VERSION}-{python_tag}-{platform.machine()}-{key}"


def build_environment(build: Build, given: dict[str, str]) -> dict[str, str]:
    return {**given, "CMAKE_ARGS": shlex.join(build.options), "CMAKE_BUILD_PARALLEL_LEVEL": str(cores())}


def _printed(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=20, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
