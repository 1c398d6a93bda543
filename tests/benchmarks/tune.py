"""`start.py bench tune [--model FILE]`: what `companion tune` chooses against a full sweep, and memory foreseen.

Settings are raced once more against each other at the end, in turns, so that only the choice is compared and not the moment.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from companion.core.gguf.header import read_header
from companion.llama.busy import BusyCore
from companion.llama.context import ContextOptions, KVTypes
from companion.llama.library import Library
from companion.llama.memory import memory_need
from companion.llama.model import Model
from companion.llama.trial import Setting, affordable, race, stands
from companion.llama.tuned import Tuned
from tests.benchmark_report import Report, fresh_home, starter_or_leave

ROUNDS = 7
MIB = 1 << 20
LOADED = """
import sys, psutil
from pathlib import Path
import msgspec
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.model import Model
library = Library()
before = psutil.Process().memory_info().rss
model = Model(library, Path(sys.argv[1]))
with Context(model, msgspec.json.decode(sys.argv[2], type=ContextOptions)) as context:
    context.read([(7 * i + 11) % model.vocabulary.size for i in range(600)])
    print(psutil.Process().memory_info().rss - before)
"""
"""What a process holds once its model is loaded and its context used."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path)
    options, others = parser.parse_known_args()
    report = Report("Tuning", others)
    with fresh_home():
        path = (options.model or starter_or_leave()).absolute()
        if report.wants("memory"):
            foreseen(report, path)
        if report.wants("search"):
            against_everything(report, path)
    return report.finish()


def foreseen(report: Report, path: Path) -> None:
    """Resident memory of a real process against the estimate from the header."""
    header, worst, worst_share = read_header(path), 0.0, 0.0
    for tokens in (1024, 4096, min(8192, header.context_length or 8192)):
        for kinds in (KVTypes(), KVTypes("Q8_0", "Q8_0")):
            context = ContextOptions(tokens, 1, kv_types=kinds, flash_attention=True, outputs=16)
            command = [sys.executable, "-c", LOADED, str(path), msgspec.json.encode(context).decode()]
            taken = int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout)
            need = memory_need(header, context)
            apart = abs(need.total + need.droppable - taken)
            worst, worst_share = max(worst, apart), max(worst_share, apart / taken)
    report.add("memory: foreseen − taken, at worst", worst / MIB, "MiB", goal=64)
    report.add("memory: the same as a share of what is taken", 100 * worst_share, "%")


def tuned(path: Path, *flags: str) -> tuple[Tuned, float]:
    """What the command finds, and how long it takes."""
    began = time.monotonic()
    command = [sys.executable, "-P", "-m", "companion", "tune", "--model", str(path), "--json", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=3600)
    return msgspec.convert(json.loads(done.stdout)["tuned"], Tuned), time.monotonic() - began


def against_everything(report: Report, path: Path) -> None:
    tuned(path, "--quick")  # the first start of a model is checked and measured, too
    found: dict[str, Tuned] = {}
    runs = {"search": ((), 90.0), "quick search": (("--quick",), 20.0), "every combination": (("--exhaustive",), None)}
    for name, (flags, most) in runs.items():
        found[name], seconds = tuned(path, *flags)
        report.add(f"{name}: time", seconds, "s", goal=most)
        report.add(f"{name}: steadiness of the machine meanwhile", found[name].steadiness)
    settings = {name: _setting(each) for name, each in found.items()}
    with Model(Library(), path) as model:
        effort = affordable(model, 1)
        with stands(model, settings, effort) as made:
            at_rest = race(made, settings, ROUNDS)
        best = min(speeds.turn for speeds in at_rest.values())
        for name in ("search", "quick search"):
            report.add(f"{name}: seconds of a turn ÷ the best", at_rest[name].turn / best, goal=1.05)
        counts = sorted({1, found["search"].threads, found["search"].busy_threads or 1})
        busy = {count: settings["search"]._replace(threads=count, prompt_threads=count) for count in counts}
        with stands(model, busy, effort) as made, BusyCore():
            beside = race(made, busy, ROUNDS)
        chosen = beside[found["search"].busy_threads or counts[-1]]
        fastest = max(speeds.write for speeds in beside.values())
        report.add("beside a busy core: best ÷ chosen threads, writing", fastest / chosen.write, goal=1.05)
    guessing = found["search"].speculation
    report.add("guessing ahead: share of guesses that were right", 100 * guessing.acceptance, "%")
    report.add("guessing ahead: times as fast", guessing.gain)


def _setting(found: Tuned) -> Setting:
    return Setting(found.threads, found.prompt_threads, found.batch, found.ubatch, found.flash_attention, found.kv_types)


if __name__ == "__main__":
    sys.exit(main())
