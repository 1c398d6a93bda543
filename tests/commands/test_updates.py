from __future__ import annotations

import json
import subprocess
import sys

from companion import __version__
from companion.core.updates import ADDRESS_VARIABLE
from tests.release_server import release_server


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "companion", "updates", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_terminal_asks_once_and_says_where_to_read_what_is_new(monkeypatch):
    with release_server() as server:
        monkeypatch.setenv(ADDRESS_VARIABLE, server.address)
        done = run()
        assert done.stdout == f"Companion 9.1.0 is there; you have {__version__}.\nWhat is new: {server.page}\n"
        assert server.address in done.stderr
        server.tag = "v0.0.1"
        assert json.loads(run("--json").stdout)["is_newer"] is False
        assert len(server.asked) == 2
        server.status = 404
        failed = run()
        assert failed.returncode == 1
        assert "knows of no release" in failed.stderr
        assert "Traceback" not in failed.stderr
