"""A worker that a command starts for one thing, and what it says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import msgspec

from companion.core.logs import log_file
from companion.core.messages import encode
from companion.core.processes import worker_command


@contextmanager
def worker(role: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """It leaves when its pipe is closed, whatever happens here. What it says aside goes into its log."""
    with (
        log_file(role).open("ab") as log,
        subprocess.Popen(worker_command(role, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        yield process


def tell(process: subprocess.Popen[bytes], request: msgspec.Struct) -> None:
    mouth = cast("IO[bytes]", process.stdin)
    mouth.write(encode(request))
    mouth.flush()


def events(process: subprocess.Popen[bytes], decode: Callable[[bytes], Any]) -> Iterator[Any]:
    """Until it has left."""
    for line in cast("IO[bytes]", process.stdout):
        try:
            yield decode(line)
        except msgspec.DecodeError:  # the line in the middle of which it died
            continue
