"""What of the machine this process uses while it trains."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, NamedTuple

import psutil
import torch

from companion.core.hardware import probe


class Use(NamedTuple):
    """Sizes in bytes; per cent of all cores this process may use, and of the graphics card."""

    memory: int
    available: int
    total: int
    cpu_percent: float
    gpu_memory: int = 0
    gpu_percent: float = 0.0


class MachineUse:
    """Reads a few counters, in less than a millisecond each time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._process = psutil.Process()
        self._cores = max(probe().usable_cores, 1)
        self._gpu = _nvidia_handle(device)
        self._process.cpu_percent()  # the first reading only starts the clock
        self.peak = 0
        self.gpu_peak = 0

    def read(self) -> Use:
        machine = psutil.virtual_memory()
        memory = int(self._process.memory_info().rss)
        gpu_memory, gpu_percent = self._read_gpu()
        self.peak, self.gpu_peak = max(self.peak, memory, peak_memory()), max(self.gpu_peak, gpu_memory)
        cpu = round(self._process.cpu_percent() / self._cores, 1)
        return Use(memory, int(machine.available), int(machine.total), cpu, gpu_memory, gpu_percent)

    def _read_gpu(self) -> tuple[int, float]:
        if self._device.type == "mps":
            return int(torch.mps.driver_allocated_memory()), 0.0
        if self._device.type != "cuda":
            return 0, 0.0
        percent = 0.0
        if self._gpu is not None:
            import pynvml

            with contextlib.suppress(pynvml.NVMLError):
                percent = float(pynvml.nvmlDeviceGetUtilizationRates(self._gpu).gpu)
        return int(torch.cuda.max_memory_reserved(self._device)), percent


def peak_memory() -> int:
    """The most memory this process ever held, in bytes; what it holds now where the system does not tell."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _nvidia_handle(device: torch.device) -> Any:
    """The card's handle for its driver library; None for other makers, or without that library."""
    if device.type != "cuda" or torch.version.hip is not None:
        return None
    with contextlib.suppress(Exception):  # whatever is wrong with the driver library, training does not need it
        import pynvml

        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(device).uuid)
        return pynvml.nvmlDeviceGetHandleByUUID(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
    return None
