"""The wheel, the frozen folder (Companion with Python, its libraries and the starter model), and what graphics cards need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from environment import Environment
from start import CONSTRAINTS, STARTER, TORCH_FOR_CPU
from steps import Steps

HERE = Path(__file__).resolve().parent
TOOLS = ["pyinstaller", "pyinstaller-hooks-contrib"]
PROGRAM = "companion.exe" if os.name == "nt" else "companion"


class Place(NamedTuple):
    """Where a build reads and writes."""

    root: Path
    dist: Path
    """What is finished."""
    work: Path
    """What is kept for the next build."""
    version: str
    steps: Steps

    @property
    def folder(self) -> Path:
        """The frozen program."""
        return self.dist / "companion"


def environment(place: Place) -> Environment:
    folder = place.work / "environment"
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    made = Environment(folder, python, CONSTRAINTS, place.steps)
    made.make()
    return made


def wheel(place: Place) -> Path:
    """Both archives; returns the wheel."""
    inside = environment(place)
    where = place.work / "archives"
    shutil.rmtree(where, ignore_errors=True)
    inside.install_builder()
    command: list[str | Path] = [inside.python, "-P", "-m", "build", "--outdir", where, place.root]
    place.steps.run("Making the wheel", command, env=inside.settings | reproducible(place))
    for archive in where.iterdir():
        shutil.move(archive, place.dist / archive.name)
    return place.dist / f"companion-{place.version}-py3-none-any.whl"


def frozen(place: Place) -> Path:
    """The folder."""
    made = wheel(place)
    inside = environment(place)
    inside.install_for_freezing(made, TOOLS, STARTER, TORCH_FOR_CPU)
    icons = place.work / "icons"
    place.steps.run("Painting icons", [inside.python, HERE / "icons.py", icons])
    shutil.rmtree(place.folder, ignore_errors=True)
    command: list[str | Path] = [inside.python, "-P", "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    folders: list[str | Path] = ["--distpath", place.dist, "--workpath", place.work / "frozen"]
    settings = inside.settings | reproducible(place) | {"COMPANION_ICONS": str(icons), "COMPANION_VERSION": place.version}
    place.steps.run("Freezing", [*command, *folders, HERE / "frozen" / "companion.spec"], env=settings)
    _strip(place)
    place.steps.run("Listing what is in it", [inside.python, HERE / "bill.py", place.version, place.folder], env=settings)
    shutil.copyfile(place.folder / "sbom.cdx.json", place.dist / f"companion-{place.version}.cdx.json")
    shutil.copyfile(place.root / "LICENSE", place.folder / "LICENSE")
    return place.folder


def addon_library(place: Place, device: str) -> Path:
    """llama.cpp's code for one kind of graphics card; returns the folder that `addon.py` writes the list from."""
    name, content = environment(place).addon_library(device)
    folder = place.dist / f"addon-{device}"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    if name.endswith(".so") and shutil.which("strip"):
        place.steps.run("Stripping it", ["strip", "--strip-unneeded", folder / name])
    return folder


def _strip(place: Place) -> None:
    """Names of functions that nobody looks up are a tenth of it. Libraries that auditwheel has moved would break."""
    if sys.platform != "linux" or shutil.which("strip") is None:
        return
    files = [path for path in place.folder.rglob("*.so*") if not path.is_symlink() and not path.parent.name.endswith(".libs")]
    place.steps.run("Stripping it", ["strip", "--strip-unneeded", *files])


def check(place: Place, program: Path) -> None:
    """Raises SetupError when the program does not work on this machine."""
    kept = place.work / "self-test"
    shutil.rmtree(kept, ignore_errors=True)
    place.steps.run(f"Trying {program.name}", [program, "--self-test", "--keep", kept], env=_bare())


def megabytes(path: Path) -> str:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return f"{sum(file.stat().st_size for file in files) / 1e6:,.0f} MB"


def reproducible(place: Place) -> dict[str, str]:
    """The time of the commit instead of now, and one order for everything that Python hashes."""
    stamp = subprocess.run(
        ["git", "-C", str(place.root), "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {"SOURCE_DATE_EPOCH": stamp or "315532800", "PYTHONHASHSEED": "0"}


def _bare() -> dict[str, str]:
    """What a person's desktop would tell a program: nothing of this environment."""
    kept = ("HOME", "LANG", "PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE", "LOCALAPPDATA", "APPDATA")
    return {name: value for name, value in os.environ.items() if name in kept}
