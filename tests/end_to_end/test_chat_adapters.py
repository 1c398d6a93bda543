"""`companion chat --adapter`: another voice over the same model, from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from companion.core.adapter_use import adapter_use
from companion.core.errors import CompanionError
from companion.core.paths import settings_file
from companion.core.sampling import Sampling
from companion.core.settings import Settings, save_settings
from tests.tiny_adapters import write_adapter

CHAT = [sys.executable, "-P", "-m", "companion", "chat", "--once", "Hello", "--json"]


@pytest.fixture
def voice(tmp_path: Path, talkative_model: Path) -> Path:
    save_settings(settings_file(), Settings(sampling=Sampling(max_tokens=20, seed=1)))
    return write_adapter(tmp_path / "voice.gguf", talkative_model, name="Voice")


def chat(model: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*CHAT, "--model", str(model), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_adapters_are_heard_and_named(talkative_model, voice):
    plain = json.loads(chat(talkative_model).stdout)
    assert plain["adapters"] == []
    voiced = json.loads(chat(talkative_model, "--adapter", str(voice)).stdout)
    assert voiced["adapters"] == [{"path": str(voice), "name": "Voice", "scale": 1.0}]
    stacked = json.loads(chat(talkative_model, "--adapter", f"{voice}:1.5", "--adapter", f"{voice}:-1.5").stdout)
    assert [adapter["scale"] for adapter in stacked["adapters"]] == [1.5, -1.5]
    assert plain["reply"] == stacked["reply"] != voiced["reply"]


def test_a_wrong_adapter_is_a_sentence(tiny_model, voice):
    for model, argument, sentence in (
        (tiny_model, str(voice), "voice.gguf"),
        (tiny_model, f"{voice}.gone", "voice.gguf.gone"),
        (tiny_model, f"{voice}:loud", "not a scale"),
    ):
        done = chat(model, "--adapter", argument)
        assert (done.returncode, done.stdout) == (1, "")
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("argument", "file", "scale"),
    [
        ("voice.gguf", "voice.gguf", 1.0),
        ("voice.gguf:0.8", "voice.gguf", 0.8),
        ("voice.gguf:-.5", "voice.gguf", -0.5),
        ("voice.gguf:0", "voice.gguf", 0.0),
        ("a:b.gguf", "a:b.gguf", 1.0),
        (r"C:\voices\voice.gguf", r"C:\voices\voice.gguf", 1.0),
        (r"C:\voices\voice.gguf:2", r"C:\voices\voice.gguf", 2.0),
        ("C:5", "C:5", 1.0),
    ],
)
def test_a_scale_stands_behind_the_file(argument, file, scale):
    use = adapter_use(argument)
    assert use.path == str(Path(file).absolute())
    assert use.scale == scale
    assert not use.optional


def test_a_file_whose_name_ends_like_a_scale_is_that_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("voice:2").write_bytes(b"x")
    assert adapter_use("voice:2").path == str(tmp_path / "voice:2")


@pytest.mark.parametrize("argument", ["", ":1", "voice.gguf:11"])
def test_what_cannot_be_an_adapter_is_refused(argument):
    with pytest.raises(CompanionError):
        adapter_use(argument)
