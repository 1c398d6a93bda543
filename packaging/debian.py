"""The package for Debian and Ubuntu, made of the frozen folder.

/usr/lib/companion holds the folder as it is; beside it are the command, the desktop entry, icons, MIME types, AppStream's
description and the manual page. What the folder does not bring is found by dpkg-shlibdeps and named as a dependency.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

from freeze import Place, frozen
from steps import SetupError

LINUX = Path(__file__).resolve().parent / "linux"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
# Loaded by name while the program runs, so that no file names them.
LOADED_BY_QT = ("libegl1", "libgl1", "libxcb-cursor0", "fontconfig", "fonts-dejavu-core | fonts-noto-core")
RECOMMENDED = ("libpulse0", "libspeechd2", "speech-dispatcher")


def can_build() -> bool:
    return sys.platform == "linux" and all(map(shutil.which, ("dpkg-deb", "dpkg-shlibdeps")))


def package(place: Place) -> Path:
    """Raises SetupError where the tools of Debian are not there."""
    if not can_build():
        raise SetupError("A .deb is built on Debian or Ubuntu, with dpkg-dev: apt install dpkg-dev.")
    if not place.folder.is_dir():
        frozen(place)
    root = place.work / "deb"
    shutil.rmtree(root, ignore_errors=True)
    inside = root / "usr" / "lib" / "companion"
    inside.parent.mkdir(parents=True)
    place.steps.say("Laying out the package")
    shutil.copytree(place.folder, inside, symlinks=True)
    _tidy(inside)
    _desktop(place, root / "usr")
    _documents(place, root / "usr" / "share" / "doc" / "companion")
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN" / "control").write_text(_control(place, root), encoding="utf-8")
    (root / "DEBIAN" / "md5sums").write_text(_sums(root), encoding="utf-8")
    made = place.dist / f"companion_{place.version}_{_architecture()}.deb"
    command: list[str | Path] = ["dpkg-deb", "--build", "--root-owner-group", "-Zxz", root, made]
    place.steps.run("Packing the package", command, env=os.environ | {"XZ_OPT": "-T0"})
    return made


def _tidy(folder: Path) -> None:
    """Files as Debian wants them: readable by all, and executable only what is run."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or path.name == "companion"
        path.chmod(0o755 if runs else 0o644)


def _desktop(place: Place, usr: Path) -> None:
    share = usr / "share"
    (usr / "bin").mkdir()
    (usr / "bin" / "companion").symlink_to("../lib/companion/companion")
    _copied(LINUX / "companion.desktop", share / "applications" / "companion.desktop")
    _copied(LINUX / "companion.metainfo.xml", share / "metainfo" / "io.github.companion.Companion.metainfo.xml")
    _copied(LINUX / "companion.xml", share / "mime" / "packages" / "companion.xml")
    for size in ICON_SIZES:
        name = share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "companion.png"
        _copied(place.work / "icons" / f"companion-{size}.png", name)
    _copied(place.root / "assets" / "icon.svg", share / "icons" / "hicolor" / "scalable" / "apps" / "companion.svg")
    _packed((LINUX / "companion.1").read_bytes(), share / "man" / "man1" / "companion.1.gz")


def _documents(place: Place, folder: Path) -> None:
    _copied(LINUX / "copyright", folder / "copyright")
    _packed((place.root / "CHANGELOG.md").read_bytes(), folder / "changelog.gz")
    overrides = folder.parents[1] / "lintian" / "overrides" / "companion"
    _copied(LINUX / "lintian-overrides", overrides)


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
    import hashlib

    files = sorted(path for path in (root / "usr").rglob("*") if path.is_file() and not path.is_symlink())
    return "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}\n" for path in files
    )


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def _packed(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(content, 9, mtime=0))
