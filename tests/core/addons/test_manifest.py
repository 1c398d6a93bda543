"""The list of add-ons: what is refused in it, what suits a machine, and that what packaging writes can be read."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from companion.core.addons.manifest import MAX_BYTES, Addon, python_tag, read_manifest, suiting, without_addon
from companion.core.errors import AddonError
from companion.core.hardware import Gpu, probe
from tests.addon_parts import WHEEL_NAME, library, needs_compiler, torch_wheel

PACKAGING = Path(__file__).parents[3] / "packaging"
PART = {
    "url": "https://example.org/a/libggml-cuda.so",
    "sha256": "0" * 64,
    "bytes": 10,
    "unpacked": 10,
    "kind": "library",
    "licence": "MIT",
}
ADDON = {"device": "cuda", "system": "linux", "machine": "x86-64", "llama": "0.3.36", "brings": "Speed.", "parts": [PART]}


def listed(folder: Path, *addons: dict) -> Path:
    file = folder / "addons.json"
    file.write_text(json.dumps({"format": 1, "addons": addons}))
    return file


def test_a_checkout_has_no_add_ons_and_says_what_to_do_instead(tmp_path):
    assert read_manifest(tmp_path / "none.json") == ()
    card = Gpu(name="A Card", maker="nvidia")
    assert "start.py setup” builds llama.cpp for the card" in without_addon((card,))
    assert without_addon(()) == "No graphics card was found; everything runs on the processor."
    assert without_addon((Gpu(name="Apple M4 GPU", maker="apple"),)) == "Apple M4 GPU is used without an add-on."


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://example.org/libggml-cuda.so"},
        {"url": "ftp://example.org/libggml-cuda.so"},
        {"url": "https:///libggml-cuda.so"},
        {"url": "https://example.org/..%2f..%2flibggml-cuda.sh"},
        {"url": "https://example.org/.so"},
        {"kind": "wheel"},
        {"sha256": "abc"},
        {"bytes": 0},
        {"unpacked": 1 << 60},
        {"needs": ["../../etc/passwd"]},
        {"needs": ["/lib/libc.so"]},
        {"more": 1},
    ],
)
def test_what_a_part_may_not_be_is_refused(tmp_path, change):
    with pytest.raises(AddonError, match="is damaged"):
        read_manifest(listed(tmp_path, ADDON | {"parts": [PART | change]}))


def test_lists_that_are_too_large_torn_or_of_twins_are_refused(tmp_path):
    torn = tmp_path / "torn.json"
    torn.write_text('{"format": 1, "addons": [')
    with pytest.raises(AddonError, match="is damaged"):
        read_manifest(torn)
    torn.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(AddonError, match="too large"):
        read_manifest(torn)
    with pytest.raises(AddonError, match="two parts have the same name"):
        read_manifest(listed(tmp_path, ADDON | {"parts": [PART, PART | {"url": "https://other.org/LIBGGML-CUDA.so"}]}))


def test_an_add_on_suits_the_card_the_system_and_the_python(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    usual = msgspec.convert(ADDON, Addon)
    vulkan, windows = (msgspec.structs.replace(usual, **each) for each in ({"device": "vulkan"}, {"system": "windows"}))
    old, own = (msgspec.structs.replace(usual, python=tag) for tag in ("cp27", python_tag()))
    nvidia, amd = (Gpu(name="A", maker=maker) for maker in ("nvidia", "amd"))
    here = msgspec.structs.replace(probe(), architecture="x86-64", gpus=(nvidia,))
    assert suiting((vulkan, windows, old, own), here) == (own, vulkan)
    assert suiting((usual, vulkan), msgspec.structs.replace(here, gpus=(amd,))) == (vulkan,)
    assert suiting((usual, vulkan), msgspec.structs.replace(here, gpus=())) == ()
    assert suiting((usual,), msgspec.structs.replace(here, architecture="arm64")) == ()


@needs_compiler
def test_what_packaging_writes_is_read_and_knows_what_loads_what(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(PACKAGING))
    import addon

    runtime, parts = tmp_path / "runtime", tmp_path / "parts"
    library(runtime, "libcudart.so.12", "int runtime(void) { return 1; }")
    library(parts, "libggml-cuda.so", "int runtime(void); int use(void) { return runtime(); }", runtime / "libcudart.so.12")
    with zipfile.ZipFile(parts / "nvidia_cuda_runtime_cu12-12.9-py3-none-manylinux_2_28_x86_64.whl", "w") as wheel:
        wheel.write(runtime / "libcudart.so.12", "nvidia/cuda_runtime/lib/libcudart.so.12")
        wheel.writestr("nvidia_cuda_runtime_cu12-12.9.dist-info/METADATA", "License: NVIDIA Proprietary Software\n\n")
    (parts / WHEEL_NAME).write_bytes(torch_wheel())
    file = listed(tmp_path, ADDON | {"system": "windows"}, ADDON | {"python": python_tag()})
    arguments = [str(parts), "https://example.org/v1/", "cuda", "--output", str(file), "--system", "linux", "--machine", "x86-64"]
    assert addon.main(arguments) == 0
    made, other = read_manifest(file)
    assert (made.system, made.python, made.has_torch, other.system) == ("linux", python_tag(), True, "windows")
    backend = made.backends[0]
    assert backend.needs == ("site/nvidia/cuda_runtime/lib/libcudart.so.12",)
    assert (backend.url, backend.licence) == ("https://example.org/v1/libggml-cuda.so", "MIT")
    assert made.licences == ("NVIDIA Proprietary Software", "BSD-3-Clause", "MIT")
    assert {part.file for part in made.parts} == {path.name for path in parts.iterdir()} - {"libggml-cuda.so.c"}


def test_packaging_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(PACKAGING))
    import addon

    def told(*options: str) -> str:
        wanted = [str(tmp_path), "https://example.org", "cuda", "--output", str(tmp_path / "a.json")]
        assert addon.main([*wanted, *options]) == 1
        return capsys.readouterr().err

    assert "no wheel and no library" in told()
    (tmp_path / "libcublas.so.12").write_bytes(b"\x7fELF")
    assert "--licence libcublas.so.12=LICENCE" in told()
    assert "Neither torch's wheel nor llama.cpp's library" in told("--licence", "libcublas.so.12=NVIDIA")
    (tmp_path / WHEEL_NAME).write_bytes(torch_wheel())
    assert "is not for windows" in told("--licence", "libcublas.so.12=NVIDIA", "--system", "windows")
