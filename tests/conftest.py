"""Every test gets a home of its own, and none may leave a process behind."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.qpa.fonts=false;qt.accessibility.*=false")

from companion.core import processes
from companion.core.paths import HOME_VARIABLE, starter_model
from tests import tiny_models


def pytest_configure(config: pytest.Config) -> None:
    """Of processes that test side by side each keeps to cores of its own, with all it starts: threads of llama.cpp that wait
    for each other on a core they share take many times as long."""
    workers, name = os.environ.get("PYTEST_XDIST_WORKER_COUNT"), os.environ.get("PYTEST_XDIST_WORKER", "")
    if not workers or not hasattr(os, "sched_setaffinity"):
        return
    cores, count, number = sorted(os.sched_getaffinity(0)), int(workers), int(name.removeprefix("gw"))
    os.sched_setaffinity(0, set(cores[number::count]) or {cores[number % len(cores)]})


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was measured for a model is kept for the whole run: measuring is tested on its own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home folder: data, settings and logs are this test's own."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "cache").symlink_to(shared_cache, target_is_directory=True)
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    return folder


@pytest.fixture(autouse=True)
def jobs_get_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that give way to everything would never come to an end on a machine that does other things, too."""
    monkeypatch.setattr(processes, "LOW_PRIORITY", 1)


@pytest.fixture
def fresh_cache(home: Path) -> None:
    """A cache of this test's own, for tests about what is remembered."""
    (home / "cache").unlink()
    (home / "cache").mkdir()


@pytest.fixture(autouse=True)
def no_process_left_behind():
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before and _alive(child)]
    _, left = psutil.wait_procs(left, timeout=3)
    for child in left:
        child.kill()
    assert not left, f"processes left behind: {left}"


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def starter() -> Path:
    path = starter_model()
    assert path is not None, "the starter model is missing: python3 packaging/start.py test"
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model of a few hundred kilobytes with random weights and a ChatML template."""
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    tiny_models.write_tiny_llama(path)
    return path


@pytest.fixture(scope="session")
def talkative_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with room for a character's card, whose replies go on until they are stopped or cut."""
    path = tmp_path_factory.mktemp("models") / "talkative.gguf"
    tiny_models.write_tiny_llama(path, context=32768, ends=False)
    return path
