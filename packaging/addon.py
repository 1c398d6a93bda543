"""Write down an add-on for a graphics card: what installers offer on demand (assets/addons.json).

    python3 packaging/addon.py FOLDER ADDRESS cuda         every wheel and library in FOLDER, fetched from ADDRESS/NAME later

FOLDER holds torch's wheel for the card, those of the libraries it loads (nvidia-*), and llama.cpp's code for the card, as
`libggml-cuda.so`, which `build.py addon-cuda` makes. Options:

    --licence NAME=LICENCE       of a library that is not llama.cpp's (MIT)
    --system linux --machine x86-64              what it is for; this machine otherwise
    --output FILE                                assets/addons.json otherwise

An add-on for the same kind of card and machine that is listed already is replaced, all others stay.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import re
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import llama_build
from steps import SetupError

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "assets" / "addons.json"
SYSTEMS = {"linux": "linux", "win32": "windows", "darwin": "macos"}
MACHINES = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm64", "arm64": "arm64"}
PLATFORMS = {"linux": "linux", "win": "windows", "macosx": "macos"}
LIBRARY = re.compile(r"\.(dll|dylib|so(\.\d+)*)$")
SAME = ("device", "system", "machine", "python")
"""Two add-ons that agree in these are one."""
BRINGS = {
    (True, True): "Lets the card write replies and teach.",
    (True, False): "Lets the card write replies; teaching stays on the processor.",
    (False, True): "Lets the card teach; replies stay on the processor.",
}
"""Whether llama.cpp's code is in it, and torch."""


def main(arguments: list[str]) -> int:
    words = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    words.add_argument("folder", type=Path)
    words.add_argument("address")
    words.add_argument("device", choices=("cuda", "rocm", "vulkan", "metal"))
    words.add_argument("--licence", action="append", default=[])
    words.add_argument("--system", default=SYSTEMS.get(sys.platform, sys.platform))
    words.add_argument("--machine", default=MACHINES.get(platform.machine().lower(), platform.machine()))
    words.add_argument("--output", type=Path, default=LISTED)
    told = words.parse_args(arguments)
    try:
        licences = dict(each.split("=", 1) for each in told.licence)
        made = addon(told.folder, told.address, told.device, told.system, told.machine, licences)
        write(told.output, made)
    except (SetupError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(part["bytes"] for part in made["parts"])
    print(f"{told.output}: {told.device} for {told.system}, {len(made['parts'])} files, {size / 1e6:,.0f} MB")
    return 0


def addon(
    folder: Path, address: str, device: str, system: str, machine: str, licences: dict[str, str] | None = None
) -> dict[str, Any]:
    """Raises SetupError when the folder does not hold what one add-on is made of."""
    wheels = sorted(folder.glob("*.whl"))
    libraries = sorted(path for path in folder.iterdir() if LIBRARY.search(path.name))
    if not wheels and not libraries:
        raise SetupError(f"There is no wheel and no library in {folder}.")
    inside = _libraries_in(wheels) | {path.name: f"engine/{path.name}" for path in libraries}
    content = {path: path.read_bytes() for path in libraries}
    parts = [_part(path, address, {"kind": "wheel", **_of_wheel(path)}) for path in wheels]
    for path in libraries:
        licence = (licences or {}).get(path.name, "MIT" if "ggml-" in path.name else "")
        if not licence:
            raise SetupError(f"Say under which licence {path.name} comes: --licence {path.name}=LICENCE")
        needs = [inside[name] for name in _needed(content[path], inside) if name != path.name]
        about = {"kind": "library", "licence": licence, "unpacked": path.stat().st_size, "needs": needs}
        parts.append(_part(path, address, about))
    has_engine, has_torch = any("ggml-" in path.name for path in libraries), any(w.name.startswith("torch-") for w in wheels)
    if (has_engine, has_torch) not in BRINGS:
        raise SetupError(f"Neither torch's wheel nor llama.cpp's library is in {folder}.")
    return {
        "device": device,
        "system": system,
        "machine": machine,
        "python": _python_tag(wheels, system, machine),
        "llama": llama_build.VERSION,
        "brings": BRINGS[has_engine, has_torch],
        "parts": parts,
    }


def write(file: Path, made: dict[str, Any]) -> None:
    """Into the list, beside those for other cards and machines."""
    listed = json.loads(file.read_text(encoding="utf-8"))["addons"] if file.is_file() else []
    kept = [each for each in listed if _key(each) != _key(made)]
    ordered = sorted([*kept, made], key=_key)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"format": 1, "addons": ordered}, indent=2) + "\n", encoding="utf-8")


def _key(made: dict[str, Any]) -> list[str]:
    return [made.get(name, "") for name in SAME]


def _part(path: Path, address: str, about: dict[str, Any]) -> dict[str, Any]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"url": f"{address.rstrip('/')}/{quote(path.name)}", "sha256": sha256, "bytes": path.stat().st_size, **about}


def _of_wheel(path: Path) -> dict[str, Any]:
    """What it says of itself."""
    with zipfile.ZipFile(path) as wheel:
        unpacked = sum(entry.file_size for entry in wheel.infolist())
        name = next((each for each in wheel.namelist() if each.endswith(".dist-info/METADATA")), "")
        told = HeaderParser().parsestr(wheel.read(name).decode("utf-8") if name else "")
    classifiers = told.get_all("Classifier") or []
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    licence = told.get("License-Expression") or (told.get("License") or "").partition("\n")[0][:80] or ", ".join(named)
    if not licence:
        raise SetupError(f"{path.name} does not say under which licence it comes.")
    return {"licence": licence, "unpacked": unpacked}


def _libraries_in(wheels: list[Path]) -> dict[str, str]:
    """Where the libraries of all wheels will lie, by their file names."""
    found: dict[str, str] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            found |= {name.rpartition("/")[2]: f"site/{name}" for name in archive.namelist() if LIBRARY.search(name)}
    return found


def _needed(library: bytes, known: dict[str, str]) -> list[str]:
    """Which of the known libraries it loads: their names end with a zero byte in its table of names, in ELF, PE and Mach-O."""
    return sorted(name for name in known if name.encode() + b"\0" in library)


def _python_tag(wheels: list[Path], system: str, machine: str) -> str:
    """Of all wheels together; empty when they fit every Python. Raises SetupError when they are not for one machine."""
    tags = set()
    for wheel in wheels:
        python, abi, places = wheel.stem.split("-")[-3:]
        if python.startswith("cp") and abi != "abi3":
            tags.add(python)
        for place in places.split(".") if places != "any" else ():
            named = next((each for start, each in PLATFORMS.items() if place.startswith((start, f"many{start}"))), "")
            whose = next((each for end, each in MACHINES.items() if place.endswith(end)), "")
            if (named, whose) != (system, machine):
                raise SetupError(f"{wheel.name} is not for {system} on {machine}.")
    if len(tags) > 1:
        raise SetupError(f"The wheels are for different Pythons: {', '.join(sorted(tags))}.")
    return next(iter(tags), "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
