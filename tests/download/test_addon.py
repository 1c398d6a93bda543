"""Installing an add-on: the real download process, a server on this machine, and everything that goes wrong on the way."""

from __future__ import annotations

import errno
import os
import subprocess
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace

import pytest

from companion.core import disk_room
from companion.core.addons.installed import place, remove, standing, unfinished_bytes, unfinished_place
from companion.core.addons.manifest import Addon
from companion.core.addons.messages import Install, Installed, InstallEvent, Installing, decode_install_event
from companion.core.download_messages import FetchFailed
from companion.core.errors import AddonError
from companion.core.messages import encode
from companion.core.paths import own_addons_folder
from companion.core.processes import worker_command
from companion.download import addon as installing
from tests.addon_parts import WHEEL_NAME, served, torch_wheel, wheel
from tests.hub_server import HubServer, hub_server

LIBRARY = os.urandom(2_000_000)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with hub_server() as server:
        yield server


@pytest.fixture
def usual(hub: HubServer) -> Addon:
    return served(hub, {"libggml-cuda.so": LIBRARY, WHEEL_NAME: torch_wheel()})


def begin(addon: Addon) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(worker_command("download"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(encode(Install(addon=addon)))
    process.stdin.flush()
    return process


def installed(addon: Addon) -> list[InstallEvent]:
    """Everything that one process says until it ends."""
    with begin(addon) as process:
        events = [decode_install_event(line) for line in process.stdout]
        process.stdin.close()
    return events


def refused(addon: Addon) -> str:
    failed = installed(addon)[-1]
    assert isinstance(failed, FetchFailed), failed
    assert standing("cuda").addon is None
    return f"{failed.what} {failed.remedy}"


def test_every_part_is_verified_and_put_in_its_place(hub, usual):
    events = installed(usual)
    assert events[-1] == Installed(path=str(place("cuda")))
    steps = [event for event in events if isinstance(event, Installing)]
    assert {step.stage for step in steps} == {"asking", "fetching", "verifying", "unpacking"}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].bytes == usual.bytes
    assert (place("cuda") / "engine/libggml-cuda.so").read_bytes() == LIBRARY
    assert (place("cuda") / "site/torch/__init__.py").is_file()
    assert sorted(path.name for path in place("cuda").iterdir()) == ["addon.json", "engine", "site"]
    assert [path.name for path in own_addons_folder().iterdir() if path.name[0] != "."] == ["cuda"]
    assert (standing("cuda").state, standing("cuda").addon) == ("unchecked", usual), "nothing is used before it was checked"
    assert not any("authorization" in headers for _, _, headers in hub.asked)
    asked = len(hub.asked)
    assert isinstance(installed(usual)[-1], Installed)
    assert len(hub.asked) == asked, "what is there is not fetched again"


def test_an_interrupted_download_is_gone_on_with(hub, usual):
    hub.cuts = [700_000]
    hub.bytes_per_second = 500_000
    with begin(usual) as process:
        while unfinished_bytes("cuda") < 800_000:
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.02)
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    there = standing("cuda")
    assert there.state == "unfinished"
    assert 800_000 <= there.bytes < len(LIBRARY)
    hub.bytes_per_second = 0
    assert isinstance(installed(usual)[-1], Installed)
    assert int(hub.ranges()[-2].removeprefix("bytes=").rstrip("-")) >= 800_000
    assert (place("cuda") / "engine/libggml-cuda.so").read_bytes() == LIBRARY


def test_one_that_is_killed_between_two_parts_goes_on_at_the_second(hub):
    large = wheel({"torch/__init__.py": b"x = 1\n", "torch/lib.bin": os.urandom(3_000_000)})
    addon = served(hub, {"libggml-cuda.so": LIBRARY, WHEEL_NAME: large})
    with begin(addon) as process:
        for line in process.stdout:
            event = decode_install_event(line)
            if event.file == WHEEL_NAME and event.stage == "unpacking":
                break
        process.kill()
    assert standing("cuda").state == "unfinished"
    assert not place("cuda").exists()
    hub.asked.clear()
    assert isinstance(installed(addon)[-1], Installed)
    assert not any("libggml" in path for _, path, _ in hub.asked), "what was in its place is not fetched again"
    with zipfile.ZipFile(BytesIO(large)) as archive:
        assert (place("cuda") / "site/torch/lib.bin").read_bytes() == archive.read("torch/lib.bin")


def test_a_wrong_checksum_is_refused_and_what_came_is_deleted(hub, usual):
    hub.spoiled = True
    assert "not the file that the list of add-ons announced: its checksum is wrong" in refused(usual)
    assert unfinished_bytes("cuda") == 0
    hub.spoiled = False
    assert isinstance(installed(usual)[-1], Installed)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (wheel({"../escaped.py": "x"}), "would leave its folder"),
        (wheel({"torch/../../escaped.py": "x"}), "would leave its folder"),
        (wheel({"/escaped.py": "x"}), "would leave its folder"),
        (wheel({"torch\\..\\..\\escaped.py": "x"}), "would leave its folder"),
        (wheel({"C:escaped.py": "x"}), "would leave its folder"),
        (wheel({}, links={"torch/link": "/etc/passwd"}), "a link or a device"),
        (b"no archive at all", "no sound archive"),
        (torch_wheel()[:-40], "no sound archive"),
    ],
)
def test_a_wheel_that_is_no_plain_wheel_is_refused(hub, content, words):
    assert words in refused(served(hub, {WHEEL_NAME: content}))
    assert not list(own_addons_folder().parent.rglob("escaped.py"))
    assert not list(own_addons_folder().rglob("link"))


def test_a_wheel_that_holds_more_than_was_announced_is_refused(hub):
    bomb = wheel({"torch/zeros": b"\0" * 5_000_000})
    assert "more than was announced" in refused(served(hub, {WHEEL_NAME: bomb}, unpacked=100_000))


def test_purelib_goes_to_the_top_and_scripts_stay_out(hub):
    content = wheel({"torch-9.9.9.data/purelib/torch/a.py": "a", "torch-9.9.9.data/scripts/run": "b", "torch-9.9.9.data/c": "c"})
    assert isinstance(installed(served(hub, {WHEEL_NAME: content}))[-1], Installed)
    site = place("cuda") / "site"
    assert sorted(path.name for path in site.iterdir()) == ["torch", "torch-9.9.9.dist-info"]
    assert (site / "torch/a.py").read_text() == "a"


def test_a_host_that_leads_into_the_open_is_not_followed(hub, usual):
    del hub.files["libggml-cuda.so"]
    hub.leads["/cdn/libggml-cuda.so"] = "http://example.invalid/libggml-cuda.so"
    assert "leads to example.invalid by a way that others could read and change" in refused(usual)
    hub.leads["/cdn/libggml-cuda.so"] = f"{hub.endpoint}/cdn/elsewhere"
    hub.files["elsewhere"] = LIBRARY
    assert isinstance(installed(usual)[-1], Installed)


def test_what_a_host_does_not_have_is_a_sentence(hub, usual):
    hub.files.clear()
    assert "does not give “libggml-cuda.so” (HTTP 404)" in refused(usual)


def test_a_disk_without_room_is_told_before_anybody_is_asked(hub, usual, monkeypatch):
    monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(AddonError, match="There are 1 MB free") as told:
        installing.install(usual, lambda _: None)
    assert "what came is kept" in told.value.remedy
    assert hub.asked == []


def test_a_disk_that_fills_up_meanwhile_keeps_what_came(hub, usual, monkeypatch):
    def full(*_given):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as while_full:
        while_full.setattr(installing, "unpack", full)
        with pytest.raises(AddonError, match="The disk is full"):
            installing.install(usual, lambda _: None)
    asked = len(hub.asked)
    assert standing("cuda").state == "unfinished"
    installing.install(usual, lambda _: None)
    assert len(hub.asked) == asked, "the wheel had arrived whole"


def test_two_do_not_install_the_same(hub, usual):
    hub.bytes_per_second = 1_000_000
    with begin(usual) as process:
        process.stdout.readline()
        assert "Another window or terminal" in refused(usual)
        process.stdin.close()


def test_a_newer_one_takes_the_place_of_the_older(hub, usual):
    installed(usual)
    (place("cuda") / "site/old.py").touch()
    newer = served(hub, {"libggml-cuda.so": b"newer"})
    assert isinstance(installed(newer)[-1], Installed)
    assert standing("cuda").addon == newer
    assert not (place("cuda") / "site").exists()


def test_removing_takes_all_of_it_also_what_is_unfinished(hub, usual):
    with pytest.raises(AddonError, match="is not installed"):
        remove("cuda")
    installed(usual)
    unfinished_place("cuda").mkdir()
    (unfinished_place("cuda") / "rest").touch()
    remove("cuda")
    assert [path.name for path in own_addons_folder().iterdir()] == [".cuda.lock"]
    place("cuda").mkdir()  # a folder that does not say what it is
    assert standing("cuda").state == "unfinished"
    remove("cuda")
    assert standing("cuda").state == "absent"
