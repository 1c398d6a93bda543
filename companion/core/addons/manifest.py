"""What add-ons there are (`assets/addons.json`, written by `packaging/addon.py`), and which of them suits this machine."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Meta

from companion.core.addresses import may_be_asked
from companion.core.errors import AddonError
from companion.core.hardware import Gpu, Hardware
from companion.core.paths import addons_manifest

MAX_BYTES: Final = 1 << 20
"""Of the manifest."""
LARGEST: Final = 16 << 30
"""Bytes of one part; torch for CUDA is about one gigabyte."""
MOST_PARTS, MOST_ADDONS = 64, 64

Device = Literal["cuda", "rocm", "vulkan", "metal"]
System = Literal["linux", "windows", "macos"]
Machine = Literal["x86-64", "arm64"]
DEVICE_NAMES: Final[dict[Device, str]] = {"cuda": "CUDA", "rocm": "ROCm", "vulkan": "Vulkan", "metal": "Metal"}
WAYS: Final[dict[str, tuple[Device, ...]]] = {"nvidia": ("cuda", "vulkan"), "amd": ("rocm", "vulkan"), "apple": ("metal",)}
"""For each maker of cards, the best first."""
_SYSTEMS: Final[dict[str, System]] = {"linux": "linux", "win32": "windows", "darwin": "macos"}
_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
_ENDINGS: Final = {"wheel": re.compile(r"\.whl$"), "library": re.compile(r"\.(dll|dylib|so(\.\d+)*)$")}
_Words = Annotated[str, Meta(min_length=1, max_length=300)]
_Bytes = Annotated[int, Meta(ge=1, le=LARGEST)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file that is fetched: a wheel, which is unpacked, or a shared library, which stays as it is."""

    url: _Words
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    bytes: _Bytes
    unpacked: _Bytes
    """Bytes on the disk in the end."""
    kind: Literal["wheel", "library"]
    licence: _Words
    needs: Annotated[tuple[_Words, ...], Meta(max_length=MOST_PARTS)] = ()
    """Files below the add-on's folder that are loaded before this library."""

    def __post_init__(self) -> None:
        if not may_be_asked(self.url):
            raise ValueError(f"{self.url} is neither https nor on this machine")
        if not _FILE.fullmatch(self.file) or not _ENDINGS[self.kind].search(self.file):
            raise ValueError(f"{self.url} names no {self.kind}")
        for path in self.needs:
            if any(not _FILE.fullmatch(piece) for piece in path.split("/")):
                raise ValueError(f"{path} is no file of an add-on")

    @property
    def file(self) -> str:
        return PurePosixPath(unquote(urlsplit(self.url).path)).name

    @property
    def is_backend(self) -> bool:
        """Whether llama.cpp itself loads it; every other library is one that a backend needs."""
        return self.kind == "library" and "ggml-" in self.file


class Addon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one kind of graphics card takes on one kind of machine."""

    device: Device
    system: System
    machine: Machine
    python: Annotated[str, Meta(pattern=r"^(cp\d{2,4})?$")] = ""
    """Which Python the wheels are for; empty when there are none."""
    llama: _Words
    """The version of llama-cpp-python the libraries belong to."""
    brings: _Words
    """In one sentence."""
    parts: Annotated[tuple[Part, ...], Meta(min_length=1, max_length=MOST_PARTS)]

    def __post_init__(self) -> None:
        if len({part.file.lower() for part in self.parts}) < len(self.parts):
            raise ValueError("two parts have the same name")

    @property
    def bytes(self) -> int:
        """To be fetched."""
        return sum(part.bytes for part in self.parts)

    @property
    def unpacked(self) -> int:
        """On the disk in the end."""
        return sum(part.unpacked for part in self.parts)

    @property
    def backends(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.is_backend)

    @property
    def has_torch(self) -> bool:
        return any(part.kind == "wheel" for part in self.parts)

    @property
    def licences(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.licence for part in self.parts))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Who is asked for it."""
        return tuple(dict.fromkeys(urlsplit(part.url).netloc for part in self.parts))


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal[1]
    addons: Annotated[tuple[Addon, ...], Meta(max_length=MOST_ADDONS)]


def read_manifest(path: Path | None = None) -> tuple[Addon, ...]:
    """All add-ons; none without a manifest, as in a checkout. Raises AddonError for one that cannot be read."""
    path = addons_manifest() if path is None else path
    remedy = "Install Companion again, or mend the file."
    try:
        if not path.is_file():
            return ()
        if path.stat().st_size > MAX_BYTES:
            raise AddonError("The list of add-ons is too large.", remedy)
        return msgspec.json.decode(path.read_bytes(), type=Manifest).addons
    except OSError as error:
        raise AddonError(f"The list of add-ons cannot be read ({error.strerror}).", remedy) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AddonError(f"The list of add-ons, “{path}”, is damaged: {error}.", remedy) from error


def python_tag() -> str:
    return f"cp{sys.version_info.major}{sys.version_info.minor}"


def suiting(addons: tuple[Addon, ...], hardware: Hardware) -> tuple[Addon, ...]:
    """Those for the graphics cards of this machine and for this very program, the best first."""
    system = _SYSTEMS.get(sys.platform)
    here = [
        each
        for each in addons
        if each.system == system and each.machine == hardware.architecture and each.python in ("", python_tag())
    ]
    wanted = dict.fromkeys(device for gpu in hardware.gpus for device in WAYS.get(gpu.maker, ()))
    return tuple(each for device in wanted for each in here if each.device == device)


def without_addon(gpus: tuple[Gpu, ...]) -> str:
    """What to do where there is no add-on for the cards that were found, or no card: one or two sentences."""
    if not gpus:
        return "No graphics card was found; everything runs on the processor."
    names = " and ".join(dict.fromkeys(gpu.name for gpu in gpus))
    if all(gpu.maker == "apple" for gpu in gpus):
        return f"{names} is used without an add-on."
    setup = f"python3 packaging{os.sep}start.py setup"
    return f"{names} was found. No add-on for it comes with this Companion; from source, “{setup}” builds llama.cpp for the card."
