"""The shared libraries that Qt loads on Linux, which of them are missing, and the line to type that installs them.

Only what comes with Python is imported here: packaging/system_libraries.py reads this before there is an environment.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Final, NamedTuple

# Shared library, its Debian package, its Arch package. These are the libraries outside PySide6 6.11 that its own
# files ask for, by `readelf -d` over QtCore, Gui, Widgets, Svg, Network, Multimedia, TextToSpeech, OpenGL and the
# plugins for X11, Wayland, offscreen, images and media. Not listed: GTK and speech-dispatcher (libspeechd), which
# only matter on desktops that have them. Fedora and openSUSE find packages by the library's name.
QT_LIBRARIES: Final = (
    ("libEGL.so.1", "libegl1", "libglvnd"),
    ("libGL.so.1", "libgl1", "libglvnd"),
    ("libX11.so.6", "libx11-6", "libx11"),
    ("libX11-xcb.so.1", "libx11-xcb1", "libx11"),
    ("libXext.so.6", "libxext6", "libxext"),
    ("libXrandr.so.2", "libxrandr2", "libxrandr"),
    ("libbrotlidec.so.1", "libbrotli1", "brotli"),
    ("libbz2.so.1", "libbz2-1.0", "bzip2"),
    ("libdbus-1.so.3", "libdbus-1-3", "dbus"),
    ("libdrm.so.2", "libdrm2", "libdrm"),
    ("libfontconfig.so.1", "libfontconfig1", "fontconfig"),
    ("libfreetype.so.6", "libfreetype6", "freetype2"),
    ("libglib-2.0.so.0", "libglib2.0-0", "glib2"),
    ("libgssapi_krb5.so.2", "libgssapi-krb5-2", "krb5"),
    ("libpulse.so.0", "libpulse0", "libpulse"),
    ("libwayland-client.so.0", "libwayland-client0", "wayland"),
    ("libwayland-cursor.so.0", "libwayland-cursor0", "wayland"),
    ("libwayland-egl.so.1", "libwayland-egl1", "wayland"),
    ("libxcb.so.1", "libxcb1", "libxcb"),
    ("libxcb-cursor.so.0", "libxcb-cursor0", "xcb-util-cursor"),
    ("libxcb-glx.so.0", "libxcb-glx0", "libxcb"),
    ("libxcb-icccm.so.4", "libxcb-icccm4", "xcb-util-wm"),
    ("libxcb-image.so.0", "libxcb-image0", "xcb-util-image"),
    ("libxcb-keysyms.so.1", "libxcb-keysyms1", "xcb-util-keysyms"),
    ("libxcb-randr.so.0", "libxcb-randr0", "libxcb"),
    ("libxcb-render.so.0", "libxcb-render0", "libxcb"),
    ("libxcb-render-util.so.0", "libxcb-render-util0", "xcb-util-renderutil"),
    ("libxcb-shape.so.0", "libxcb-shape0", "libxcb"),
    ("libxcb-shm.so.0", "libxcb-shm0", "libxcb"),
    ("libxcb-sync.so.1", "libxcb-sync1", "libxcb"),
    ("libxcb-util.so.1", "libxcb-util1", "xcb-util"),
    ("libxcb-xfixes.so.0", "libxcb-xfixes0", "libxcb"),
    ("libxcb-xkb.so.1", "libxcb-xkb1", "libxcb"),
    ("libxkbcommon.so.0", "libxkbcommon0", "libxkbcommon"),
    ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "libxkbcommon-x11"),
    ("libz.so.1", "zlib1g", "zlib"),
    ("libzstd.so.1", "libzstd1", "zstd"),
)

INSTALLERS: Final = {"apt-get": "apt-get install", "dnf": "dnf install", "zypper": "zypper install", "pacman": "pacman -S"}
TRY_EACH: Final = "import ctypes, sys\nfor n in sys.argv[1:]:\n try: ctypes.CDLL(n)\n except OSError: print(n, flush=True)"
TRY_ROLE: Final = "missing-libraries"
"""The role of the frozen program that does the same; it has no `-c`."""


class Package(NamedTuple):
    """One thing to install, under the name that each kind of Linux gives it; an empty name is nothing to install."""

    debian: str
    fedora: str = ""
    arch: str = ""
    suse: str = ""


def missing_libraries(names: list[str]) -> list[str]:
    """Those of `names` that the dynamic loader cannot load; tried in another process, as drivers can crash on loading."""
    how = (TRY_ROLE,) if getattr(sys, "frozen", False) else ("-c", TRY_EACH)
    result = subprocess.run([sys.executable, *how, *names], capture_output=True, text=True, check=False)
    return result.stdout.split()


def print_missing(names: list[str]) -> int:
    """The role `missing-libraries`."""
    import ctypes  # the window's start needs none of it

    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            print(name, flush=True)
    return 0


def packages_of(libraries: list[str]) -> list[Package]:
    """What brings them; Fedora and openSUSE find packages by a library's name."""
    known = {library: (debian, arch) for library, debian, arch in QT_LIBRARIES}
    by_library = {name: f"'{name}()(64bit)'" for name in libraries}
    return [Package(known[name][0], by_library[name], known[name][1], by_library[name]) for name in libraries if name in known]


def installer() -> str:
    """The package manager of this Linux, or an empty string."""
    return next((name for name in INSTALLERS if shutil.which(name)), "")


def names_for(packages: list[Package], manager: str) -> list[str]:
    field = {"apt-get": "debian", "dnf": "fedora", "zypper": "suse", "pacman": "arch"}.get(manager, "debian")
    names = (getattr(package, field) for package in packages)
    return list(dict.fromkeys(name for name in names if name))


def install_line(packages: list[Package], manager: str) -> str:
    """What a person types to install them."""
    names = " ".join(names_for(packages, manager))
    return f"sudo {INSTALLERS[manager]} {names}" if manager else f"install (Debian names): {names}"
