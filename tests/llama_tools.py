"""llama.cpp's own perplexity tool, built once from the source that llama-cpp-python ships, with the options of our build.

    .venv/bin/python -m tests.llama_tools      builds it (about five minutes on two cores) and says where it is

It is kept in ~/.cache/companion/llama-tools, or where COMPANION_LLAMA_TOOLS says. What it prints is read here, too.
"""

from __future__ import annotations

import importlib.util
import os
import re
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

VERSION = "0.3.36"
ROOT = Path(__file__).resolve().parents[1]
ROW_HEADER = 4
"""16-bit words before the log-probabilities of one token in the tool's file: scale and smallest value, float32 each."""


class BaseFile(NamedTuple):
    """What `--kl-divergence-base` writes: log-probabilities of a model, rounded to 16 bits between the largest and 16 less."""

    context: int
    tokens: list[int]
    log_probabilities: np.ndarray
    """(chunks, context − 1 − context // 2, vocabulary) float32."""


def tool() -> Path:
    """The executable; built when it is not there. Raises CalledProcessError when that fails."""
    folder = Path(os.environ.get("COMPANION_LLAMA_TOOLS") or Path.home() / ".cache" / "companion" / "llama-tools") / VERSION
    found = folder / "build" / "bin" / ("llama-perplexity.exe" if os.name == "nt" else "llama-perplexity")
    if not found.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _build(_source(folder), folder / "build")
    return found


def _source(folder: Path) -> Path:
    unpacked = folder / f"llama_cpp_python-{VERSION}"
    if not (unpacked / "vendor").is_dir():
        archive = folder / f"{unpacked.name}.tar.gz"
        if not archive.is_file():
            wanted = ["--no-binary", ":all:", "--no-deps", f"llama-cpp-python=={VERSION}"]
            subprocess.run([sys.executable, "-m", "pip", "download", *wanted, "-d", str(folder)], check=True)
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return unpacked / "vendor" / "llama.cpp"


def _build(source: Path, build: Path) -> None:
    """With the same processor options as the library that the program uses."""
    spec = importlib.util.spec_from_file_location("llama_build", ROOT / "packaging" / "llama_build.py")
    assert spec is not None
    assert spec.loader is not None
    ours = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = ours
    spec.loader.exec_module(ours)
    options = [option for option in ours.builds()[-1].options if option.startswith("-DGGML_")]
    lean = ["-DLLAMA_BUILD_TOOLS=ON", "-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF"]
    lean += ["-DLLAMA_BUILD_APP=OFF", "-DLLAMA_OPENSSL=OFF", "-DBUILD_SHARED_LIBS=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(["cmake", "-S", str(source), "-B", str(build), *options, *lean], check=True)
    command = ["cmake", "--build", str(build), "--target", "llama-perplexity", "--parallel", str(ours.cores())]
    subprocess.run(command, check=True)


def run(model: Path, text: Path, *more: str, context: int = 512, threads: int = 2) -> str:
    """Everything the tool prints about a text."""
    command = [str(tool()), "-m", str(model), "-f", str(text), "-c", str(context), "-t", str(threads), *more]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True, timeout=1800)
    return result.stdout + result.stderr


def number(printed: str, name: str) -> float:
    """The number behind a name, such as "Final estimate: PPL"."""
    match = re.search(rf"{re.escape(name)}\s*[:=]\s*(-?[0-9.]+)", printed)
    assert match, f"the tool did not print “{name}”:\n{printed[-3000:]}"
    return float(match[1])


def clock(printed: str, words: str) -> float:
    """Seconds since the tool was started, at the line that begins with these words."""
    match = re.search(rf"(\d+)\.(\d\d)\.(\d{{3}})\.(\d{{3}}) I {re.escape(words)}", printed)
    assert match, f"the tool did not print “{words}” with the time:\n{printed[-3000:]}"
    minutes, seconds, thousandths, millionths = map(int, match.groups())
    return 60 * minutes + seconds + thousandths / 1e3 + millionths / 1e6


def read_base(path: Path) -> BaseFile:
    """The file of `--kl-divergence-base`."""
    data = path.read_bytes()
    assert data[:8] == b"_logits_"
    context, vocabulary, chunks = struct.unpack_from("<Iii", data, 8)
    tokens = np.frombuffer(data, "<i4", chunks * context, 20)
    width = 2 * ((vocabulary + 1) // 2) + ROW_HEADER
    rows = np.frombuffer(data, "<u2", offset=20 + tokens.nbytes).reshape(chunks, context - 1 - context // 2, width)
    header = np.ascontiguousarray(rows[:, :, :ROW_HEADER]).view("<f4")
    values = rows[:, :, ROW_HEADER : ROW_HEADER + vocabulary].astype(np.float32) * header[:, :, :1] + header[:, :, 1:]
    return BaseFile(context, tokens.tolist(), values)


if __name__ == "__main__":
    print(tool())
