"""What the operating system has to bring: a compiler, fonts, and on Linux the shared libraries that Qt loads.

The program names those, too, where it cannot open its window: their list is its own (companion/core/qt_libraries.py).

`python3 packaging/system_libraries.py` prints the Debian packages that are missing, for scripts.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # this checkout, wherever another one is installed

from companion.core.qt_libraries import (
    QT_LIBRARIES,
    Package,
    install_line,
    installer,
    missing_libraries,
    names_for,
    packages_of,
)

GLIBC = (2, 34)
"""The oldest that the wheels of PySide6 take, which need the newest of all: Debian 12, Ubuntu 22.04, Fedora 35, RHEL 9."""
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
FONT_SUFFIXES = (".ttf", ".otf", ".ttc", ".pfb", ".pcf.gz")


FONT = Package("fonts-dejavu-core", "dejavu-sans-fonts", "ttf-dejavu", "dejavu-fonts")
COMPILER = Package("g++", "gcc-c++", "gcc", "gcc-c++")


def glibc_too_old() -> str:
    """A sentence where Linux has an older glibc than Qt was built for: pip would only say that it finds no version."""
    name, version = platform.libc_ver() if sys.platform.startswith("linux") else ("", "")
    if name != "glibc" or tuple(map(int, version.split(".")[:2])) >= GLIBC:
        return ""
    least = ".".join(map(str, GLIBC))
    return f"This Linux has glibc {version}; Companion needs {least} or newer (Debian 12, Ubuntu 22.04, Fedora 35)."


def has_fonts(folders: tuple[str, ...] = FONT_FOLDERS) -> bool:
    places = (Path(folder).expanduser() for folder in folders)
    return any(path.name.endswith(FONT_SUFFIXES) for place in places for path in place.rglob("*"))


def missing_for_qt() -> list[Package]:
    """What a window needs and this Linux lacks; nothing on other systems, where PySide6 brings all of it."""
    if not sys.platform.startswith("linux"):
        return []
    packages = packages_of(missing_libraries([library for library, _, _ in QT_LIBRARIES]))
    return packages if has_fonts() else [*packages, FONT]


def missing_for_venv() -> list[Package]:
    """Debian takes the part of Python that puts pip into an environment out into a package of its own."""
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return []
    ours = Path(sys.executable).resolve().parent == Path("/usr/bin")
    return [Package(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" if ours else "python3-venv", "python3", "python")]


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
