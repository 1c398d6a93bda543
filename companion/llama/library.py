"""Starting llama.cpp: its log kept for diagnosis, its build described. Called once, by each process that runs a model."""

from __future__ import annotations

import ctypes
import re
import weakref
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any

import llama_cpp

from companion.llama.ggml import load_backends

LOG_LINES = 400
"""How much of llama.cpp's log is kept: a model's load writes about 150 lines, not counting those for its developers."""
_DEBUG, _CONTINUED = 1, 5
"""`enum ggml_log_level`. A context writes more than a thousand lines of the first kind."""


_living: weakref.WeakSet[Library] = weakref.WeakSet()
"""llama.cpp has one log for all models of a process, whichever library they were loaded with: each hears all of it."""


class Library:
    """llama.cpp inside this process. Make one, and keep it as long as its log matters."""

    def __init__(self, on_log: Callable[[str], None] | None = None) -> None:
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self._on_log = on_log
        self._partial = ""
        self._is_kept = True
        _living.add(self)
        _begin()

    def hear(self, level: int, text: bytes) -> None:
        """A piece of llama.cpp's log, at a `ggml_log_level`."""
        if level != _CONTINUED:
            self._is_kept = level != _DEBUG
        lines = (self._partial + text.decode("utf-8", errors="replace")).split("\n")
        self._partial = lines.pop()
        for line in lines:
            if self._is_kept:
                self.log.append(line)
            if self._on_log is not None:
                self._on_log(line)

    def last_error(self) -> str:
        """The last line llama.cpp wrote that names a fault, without its function prefix; empty if there is none."""
        for line in reversed(self.log):
            if re.search(r"error|fail|unknown|missing|invalid|unsupported|mismatch|wrong", line, re.IGNORECASE):
                return re.sub(r"^\w+(::\w+)*: ", "", line.strip())
        return ""

    def buffer_bytes(self, kind: str) -> int:
        """Sum of the buffers of `kind` ("KV", "compute") that llama.cpp reported since the log was last cleared."""
        pattern = re.compile(rf"\b{kind} buffer size = +([0-9.]+) MiB")
        return int(sum(float(m.group(1)) for line in self.log if (m := pattern.search(line))) * 2**20)


@cache
def _begin() -> None:
    """Once in a process."""
    load_backends()
    listen = llama_cpp.llama_log_callback(_tell)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(listen))  # it is called until the very end, after Python's own
    llama_cpp.llama_log_set(listen, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()


def _tell(level: int, text: bytes, _data: Any) -> None:
    for library in tuple(_living):
        library.hear(level, text)


def build_description() -> str:
    """Version and what this build can use, such as '0.3.36 CPU AVX2 AVX512'."""
    info = llama_cpp.llama_print_system_info().decode()
    features = [name for name, value in re.findall(r"(\w+) = (\d+)", info) if value != "0"]
    return " ".join([llama_cpp.__version__, "GPU" if supports_gpu() else "CPU", *features])


def supports_gpu() -> bool:
    """Whether layers can be placed on a GPU by this build on this machine."""
    return bool(llama_cpp.llama_supports_gpu_offload())
