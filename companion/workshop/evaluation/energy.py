"""What work costs in joules, where the system tells: the processor's own counters on Linux (RAPL), the driver's of NVIDIA
cards (NVML, Volta and later). macOS and Windows tell no ordinary program.

Both count everything that runs on the processor or card meanwhile, not this process alone, and idling too.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar

ROOT: Final = Path("/")
T = TypeVar("T")


class Counter(Protocol):
    """One counter that only grows."""

    name: str

    def joules(self) -> float:
        """Since some moment in the past. Raises OSError when it cannot be read any more."""


class Energy(NamedTuple):
    """`joules` is None when nobody tells; `why` then says what could be done about it."""

    joules: float | None
    sources: tuple[str, ...] = ()
    why: str = ""


class Package:
    """A processor package by Linux's powercap (Documentation/power/powercap in the kernel's source): microjoules that begin
    anew at a range of the package's own."""

    def __init__(self, folder: Path) -> None:
        self.name = f"processor ({(folder / 'name').read_text(encoding='ascii').strip()})"
        self._file = folder / "energy_uj"
        self._range = int((folder / "max_energy_range_uj").read_text(encoding="ascii"))
        self._last = self._read()
        self._turns = 0

    def _read(self) -> int:
        return int(self._file.read_text(encoding="ascii"))

    def joules(self) -> float:
        """A package of 300 W turns over about every quarter of an hour: read it more often than that."""
        now = self._read()
        self._turns += now < self._last
        self._last = now
        return (self._turns * (self._range + 1) + now) / 1e6


class Card:
    """An NVIDIA card by its driver, in millijoules since the driver was loaded."""

    def __init__(self, handle: Any, name: str) -> None:
        self.name, self._handle = name, handle

    def joules(self) -> float:
        import pynvml

        try:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1000
        except pynvml.NVMLError as error:
            raise OSError(str(error)) from error


@contextlib.contextmanager
def counters(root: Path = ROOT) -> Iterator[tuple[Sequence[Counter], str]]:
    """The counters that can be read, and why there are none of the processor; `root` is where a test keeps /sys."""
    packages, why = _packages(root)
    with contextlib.ExitStack() as stack:
        yield [*packages, *stack.enter_context(_cards())], why


def measured(work: Callable[[], T], found: Sequence[Counter], why: str = "") -> tuple[T, Energy]:
    """What the work gave back, and what it took."""
    try:
        before = [counter.joules() for counter in found]
    except OSError as error:
        return work(), Energy(None, why=f"The energy counter cannot be read ({error}).")
    result = work()
    if not found:
        return result, Energy(None, why=why)
    try:
        joules = sum(counter.joules() - start for counter, start in zip(found, before, strict=True))
    except OSError as error:
        return result, Energy(None, why=f"The energy counter cannot be read ({error}).")
    return result, Energy(joules, tuple(counter.name for counter in found))


def _packages(root: Path) -> tuple[list[Counter], str]:
    """One counter per processor; the parts inside (core, uncore, dram) are counted in it or told apart, and left out."""
    if not sys.platform.startswith("linux"):
        return [], "This system tells programs nothing about energy. Measure on Linux, or at the socket."
    folders = sorted(root.glob("sys/class/powercap/intel-rapl:*"))
    found: list[Counter] = []
    refused = False
    for folder in folders:
        if folder.name.count(":") != 1:
            continue
        try:
            if (folder / "name").read_text(encoding="ascii").startswith("package"):
                found.append(Package(folder))
        except PermissionError:
            refused = True
        except (OSError, ValueError):
            continue
    if refused and not found:
        remedy = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj lets this program read it until the next start."
        return [], f"The processor counts its energy, but only the administrator may read it. {remedy}"
    return found, "" if found else "This processor, or the virtual machine around it, does not tell what it uses."


@contextlib.contextmanager
def _cards() -> Iterator[list[Counter]]:
    """None where there is no NVIDIA driver, or a card too old to count."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield []
        return
    try:
        yield [card for index in range(pynvml.nvmlDeviceGetCount()) if (card := _card(index)) is not None]
    finally:
        pynvml.nvmlShutdown()


def _card(index: int) -> Counter | None:
    import pynvml

    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        name = pynvml.nvmlDeviceGetName(handle)
        card = Card(handle, name.decode(errors="replace") if isinstance(name, bytes) else str(name))
        card.joules()
    except (pynvml.NVMLError, OSError):
        return None
    return card
