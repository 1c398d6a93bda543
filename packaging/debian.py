"""The package for Debian and Ubuntu, made of the frozen folder.

/usr/lib/companion holds the folder as it is; beside it are the command, the desktop entry, icons, MIME types, AppStream's
description and the manual page. What the folder does not bring is found by dpkg-shlibdeps and named as a dependency.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from freeze import Place
from linux_tree import LINUX, copied, lay_out, packed
from steps import SetupError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Loaded by name while the program runs, so that no file names them.
LOADED_BY_QT = ("libegl1", "libgl1", "libxcb-cursor0", "fontconfig", "fonts-dejavu-core | fonts-noto-core")
RECOMMENDED = ("libpulse0", "libspeechd2", "speech-dispatcher")


def can_build() -> bool:
    return sys.platform == "linux" and all(map(shutil.which, ("dpkg-deb", "dpkg-shlibdeps")))


def package(place: Place) -> Path:
    """Raises SetupError where the tools of Debian are not there."""
    if not can_build():
        raise SetupError("A .deb is built on Debian or Ubuntu, with dpkg-dev: apt install dpkg-dev.")
    root = place.work / "deb"
    shutil.rmtree(root, ignore_errors=True)
    lay_out(place, root / "usr")
    _documents(place, root / "usr" / "share" / "doc" / "companion")
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "control").write_text(_control(place, root), encoding="utf-8")
    (root / "DEBIAN" / "md5sums").write_text(_sums(root), encoding="utf-8")
    made = place.dist / f"companion_{place.version}_{_architecture()}.deb"
    command: list[str | Path] = ["dpkg-deb", "--build", "--root-owner-group", "-Zxz", root, made]
    place.steps.run("Packing the package", command, env=os.environ | {"XZ_OPT": "-T0"})
    return made


def _documents(place: Place, folder: Path) -> None:
    copied(LINUX / "copyright", folder / "copyright")
    packed((place.root / "CHANGELOG.md").read_bytes(), folder / "changelog.gz")
    overrides = folder.parents[1] / "lintian" / "overrides" / "companion"
    copied(LINUX / "lintian-overrides", overrides)


def _control(place: Place, root: Path) -> str:
    installed = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
    depends = ", ".join(sorted({*_shared_libraries(place, root), *LOADED_BY_QT}))
    return (
        (LINUX / "control")
        .read_text(encoding="utf-8")
        .format(
            version=place.version,
            architecture=_architecture(),
            installed=installed,
            depends=depends,
            recommends=", ".join(RECOMMENDED),
        )
    )


def _shared_libraries(place: Place, root: Path) -> set[str]:
    """The packages with the libraries that the folder's files ask for and that are not in it."""
    inside = root / "usr" / "lib" / "companion"
    there = {path.name for path in inside.rglob("*.so*")}
    files = [
        path for path in inside.rglob("*") if path.is_file() and not path.is_symlink() and path.open("rb").read(4) == b"\x7fELF"
    ]
    workshop = place.work / "shlibdeps"
    (workshop / "debian").mkdir(parents=True, exist_ok=True)
    (workshop / "debian" / "control").write_text("Source: companion\n\nPackage: companion\nArchitecture: any\n", encoding="utf-8")
    folders = [f"-l{folder}" for folder in sorted({str(path.parent) for path in inside.rglob("*.so*")})]
    command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0", *folders, *map(str, files)]
    done = subprocess.run(command, cwd=workshop, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"dpkg-shlibdeps does not find a library: {done.stderr.strip()[-400:]}")
    told = done.stdout.partition("=")[2]
    return {each.strip() for each in told.split(",") if each.strip()} - there


def _architecture() -> str:
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        raise SetupError(f"There is no package for {machine}; there is for {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[machine]


def _sums(root: Path) -> str:
    files = sorted(path for path in (root / "usr").rglob("*") if path.is_file() and not path.is_symlink())
    return "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}\n" for path in files
    )
