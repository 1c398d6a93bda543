"""The package for Debian and Ubuntu, made of the frozen folder.

/usr/lib/companion holds the folder as it is; beside it are the command, the desktop entry, icons, MIME types, AppStream's
description and the manual page. What the folder does not bring is named as a dependency.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from email.utils import formatdate
from pathlib import Path

from freeze import Place, reproducible
from linux_tree import LINUX, copied, lay_out, packed
from steps import SetupError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Loaded by name while the program runs, so that no file names them.
LOADED_BY_QT = ("libegl1", "libgl1", "libxcb-cursor0", "fontconfig", "fonts-dejavu-core | fonts-noto-core")
RECOMMENDED = ("libspeechd2", "speech-dispatcher")
WITHOUT_VOICE = {"libspeechd.so.2"}
"""What only the voice needs, for which Qt loads a library of its own: without it she is silent."""


def can_build() -> bool:
    return sys.platform == "linux" and all(map(shutil.which, ("dpkg-deb", "objdump")))


def package(place: Place) -> Path:
    """Raises SetupError where the tools of Debian are not there."""
    if not can_build():
        raise SetupError("A .deb is built on Debian or Ubuntu, with its tools: apt install dpkg binutils.")
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
    packed((place.root / "CHANGELOG.md").read_bytes(), folder / "NEWS.md.gz")
    packed(_changelog(place).encode(), folder / "changelog.gz")
    overrides = folder.parents[1] / "lintian" / "overrides" / "companion"
    copied(LINUX / "lintian-overrides", overrides)


def _changelog(place: Place) -> str:
    """In Debian's form; what is new is told in NEWS."""
    day = formatdate(int(reproducible(place)["SOURCE_DATE_EPOCH"]))
    maintainer = re.search("^Maintainer: (.+)$", (LINUX / "control").read_text(encoding="utf-8"), re.MULTILINE)
    name = maintainer[1] if maintainer else ""
    return f"companion ({place.version}) unstable; urgency=medium\n\n  * What is new is told in NEWS.md.\n\n -- {name}  {day}\n"


def _control(place: Place, root: Path) -> str:
    installed = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
    depends = ", ".join(sorted({*_shared_libraries(root), *LOADED_BY_QT}))
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


def _shared_libraries(root: Path) -> set[str]:
    """The packages with the libraries that the folder's files ask for and that are not in it, and the oldest libc6 that will do.

    dpkg-shlibdeps would refuse a bundle in which one library lies under two names.
    """
    inside = root / "usr" / "lib" / "companion"
    libraries = {path.name for path in inside.rglob("*.so*")}
    files = [path for path in inside.rglob("*") if path.is_file() and not path.is_symlink() and _is_program(path)]
    told = _printed("objdump", "-p", *map(str, files))
    newest = max(tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_(2\.\d+)", told))
    wanted = set(re.findall(r"NEEDED +(\S+)", told)) - libraries - WITHOUT_VOICE
    paths = dict(re.findall(r"(\S+) \(libc6,[^)]*\) => (\S+)", _printed("ldconfig", "-p")))
    found = {f"libc6 (>= {'.'.join(map(str, newest))})"}
    for name in sorted(wanted):
        if name not in paths:
            raise SetupError(f"The frozen program asks for {name}, which is neither in it nor on this system.")
        owner = _printed("dpkg-query", "-S", f"*/{Path(paths[name]).resolve().name}").partition(":")[0]
        if owner != "libc6":
            found.add(owner)
    return found


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


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
