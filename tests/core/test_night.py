"""Which hours are night, and for how long nobody has touched the desktop."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime

import pytest

from companion.core.idle import DesktopIdle
from companion.core.night import is_night


@pytest.mark.parametrize(
    ("begins", "ends", "nights"),
    [(23, 6, {23, 0, 1, 2, 3, 4, 5}), (1, 4, {1, 2, 3}), (7, 7, set(range(24))), (0, 23, set(range(23)))],
)
def test_a_night_may_begin_on_the_day_before(begins: int, ends: int, nights: set[int]) -> None:
    assert {hour for hour in range(24) if is_night(datetime(2026, 5, 1, hour, 30), begins, ends)} == nights


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("Xvfb") is None, reason="needs an X server of its own")
def test_an_x_server_tells_since_when_nobody_has_touched_anything() -> None:
    read, write = os.pipe()
    with subprocess.Popen(["Xvfb", "-displayfd", str(write)], pass_fds=(write,), stderr=subprocess.DEVNULL) as server:
        number = os.read(read, 16).decode().strip()
        script = (
            "import time\nfrom companion.core.idle import DesktopIdle\nidle = DesktopIdle()\n"
            "first = idle.seconds()\ntime.sleep(1)\nprint(idle.seconds() - first)"
        )
        environment = os.environ | {"DISPLAY": f":{number}"}
        environment.pop("WAYLAND_DISPLAY", None)
        told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        server.terminate()
    os.close(read)
    os.close(write)
    assert 0.9 < float(told.stdout) < 30


def test_without_a_desktop_that_tells_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("Windows and macOS always tell")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert DesktopIdle().seconds() is None
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY")
    assert DesktopIdle().seconds() is None
