"""The AppImage: one file for any Linux on this processor, made of the frozen folder.

It is our own first part (linux/appimage.c) with a squashfs image behind it. The libraries of squashfuse and FUSE are in that
part, so that a system needs nothing but FUSE in its kernel and `fusermount3` or `fusermount`; even without them it starts.

    python3 packaging/appimage.py     prints the packages of Debian and Ubuntu that are needed to build it
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from freeze import Place, reproducible
from linux_tree import LINUX, copied, lay_out
from steps import SetupError

SOURCE = LINUX / "appimage.c"
HEADERS = ("squashfuse/ll.h", "fuse3/fuse_lowlevel.h", "zstd.h", "lz4.h", "lzma.h", "lzo/lzo1x.h", "zlib.h")
LIBRARIES = ("squashfuse_ll", "squashfuse", "fuse3", "zstd", "lz4", "lzma", "z", "lzo2", "pthread")
PACKAGES = "libsquashfuse-dev libfuse3-dev libzstd-dev liblz4-dev liblzma-dev liblzo2-dev zlib1g-dev squashfs-tools gcc"
MAGIC_AT, MAGIC = 8, b"AI\x02"
"""What makes it an AppImage of type 2, in bytes that ELF leaves free."""


def can_build() -> bool:
    headers = all(Path("/usr/include", header).is_file() for header in HEADERS)
    return sys.platform == "linux" and headers and all(map(shutil.which, ("mksquashfs", "cc", "strip")))


def image(place: Place) -> Path:
    """Raises SetupError where the tools are not there."""
    if not can_build():
        raise SetupError(f"An AppImage needs some tools; on Debian or Ubuntu: apt install {PACKAGES}.")
    folder = place.work / "AppDir"
    shutil.rmtree(folder, ignore_errors=True)
    lay_out(place, folder / "usr")
    (folder / "AppRun").symlink_to("usr/bin/companion")
    copied(LINUX / "companion.desktop", folder / "companion.desktop")
    copied(place.work / "icons" / "companion-256.png", folder / "companion.png")
    (folder / ".DirIcon").symlink_to("companion.png")
    made = place.dist / f"companion-{place.version}-{platform.machine()}.AppImage"
    put_together(place, folder, made)
    return made


def put_together(place: Place, folder: Path, target: Path) -> None:
    """An AppImage of any folder with a program `AppRun` in it."""
    runtime, files = place.work / "appimage-runtime", place.work / "appimage-files"
    options = ["-O2", "-Wall", "-Wextra", "-static", "-I/usr/include/squashfuse", "-D_FILE_OFFSET_BITS=64"]
    libraries = [f"-l{name}" for name in LIBRARIES]
    place.steps.run("Compiling the AppImage's first part", ["cc", *options, "-o", runtime, SOURCE, *libraries])
    place.steps.run("Stripping it", ["strip", runtime])
    options = ["-noappend", "-no-progress", "-root-owned", "-comp", "zstd", "-Xcompression-level", "19"]
    place.steps.run("Packing the AppImage", ["mksquashfs", folder, files, *options], env=os.environ | reproducible(place))
    first = bytearray(runtime.read_bytes())
    first[MAGIC_AT : MAGIC_AT + len(MAGIC)] = MAGIC
    with target.open("wb") as file:
        file.write(first)
        with files.open("rb") as rest:
            shutil.copyfileobj(rest, file)
    target.chmod(0o755)
    files.unlink()


if __name__ == "__main__":
    print(PACKAGES)
