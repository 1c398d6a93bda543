"""No screen, or not the libraries that Qt loads: a sentence and exit status 1, where Qt would abort."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from companion.core.qt_libraries import QT_LIBRARIES, install_line, packages_of

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere there always is a screen, and Qt brings all"
)
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
NOBODY = "There is no screen to open the window on: nobody answers at"


def start(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in SCREENS} | settings
    command = [sys.executable, "-P", "-m", "companion", *words]
    # A terminal that is no pipe: a pipe would be talked with.
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"DISPLAY": ":991"}, f"{NOBODY} “:991”."),
        ({"WAYLAND_DISPLAY": "wayland-991"}, f"{NOBODY} “wayland-991”."),
        ({"WAYLAND_DISPLAY": "wayland-991", "DISPLAY": ":991"}, f"{NOBODY} “wayland-991” and “:991”."),
        ({"QT_QPA_PLATFORM": "xcb"}, "There is no screen here."),
        ({"QT_QPA_PLATFORM": "wayland"}, "There is no screen here."),
        ({"QT_QPA_PLATFORM": "nonsense"}, "Qt cannot show a window by “nonsense” (QT_QPA_PLATFORM)."),
    ],
    ids=lambda value: "+".join(value.values()) if isinstance(value, dict) else "",
)
def test_without_a_screen_the_person_reads_a_sentence(settings, sentence, tmp_path):
    done = start(XDG_RUNTIME_DIR=str(tmp_path), **settings)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("library", "settings"),
    [
        ("libEGL.so.1", {"QT_QPA_PLATFORM": "offscreen"}),  # Qt itself cannot be imported
        ("libGL.so.1", {"QT_QPA_PLATFORM": "offscreen"}),
        ("libxcb-cursor.so.0", {"DISPLAY": ":991"}),  # the plugin cannot be loaded
    ],
)
def test_a_missing_library_is_named_with_the_line_that_installs_it(library, settings, tmp_path):
    (tmp_path / library).write_bytes(b"\n")  # found first, and no library
    done = start(LD_LIBRARY_PATH=str(tmp_path), **settings)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"libraries that this system lacks or cannot load: {library}." in done.stderr
    debian = next(package for name, package, _ in QT_LIBRARIES if name == library)
    assert debian in done.stderr or "()(64bit)" in done.stderr or "pacman" in done.stderr


def test_several_missing_libraries_are_one_line_to_type():
    packages = packages_of(["libEGL.so.1", "libX11.so.6", "libX11-xcb.so.1", "libnone.so.1"])
    assert install_line(packages, "apt-get") == "sudo apt-get install libegl1 libx11-6 libx11-xcb1"
    assert install_line(packages, "pacman") == "sudo pacman -S libglvnd libx11"


def test_without_anything_that_names_a_screen_it_talks_in_the_terminal(talkative_model, tmp_path):
    settings = Path(os.environ["COMPANION_HOME"]) / "settings" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(f'{{"model": "{talkative_model}"}}', encoding="utf-8")
    done = start()
    assert done.returncode == 0, done.stderr
