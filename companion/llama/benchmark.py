"""What this machine can do, measured in twenty seconds: memory, disk, and every type of weights by llama.cpp's kernels."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import numpy as np

from companion.core.benchmark import Benchmark, TypeSpeed, benchmark_file, kept_benchmark
from companion.core.files import write_atomic
from companion.core.gguf.types import TYPES_BY_NAME
from companion.core.hardware import usable_threads
from companion.core.paths import cache_folder
from companion.llama.kernels import Kernels, Product
from companion.llama.library import build_description

KINDS: Final = (
    "F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "MXFP4", "Q3_K",
    "IQ3_S", "IQ3_XXS", "Q2_K", "IQ2_S",
)  # fmt: skip
ROWS, COLUMNS = 1024, 1024
PROMPT_TOKENS: Final = 128
WORKING_SET: Final = 48 << 20
"""Bytes of weights that a token is made with; more than most processors' caches hold."""
COPIED: Final = 256 << 20
WRITTEN: Final = 64 << 20


def remembered_benchmark() -> Benchmark | None:
    """None when there is none for this machine and build."""
    known = kept_benchmark()
    return known if known is not None and known.build == build_description() else None


def measure_machine(tell: Callable[[float], None], kinds: Sequence[str] = KINDS, *, budget: float = 0.05) -> Benchmark:
    """Needs a `Library`. The result is remembered unless the machine was unsteady. Raises ModelError, OSError."""
    began = time.monotonic()
    threads = usable_threads()
    with Kernels(threads) as kernels:
        steady = Product(TYPES_BY_NAME["Q8_0"], ROWS, COLUMNS)
        first = _seconds(kernels, steady, repacked=False, budget=0.3)
        found = []
        for number, name in enumerate(kinds, start=1):
            found.append(_type_speed(kernels, name, budget))
            tell(number / (len(kinds) + 2))
        last = _seconds(kernels, steady, repacked=False, budget=0.3)
    bandwidth = _memory_bandwidth(threads)
    result = Benchmark(
        build=build_description(),
        threads=threads,
        memory_bandwidth=bandwidth,
        disk_write=_disk_write(),
        types=tuple(found),
        steadiness=last / first,
        seconds=round(time.monotonic() - began, 1),
    )
    tell(1.0)
    if not result.notice:
        write_atomic(benchmark_file(), msgspec.json.format(msgspec.json.encode(result), indent=1))
    return result


def _type_speed(kernels: Kernels, name: str, budget: float) -> TypeSpeed:
    kind = TYPES_BY_NAME[name]
    product = Product(kind, ROWS, COLUMNS)
    speeds = []
    for repacked in (False, True):
        for tokens, each in ((1, product), (PROMPT_TOKENS, product._replace(tokens=PROMPT_TOKENS))):
            seconds = _seconds(kernels, each, repacked=repacked, budget=budget, working_set=WORKING_SET if tokens == 1 else 1)
            speeds.append(ROWS * COLUMNS * tokens / seconds / 1e9 if seconds else 0.0)
    write, read, write_repacked, read_repacked = speeds
    return TypeSpeed(
        kind=name,
        bits=8 * kind.size / kind.block,
        write=write,
        read=read,
        write_repacked=write_repacked,
        read_repacked=read_repacked,
    )


def _seconds(kernels: Kernels, product: Product, *, repacked: bool, budget: float, working_set: int = WORKING_SET) -> float:
    return kernels.seconds(product, repacked=repacked, working_set=working_set, budget=budget) or 0.0


def _memory_bandwidth(threads: int) -> float:
    """Bytes per second that all threads together read and write while copying: numpy releases the interpreter for it."""
    part = COPIED // threads // 8
    pairs = [(np.ones(part), np.empty(part)) for _ in range(threads)]

    def copy(pair: tuple[np.ndarray, np.ndarray]) -> None:
        np.copyto(pair[1], pair[0])

    best = 0.0
    for _ in range(4):
        workers = [threading.Thread(target=copy, args=(pair,)) for pair in pairs]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        best = max(best, 2 * 8 * part * threads / (time.perf_counter() - began))
    return best


def _disk_write() -> float:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        content = os.urandom(1 << 20)
        with tempfile.TemporaryFile(dir=folder) as file:
            began = time.perf_counter()
            for _ in range(WRITTEN >> 20):
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
            return WRITTEN / (time.perf_counter() - began)
    except OSError:
        return 0.0
