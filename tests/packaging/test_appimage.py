"""The first part of an AppImage: it starts the program behind it, mounted or unpacked, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"
PROGRAM = """#!/bin/sh
echo "$APPDIR|$APPIMAGE|$OWD|$*"
cat "$APPDIR/data/words"
[ "$1" = worker ] && (sleep 2; cat "$APPDIR/data/words" > "$2") > /dev/null 2>&1 &
exit 3
"""


@pytest.fixture
def image(tmp_path, monkeypatch):
    """One whose program says where it is, and may leave a worker behind that goes on for two seconds."""
    monkeypatch.syspath_prepend(str(PACKAGING))
    import appimage
    from freeze import Place
    from steps import Steps

    if not appimage.can_build():
        pytest.skip(f"needs {appimage.PACKAGES}")
    folder = tmp_path / "AppDir"
    (folder / "usr" / "bin").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "data" / "words").write_text("words\n" * 100_000)
    program = folder / "usr" / "bin" / "program"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    (folder / "AppRun").symlink_to("usr/bin/program")
    target = tmp_path / "Größe 1.AppImage"
    with Steps(tmp_path / "log") as steps:
        appimage.put_together(Place(PACKAGING.parent, tmp_path, tmp_path, "1", steps), folder, target)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return target


def run(image, *words, folder=None):
    return subprocess.run([image, *words], cwd=folder or image.parent, capture_output=True, text=True, timeout=60, check=False)


def mounts(folder):
    return [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]


def test_mounted_until_the_last_worker_has_left(image, tmp_path):
    late = tmp_path / "late"
    done = run(image, "worker", str(late))
    if "cannot mount" in done.stderr:
        pytest.skip("needs FUSE, and the right to use it")
    assert (done.returncode, done.stderr) == (3, "")
    first, _, rest = done.stdout.partition("\n")
    place, itself, where, words = first.split("|")
    assert (itself, where, words) == (str(image), str(tmp_path), f"worker {late}")
    assert rest.count("words") == 100_000
    assert mounts(place), "a worker of it is at work"
    until = time.monotonic() + 30
    while mounts(place) or Path(place).exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    assert late.read_text().count("words") == 100_000


def test_unpacked_once_where_nothing_can_be_mounted(image, tmp_path, monkeypatch):
    monkeypatch.setenv("APPIMAGE_EXTRACT_AND_RUN", "1")
    stale = tmp_path / ".cache" / "companion-appimage" / "older" / "file"
    stale.parent.mkdir(parents=True)
    stale.touch()
    first, second = run(image, "a b", "c"), run(image)
    assert first.returncode == second.returncode == 3
    assert "unpacked once" in first.stderr
    assert second.stderr == ""
    place, _, _, words = first.stdout.partition("\n")[0].split("|")
    assert words == "a b c"
    assert first.stdout.count("words") == 100_000
    assert [path.name for path in (tmp_path / ".cache" / "companion-appimage").iterdir()] == [Path(place).name]


def test_it_says_where_its_files_begin_and_gives_them_out(image, tmp_path):
    offset = int(run(image, "--appimage-offset").stdout)
    assert image.read_bytes()[offset : offset + 4] == b"hsqs"
    assert image.read_bytes()[8:11] == b"AI\x02"
    assert run(image, "--appimage-extract").returncode == 0
    assert (tmp_path / "squashfs-root" / "AppRun").resolve().read_text() == PROGRAM


def test_a_cut_off_download_is_told(image, tmp_path, monkeypatch):
    monkeypatch.setenv("APPIMAGE_EXTRACT_AND_RUN", "1")
    image.write_bytes(image.read_bytes()[:-4500])  # more than what only fills up the last block
    image.chmod(0o755)
    done = run(image)
    assert done.returncode == 127
    assert "is damaged; download it again." in done.stderr
