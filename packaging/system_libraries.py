"""What the operating system has to bring: a compiler, fonts, and on Linux the shared libraries that Qt loads.

`python3 packaging/system_libraries.py` prints the Debian packages that are missing, for scripts.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

# Shared library, its Debian package, its Arch package. These are the libraries outside PySide6 6.11 that its own
# files ask for, by `readelf -d` over QtCore, Gui, Widgets, Svg, Network, Multimedia, TextToSpeech, OpenGL and the
# plugins for X11, Wayland, offscreen, images and media. Not listed: GTK and speech-dispatcher (libspeechd), which
# only matter on desktops that have them. Fedora and openSUSE find packages by the library's name.
QT_LIBRARIES = (
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

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
FONT_SUFFIXES = (".ttf", ".otf", ".ttc", ".pfb", ".pcf.gz")


class Package(NamedTuple):
    """One thing to install, under the name that each kind of Linux gives it; an empty name is nothing to install."""

    debian: str
    fedora: str = ""
    arch: str = ""
    suse: str = ""


FONT = Package("fonts-dejavu-core", "dejavu-sans-fonts", "ttf-dejavu", "dejavu-fonts")
COMPILER = Package("g++", "gcc-c++", "gcc", "gcc-c++")

INSTALLERS = {"apt-get": "apt-get install", "dnf": "dnf install", "zypper": "zypper install", "pacman": "pacman -S"}


def missing_libraries(names: list[str]) -> list[str]:
    """Those of `names` that the dynamic loader cannot load; tried in another process, as drivers can crash on loading."""
    try_each = "import ctypes, sys\nfor n in sys.argv[1:]:\n try: ctypes.CDLL(n)\n except OSError: print(n, flush=True)"
    result = subprocess.run([sys.executable, "-c", try_each, *names], capture_output=True, text=True, check=False)
    return result.stdout.split()


def has_fonts(folders: tuple[str, ...] = FONT_FOLDERS) -> bool:
    places = (Path(folder).expanduser() for folder in folders)
    return any(path.name.endswith(FONT_SUFFIXES) for place in places for path in place.rglob("*"))


def missing_for_qt() -> list[Package]:
    """What a window needs and this Linux lacks; nothing on other systems, where PySide6 brings all of it."""
    if not sys.platform.startswith("linux"):
        return []
    missing = missing_libraries([library for library, _, _ in QT_LIBRARIES])
    packages = []
    for library, debian, arch in QT_LIBRARIES:
        if library in missing:
            by_library = f"'{library}()(64bit)'"
            packages.append(Package(debian, by_library, arch, by_library))
    return packages if has_fonts() else [*packages, FONT]


def missing_for_venv() -> list[Package]:
    """Debian takes the part of Python that puts pip into an environment out into a package of its own."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return []
    ours = Path(sys.executable).resolve().parent == Path("/usr/bin")
    return [Package(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" if ours else "python3-venv", "python3", "python")]


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


def may_install() -> bool:
    """Whether the set-up installs packages by itself: as root on a Debian-like system, such as a container."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def has_compiler() -> bool:
    """Whether a C++ compiler is here that CMake will find."""
    if sys.platform == "win32":
        return shutil.which("cl") is not None or bool(_visual_studio())
    if sys.platform == "darwin":  # /usr/bin/clang++ exists without the tools too, and then opens a dialog
        return subprocess.run(["xcode-select", "-p"], capture_output=True, check=False).returncode == 0
    return any(shutil.which(name) for name in (os.environ.get("CXX", "").split(" ")[0], "c++", "g++", "clang++") if name)


def _visual_studio() -> str:
    finder = Path(os.environ.get("PROGRAMFILES(X86)", "C:/Program Files (x86)")) / "Microsoft Visual Studio/Installer/vswhere.exe"
    if not finder.exists():
        return ""
    wanted = ["-products", "*", "-requires", "Microsoft.VisualStudio.Component.VC.Tools.x86.x64"]
    command = [str(finder), "-latest", *wanted, "-property", "installationPath"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def how_to_get_a_compiler() -> str:
    if sys.platform == "win32":
        return "install the “Build Tools for Visual Studio” with “Desktop development with C++”"
    if sys.platform == "darwin":
        return "type: xcode-select --install"
    return f"type: {install_line([COMPILER], installer())}"


if __name__ == "__main__":
    print(*names_for(missing_for_qt(), "apt-get"))
