"""Where a report was measured: the machine, and the versions of what measured it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from msgspec.structs import replace

from companion import __version__
from companion.core.amounts import bytes_text
from companion.core.hardware import describe, probe

PACKAGES: Final = (
    "llama-cpp-python",
    "numpy",
    "scipy",
    "scikit-learn",
    "sacrebleu",
    "rouge-score",
    "nltk",
    "lm-eval",
    "torch",
)


def machine(threads: int) -> dict[str, str]:
    """Without what changes from minute to minute."""
    hardware = probe()
    told: dict[str, str] = {}
    for label, text in describe(replace(hardware, memory_available=hardware.memory_total)):
        shown = bytes_text(hardware.memory_total) if label == "Memory" else text
        told[label] = f"{told[label]}; {shown}" if label in told else shown
    return told | {"Threads used": str(threads)}


def versions() -> dict[str, str]:
    """Of the program, of Python, and of the packages that are installed."""
    found = {"companion": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # an extra that is not installed
            continue
    return found
