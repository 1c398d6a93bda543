"""`companion addon` as a person types it, with real workers and a card that is only pretended: no GPU is needed, none is used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

import msgspec
import pytest

from companion import cli
from companion.commands import addon as command
from companion.core.addons.installed import (
    WITHOUT,
    Checked,
    in_use,
    note_check,
    place,
    standing,
    unfinished_place,
)
from companion.core.hardware import probe
from companion.core.paths import ADDONS_VARIABLE
from companion.core.processes import worker_command
from tests.addon_parts import WHEEL_NAME, backend_library, needs_compiler, served, torch_wheel, with_card, write_manifest
from tests.hub_server import HubServer, hub_server

IMPORTS = """
import sys
from companion.core.addons.torch_finder import watch_for_torch
watch_for_torch()
import torch
print(torch.__version__, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hub(monkeypatch) -> Iterator[HubServer]:
    machine = with_card()
    monkeypatch.setattr(command, "probe", lambda: machine)
    with hub_server() as server:
        yield server


@pytest.fixture
def offer(hub, tmp_path, monkeypatch):
    """Lists an add-on of these files."""

    def listed(contents: Mapping[str, bytes], **about) -> None:
        addon = msgspec.structs.replace(served(hub, contents), **about)
        monkeypatch.setenv(ADDONS_VARIABLE, str(write_manifest(tmp_path / "addons.json", addon)))

    return listed


def run(capfd, *words: str) -> tuple[int, str, str]:
    status = cli.run(["addon", *words])
    printed = capfd.readouterr()
    return status, printed.out, printed.err


@needs_compiler
def test_from_the_offer_to_its_removal(offer, tmp_path, capfd):
    offer({"libggml-cuda.so": backend_library(tmp_path), WHEEL_NAME: torch_wheel()})
    status, told, _ = run(capfd, "list")
    assert status == 0
    assert "cuda: Lets the card write replies and teach. CUDA, " in told
    assert " from 127.0.0.1" in told
    assert "Licence: MIT." in told
    assert "Not installed." in told
    status, told, error = run(capfd, "install", "cuda")
    assert (status, error) == (0, "")
    assert "every checksum verified" in told
    assert "In use: Pretended Card (2 GB); torch 9.9.9+fake on Pretended Card." in told
    facts = json.loads(run(capfd, "list", "--json")[1])
    assert [facts["cards"][0]["name"], facts["offered"][0]["device"], facts["here"][0]["state"]] == [
        "Pretended Card",
        "cuda",
        "on",
    ]
    assert in_use() is not None
    assert run(capfd, "remove", "cuda") == (0, "The add-on “cuda” is removed; everything runs on the processor.\n", "")
    assert in_use() is None
    assert not place("cuda").exists()


@needs_compiler
@pytest.mark.parametrize(
    ("library", "words"),
    [
        ({"version": 1}, "incompatible API version"),
        ({"before": "return NULL;"}, "ggml_backend_init returned NULL"),
        ({"type": 0}, "sees no graphics card that the add-on is for"),
        ({"opened": "NULL"}, "“Pretended Card” cannot be opened"),
        (
            {"before": "abort();"},
            "inside the driver or its libraries (SIGABRT). That was while “libggml-cuda.so” was loaded.",
        ),
        ({"opened": "(abort(), NULL)"}, "(SIGABRT). That was while “Pretended Card” was opened."),
    ],
)
def test_a_library_that_does_not_work_is_refused_in_words_and_stays_off(offer, tmp_path, capfd, library, words):
    offer({"libggml-cuda.so": backend_library(tmp_path, **library)})
    status, told, error = run(capfd, "install", "cuda")
    assert status == 1
    assert words in error
    assert "driver" in error
    assert "Traceback" not in error + told
    assert standing("cuda").state == "refused"
    assert in_use() is None
    assert words in run(capfd, "list")[1]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({WHEEL_NAME: torch_wheel(there=False)}, "torch 9.9.9+fake sees no graphics card"),
        ({WHEEL_NAME: torch_wheel(sound=False)}, "torch computes nonsense"),
        ({WHEEL_NAME: torch_wheel().replace(b"torch/__init__", b"tarch/__init__")}, "instead of the add-on"),
        ({"libggml-cuda.so": b"no library at all"}, "llama.cpp cannot use “libggml-cuda.so”"),
    ],
)
def test_what_is_no_torch_or_no_library_is_refused(offer, capfd, contents, words):
    offer(contents)
    status, _, error = run(capfd, "install", "cuda")
    assert status == 1
    assert words in error
    assert in_use() is None


def test_one_for_another_llama_cpp_is_refused(offer, capfd):
    offer({"libggml-cuda.so": b"\x7fELF"}, llama="0.0.1")
    status, _, error = run(capfd, "install", "cuda")
    assert (status, "The add-on is for llama.cpp of 0.0.1" in error) == (1, True)


def test_workers_import_the_torch_of_the_add_on_and_it_is_not_removed_under_them(offer, capfd):
    offer({WHEEL_NAME: torch_wheel()})
    assert run(capfd, "install", "cuda")[0] == 0
    with subprocess.Popen([sys.executable, "-c", IMPORTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout.readline() == "9.9.9+fake\n"
        status, _, error = run(capfd, "remove", "cuda")
        assert (status, f"in use by a process of Companion ({worker.pid})" in error) == (1, True)
        assert place("cuda").exists()
    assert run(capfd, "remove", "cuda")[0] == 0


def test_one_that_an_earlier_version_checked_is_off_until_it_is_checked_anew(offer, capfd):
    offer({WHEEL_NAME: torch_wheel()})
    assert run(capfd, "install", "cuda")[0] == 0
    file = place("cuda") / "checked.json"
    file.write_bytes(file.read_bytes().replace(Checked().version.encode(), b"0.0.0", 1))
    assert (in_use(), standing("cuda").state) == (None, "unchecked")
    assert "off until it is checked" in run(capfd, "list")[1]
    assert run(capfd, "check", "cuda")[0] == 0
    assert in_use() is not None


@needs_compiler
def test_an_engine_that_dies_of_it_comes_back_without_it(offer, tmp_path, capfd):
    offer({"libggml-cuda.so": backend_library(tmp_path, before="abort();")})
    assert run(capfd, "install", "cuda")[0] == 1
    note_check("cuda", Checked())  # as if the driver had broken later
    ends = [
        subprocess.run(worker_command("engine"), stdin=subprocess.DEVNULL, capture_output=True, check=False) for _ in range(2)
    ]
    assert ends[0].returncode < 0
    assert (ends[1].returncode, b"Hello" in ends[1].stdout) == (0, True)
    assert standing("cuda").state == "unchecked"


@needs_compiler
def test_she_answers_from_the_processor_when_the_card_cannot_hold_the_model(fresh_cache, offer, tmp_path, capfd, talkative_model):
    offer({"libggml-cuda.so": backend_library(tmp_path)})  # opens, and is nothing but an address
    assert run(capfd, "install", "cuda")[0] == 0
    done = subprocess.run(
        worker_command("chat", "--once", "Hi", "--model", str(talkative_model), "--json"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    plans = json.loads(subprocess.run(worker_command("doctor", "--json"), capture_output=True, text=True, check=True).stdout)
    assert "GPU" in plans["engine"]
    assert plans["plans"][0]["rung"] == "cpu"
    assert plans["plans"][0]["failed"]


def test_it_can_be_switched_off_for_one_start(offer, capfd, monkeypatch):
    offer({WHEEL_NAME: torch_wheel()})
    assert run(capfd, "install", "cuda")[0] == 0
    monkeypatch.setenv(WITHOUT, "1")
    assert in_use() is None


def test_what_is_not_there_is_told(offer, capfd, monkeypatch, tmp_path):
    offer({WHEEL_NAME: torch_wheel()})
    assert run(capfd, "check", "cuda")[::2] == (
        1,
        "The add-on “cuda” is not installed. “companion addon install cuda” fetches it.\n",
    )
    unfinished_place("cuda").mkdir(parents=True)
    assert "is not complete" in run(capfd, "check", "cuda")[2]
    assert "There is no add-on “rocm” for this computer. Pretended Card was found." in run(capfd, "install", "rocm")[2]
    assert "“companion addon list” names those" in run(capfd, "install", "quantum")[2]
    monkeypatch.setattr(command, "probe", lambda: msgspec.structs.replace(probe(), gpus=()))
    assert "No graphics card was found; everything runs on the processor." in run(capfd, "list")[1]
    assert run(capfd, "install")[0] == 2
