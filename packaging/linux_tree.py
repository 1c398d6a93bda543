"""What every package for Linux lays out below /usr: the frozen folder, the command, and what desktops want to know of it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

from freeze import Place, frozen

LINUX = Path(__file__).resolve().parent / "linux"
ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
RUN = ("companion", "torch_shm_manager")
APPLICATION = "io.github.companion.Companion"


def lay_out(place: Place, usr: Path) -> Path:
    """Below `usr`, which must not be there yet. Returns the folder of the program."""
    if not place.folder.is_dir():
        frozen(place)
    inside = usr / "lib" / "companion"
    inside.parent.mkdir(parents=True)
    shutil.copytree(place.folder, inside, symlinks=True)
    _tidy(inside)
    (usr / "bin").mkdir()
    (usr / "bin" / "companion").symlink_to("../lib/companion/companion")
    share = usr / "share"
    copied(LINUX / "companion.desktop", share / "applications" / "companion.desktop")
    copied(LINUX / "companion.metainfo.xml", share / "metainfo" / f"{APPLICATION}.metainfo.xml")
    copied(LINUX / "companion.xml", share / "mime" / "packages" / "companion.xml")
    for size in ICON_SIZES:
        name = share / "icons" / "hicolor" / f"{size}x{size}" / "apps" / "companion.png"
        copied(place.work / "icons" / f"companion-{size}.png", name)
    copied(place.root / "assets" / "icon.svg", share / "icons" / "hicolor" / "scalable" / "apps" / "companion.svg")
    packed((LINUX / "companion.1").read_bytes(), share / "man" / "man1" / "companion.1.gz")
    return inside


def _tidy(folder: Path) -> None:
    """Readable by all, and executable only what is run."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or path.name in RUN
        path.chmod(0o755 if runs else 0o644)


def copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)


def packed(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(content, 9, mtime=0))
