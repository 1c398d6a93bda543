"""Which part of the machine computes, and in which numbers; each choice with the sentence that says why."""

from __future__ import annotations

from typing import Literal, NamedTuple

import psutil
import torch

from companion.core.errors import JobError
from companion.core.hardware import Hardware, probe
from companion.core.recipes.parts import Machine

FAST_BF16 = {"AVX-512 BF16", "AMX BF16"}
"""Instruction sets whose bfloat16 products torch's CPU kernels use; without them they are slower than float32."""
KEEP_FREE = 0.1
"""Share of the memory that is left to everybody else."""


class Place(NamedTuple):
    """`device` in torch's words; `available` are bytes that training may take there."""

    device: Literal["cpu", "cuda", "mps"]
    name: str
    compute: Literal["float32", "bfloat16"]
    threads: int
    available: int
    sentences: tuple[str, ...]


def choose_place(options: Machine) -> Place:
    """Raises JobError when the recipe asks for a device that is not there."""
    hardware = probe()
    device, why = _device(options)
    threads = options.threads or max(min(hardware.performance_cores, hardware.usable_cores), 1)
    name = torch.cuda.get_device_name(0) if device == "cuda" else "GPU" if device == "mps" else "CPU"
    compute, because = _compute(options, device, hardware)
    return Place(device, name, compute, threads, _available(device), (why, because))


def _device(options: Machine) -> tuple[Literal["cpu", "cuda", "mps"], str]:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if options.device != "auto":
        if not there[options.device]:
            build = "This build of torch sees no graphics card of that kind."
            raise JobError(build, "Set machine.device=auto, or install the torch build for your card.")
        return options.device, f"It runs on {options.device}, as you chose."
    if there["cuda"]:
        return "cuda", f"It runs on {torch.cuda.get_device_name(0)}."
    if there["mps"]:
        return "mps", "It runs on this machine's GPU."
    return "cpu", "It runs on the processor: torch sees no graphics card here."


def _compute(options: Machine, device: str, hardware: Hardware) -> tuple[Literal["float32", "bfloat16"], str]:
    if options.compute != "auto":
        return options.compute, f"Products are computed in {options.compute}, as you chose."
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device == "cpu" and not FAST_BF16.isdisjoint(hardware.instruction_sets)
    if fast:
        return "bfloat16", "Products are computed in bfloat16, which this hardware multiplies fast."
    return "float32", "Products are computed in float32: this hardware has no fast bfloat16."


def _available(device: str) -> int:
    if device == "cuda":
        free, total = torch.cuda.mem_get_info()
        return int(free - KEEP_FREE * total)
    memory = psutil.virtual_memory()
    hardware = probe()  # a container's limit may be below the machine's memory
    free = min(memory.available, hardware.memory_available or memory.available)
    total = min(memory.total, hardware.memory_total or memory.total)
    return int(free - KEEP_FREE * total)
