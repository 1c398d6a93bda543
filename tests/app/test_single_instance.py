"""A second start of the program: it finds the first one, hands over its file, and is never led to somebody else's."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtNetwork import QLocalServer
from pytestqt.qtbot import QtBot

from companion.app.single_instance import SingleInstance
from companion.core.paths import data_folder

STARTS = """
import sys
from PySide6.QtCore import QCoreApplication
from companion.app.single_instance import SingleInstance
application = QCoreApplication([])
instance = SingleInstance()
print(instance.claim(sys.argv[1]), flush=True)
sys.stdin.read()
"""
"""Tells whether it is the first, and stays until it is told to go."""


def _start(file: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", STARTS, file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _is_first(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return process.stdout.readline().strip() == "True"


def _leave(process: subprocess.Popen[str]) -> None:
    _said, complaints = process.communicate(timeout=30)
    assert complaints == ""


def test_a_second_start_brings_the_first_one_forward_and_hands_over_its_file(qtbot: QtBot, tmp_path: Path) -> None:
    first = SingleInstance()
    assert first.claim()
    files: list[str] = []
    first.open_requested.connect(files.append)
    with qtbot.waitSignals([first.show_requested, first.open_requested], timeout=30_000):
        second = _start(str(tmp_path / "her card é.png"))
    assert files == [str(tmp_path / "her card é.png")]
    assert not _is_first(second)
    _leave(second)
    first.release()


def test_of_two_starts_at_once_one_is_the_first(qtbot: QtBot) -> None:
    one, other = _start(), _start()
    assert sorted((_is_first(one), _is_first(other))) == [False, True]
    _leave(one)
    _leave(other)


def test_after_a_kill_the_next_start_is_the_first_and_what_was_left_is_taken_away(qtbot: QtBot) -> None:
    killed = _start()
    assert _is_first(killed)
    left = (data_folder() / "window.address").read_text()
    killed.kill()
    killed.communicate()
    first = SingleInstance()
    assert first.claim()
    now = (data_folder() / "window.address").read_text()
    assert now != left
    if sys.platform != "win32":
        import tempfile

        assert not (Path(tempfile.gettempdir()) / left).exists()
    first.release()


@pytest.mark.parametrize("address", [b"", b"companion-" + b"0" * 32, b"\xff\x00" * 100])
def test_an_address_that_leads_nowhere_does_no_harm(qtbot: QtBot, address: bytes) -> None:
    (data_folder() / "window.address").write_bytes(address)
    first = SingleInstance()
    assert first.claim()
    second = _start()
    qtbot.waitSignal(first.show_requested, timeout=30_000).wait()
    assert not _is_first(second)
    _leave(second)
    first.release()


def test_where_it_listens_differs_from_start_to_start(qtbot: QtBot) -> None:
    names = set()
    for _ in range(2):
        first = SingleInstance()
        assert first.claim()
        names.add((data_folder() / "window.address").read_text())
        first.release()
    assert len(names) == 2
    stranger = QLocalServer()
    assert stranger.listen(names.pop())  # gone with its owner, and free
    stranger.close()
