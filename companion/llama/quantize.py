"""Quantizing a GGUF file with llama.cpp's own quantizer, in a process of its own: it ends the process when it does not like
something, and leaves what it has written. `llama_model_quantize` of llama.cpp as llama-cpp-python 0.3.36 carries it.

`companion pack ORDER` is started by `quantize`, never by hand.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import llama_cpp
import msgspec
import numpy as np
from numpy.typing import NDArray

from companion.core.disk_room import Need, refuse_without_room
from companion.core.errors import ModelError, WorkshopError
from companion.core.files import read_json, write_atomic
from companion.core.gguf.header import read_header
from companion.core.gguf.types import FILE_TYPE_NUMBERS, TYPE_NUMBERS
from companion.core.logs import log_file
from companion.core.pipes import leave_with_parent
from companion.core.processes import exit_sentence, worker_command
from companion.llama.library import Library

PARAMETER_BYTES: Final = 64
"""Of `llama_model_quantize_params` in the version this was written for."""
ANSWER: Final = "said.json"
_SIZE: Final = re.compile(r"quant size\s*=\s*([0-9.]+) MiB")
_KIND: Final = re.compile(r"\[ *\d+/ *\d+\] (\S+) .*, type = +(\w+), size = +[0-9.]+ MiB(?: -> +[0-9.]+ MiB \((\w+)\))?")
"""A tensor in the log: its name, its type, and the one it gets."""
_SPELT: Final = {name.lower(): name for name in TYPE_NUMBERS}
_FOLDER: Final = ".pack-"
"""How the name of a folder begins in which a file is made."""


class PackOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to do; files beside the order hold the importance of each tensor's columns."""

    source: str
    target: str
    file_type: str
    """The recipe of llama.cpp, such as Q4_K_M, for tensors that `kinds` does not name."""
    kinds: dict[str, str] = {}
    """Types by tensor."""
    importance: dict[str, str] = {}
    """Files of float32, by tensor."""
    metadata: dict[str, str] = {}
    threads: int = 1
    only_size: bool = False


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the process answers, in a file beside its order."""

    fault: str = ""
    bytes: int = 0
    kinds: dict[str, str] = {}


class StockSize(NamedTuple):
    """What one of llama.cpp's own recipes would make of a model."""

    bytes: int
    """Of all tensors, in steps of 10 kB."""
    kinds: dict[str, str]
    """Types by matrix."""


def stock_size(source: Path, file_type: str) -> StockSize:
    """Nothing is written. Raises as `quantize`."""
    with tempfile.TemporaryDirectory() as folder:
        order = PackOrder(source=str(source.absolute()), target=str(Path(folder) / "none"), file_type=file_type, only_size=True)
        said = _run(Path(folder), order, lambda: None)
        return StockSize(said.bytes, said.kinds)


def quantize(
    source: Path,
    target: Path,
    *,
    file_type: str = "Q8_0",
    kinds: Mapping[str, str] | None = None,
    importance: Mapping[str, NDArray[np.float32]] | None = None,
    metadata: Mapping[str, str] | None = None,
    threads: int = 1,
    room: int = 0,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write `source` as `target`, whole or not at all: every tensor in `kinds` as the type it says, others by the recipe
    `file_type`.

    `room` is how many bytes it will take; `check` is called several times a second and may raise to give up. Raises ModelError
    when llama.cpp refuses, WorkshopError when there is no room or its process dies.
    """
    refuse_without_room([Need(target.parent, room)])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_FOLDER, dir=target.parent) as folder:
        made = Path(folder) / "model.gguf"
        order = PackOrder(
            source=str(source.absolute()),
            target=str(made),
            file_type=file_type,
            kinds=dict(kinds or {}),
            importance=_written(Path(folder), importance or {}),
            metadata=dict(metadata or {}),
            threads=threads,
        )
        _run(Path(folder), order, check)
        _refuse_others(made, order.kinds)
        with made.open("rb+") as file:
            os.fsync(file.fileno())
        made.replace(target)


def sweep(folder: Path) -> None:
    """Delete what `quantize` was making in a folder when its process was killed; nobody may be at work there."""
    for left in folder.glob(f"{_FOLDER}*"):
        shutil.rmtree(left, ignore_errors=True)


def _refuse_others(made: Path, kinds: Mapping[str, str]) -> None:
    """Raises ModelError unless the file is whole, can be talked to, and every tensor has the type that was asked for: llama.cpp
    takes another one silently where blocks do not fill a row."""
    for tensor in read_header(made).tensors:
        wanted = kinds.get(tensor.name, tensor.type.name)
        if tensor.type.name != wanted:
            what = f"llama.cpp packed “{tensor.name}” as {tensor.type.name} instead of {wanted}."
            raise ModelError(what, "Leave that type out.")


def _written(folder: Path, importance: Mapping[str, NDArray[np.float32]]) -> dict[str, str]:
    files = {}
    for number, (name, values) in enumerate(importance.items()):
        file = folder / f"importance-{number}.f32"
        np.ascontiguousarray(values, np.float32).tofile(file)
        files[name] = str(file)
    return files


def _run(folder: Path, order: PackOrder, check: Callable[[], None]) -> Said:
    """Raises what `check` raises, after the process is gone."""
    file, answer = folder / "order.json", folder / ANSWER
    file.write_bytes(msgspec.json.encode(order))
    with log_file("pack").open("ab") as log:
        process = subprocess.Popen(
            worker_command("pack", str(file)), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        status = None
        while status is None:
            check()
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(0.2)
    finally:
        process.kill()
        process.communicate()
    if (said := read_json(answer, Said)) is not None:
        if not said.fault:
            return said
        what = f"llama.cpp cannot quantize “{Path(order.source).name}”: {said.fault}."
        raise ModelError(what, "Choose another type, or a source of higher precision.")
    raise WorkshopError(exit_sentence("The quantizer", status), f"Nothing was written. The details are in “{log_file('pack')}”.")


def main(order_file: str) -> int:
    """The process: carry out one order; returns the exit status. When its parent is killed it leaves, with all it has made."""
    file = Path(order_file)
    leave_with_parent(lambda: shutil.rmtree(file.parent, ignore_errors=True))
    order = msgspec.json.decode(file.read_bytes(), type=PackOrder)
    kinds: dict[str, str] = {}

    def note(line: str) -> None:
        if found := _KIND.search(line):
            kinds[found[1]] = _SPELT.get((found[3] or found[2]).lower(), "")

    library = Library(on_log=note)
    said = Said()
    if status := _quantized(order):
        said = Said(fault=(library.last_error() or f"status {status}").rstrip("."))
    elif found := next((m for line in reversed(library.log) if (m := _SIZE.search(line))), None):
        said = Said(bytes=round(float(found[1]) * 2**20), kinds=kinds)
    write_atomic(file.with_name(ANSWER), msgspec.json.encode(said))
    return status


def _quantized(order: PackOrder) -> int:
    if ctypes.sizeof(llama_cpp.llama_model_quantize_params) != PARAMETER_BYTES:
        raise ModelError("This build of llama.cpp quantizes in another way than Companion knows.", "Install Companion again.")
    params: Any = llama_cpp.llama_model_quantize_default_params()
    params.nthread = order.threads
    params.ftype = FILE_TYPE_NUMBERS[order.file_type]
    params.allow_requantize = True
    params.dry_run = order.only_size
    kept: list[Any] = []  # everything the structure points to
    if order.kinds:
        overrides = (llama_cpp.llama_model_tensor_override * (len(order.kinds) + 1))()
        for place, (name, kind) in zip(overrides, order.kinds.items(), strict=False):
            # patterns are searched for, and the first that is found counts: whole names only
            place.pattern, place.type = f"^{re.escape(name)}$".encode(), TYPE_NUMBERS[kind]
        params.tt_overrides = overrides
        kept.append(overrides)
    if order.importance:
        data = (llama_cpp.llama_model_imatrix_data * (len(order.importance) + 1))()
        for entry, (name, values_file) in zip(data, order.importance.items(), strict=False):
            values = np.fromfile(values_file, np.float32)
            kept.append(values)
            entry.name, entry.size = name.encode(), values.size
            entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        params.imatrix = data
        kept.append(data)
    if order.metadata:
        texts = (llama_cpp.llama_model_kv_override * (len(order.metadata) + 1))()
        for pair, (key, text) in zip(texts, order.metadata.items(), strict=False):
            pair.tag, pair.key, pair.value.val_str = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR, key.encode(), text.encode()[:127]
        params.kv_overrides = texts
        kept.append(texts)
    return int(llama_cpp.llama_model_quantize(os.fsencode(order.source), os.fsencode(order.target), ctypes.byref(params)))
