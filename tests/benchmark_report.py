"""What every benchmark of this project prints, and writes with `--json FILE`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from companion.core.paths import HOME_VARIABLE, starter_model

WINDOWS = Path(__file__).parent / "benchmarks" / "windows"


class Metric(NamedTuple):
    name: str
    value: float
    unit: str
    goal: float | None
    wanted: str
    holds: bool


class Report:
    """Metrics by name. A goal is "at most" when `most`, else "at least"; None is a figure without a goal."""

    def __init__(self, title: str, arguments: Sequence[str] | None = None) -> None:
        """`arguments` are those of the command line that the benchmark does not know itself; all of them otherwise."""
        parser = argparse.ArgumentParser(description=title)
        parser.add_argument("--json", type=Path, metavar="FILE", help="also write the metrics as JSON")
        parser.add_argument("--only", action="append", metavar="PART", help="run only this part (may be repeated)")
        self.options = parser.parse_args(arguments)
        self._title = title
        self._rows: list[Metric] = []

    def wants(self, part: str) -> bool:
        return not self.options.only or part in self.options.only

    def add(self, name: str, value: float, unit: str = "", *, goal: float | None = None, most: bool = True) -> None:
        holds = goal is None or (value <= goal if most else value >= goal)
        wanted = "" if goal is None else f"{'≤' if most else '≥'} {goal:g}"
        self._rows.append(Metric(name, value, unit, goal, wanted, holds))
        print(f"{name}: {value:.3g} {unit} {wanted}{'' if holds else '   MISSED'}", flush=True)

    def finish(self) -> int:
        """Print the table, write the file; returns the exit status (1 when a goal was missed)."""
        table = Table(title=self._title, title_justify="left")
        for heading in ("metric", "value", "goal", "holds"):
            table.add_column(heading, justify="left" if heading == "metric" else "right")
        for row in self._rows:
            verdict = "" if row.goal is None else ("yes" if row.holds else "no")
            table.add_row(row.name, f"{row.value:.3g} {row.unit}".strip(), row.wanted, verdict)
        Console(width=110).print(table)
        if self.options.json:
            facts = {row.name: {"value": row.value, "goal": row.goal, "holds": row.holds} for row in self._rows}
            self.options.json.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        return 0 if all(row.holds for row in self._rows) else 1


@contextlib.contextmanager
def fresh_home() -> Iterator[None]:
    """A home folder of the benchmark's own, and a word on standard error when the machine is busy."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    busy = psutil.cpu_percent(interval=1)
    if busy > 20:
        print(f"Something else uses {busy:.0f} % of this machine; the figures will be worse than they are.", file=sys.stderr)
    with tempfile.TemporaryDirectory() as home:
        os.environ[HOME_VARIABLE] = home
        yield


def starter_or_leave() -> Path:
    """The starter model; without it the benchmark ends with a sentence and exit status 2."""
    starter = starter_model()
    if starter is None:
        print("The starter model is missing: run packaging/start.py first.", file=sys.stderr)
        raise SystemExit(2)
    return starter


def medians_of(script: str, rounds: int) -> list[float]:
    """Runs a script of `benchmarks/windows`, which prints figures on its last line, and takes the median of each."""
    runs = []
    for _ in range(rounds):
        command = [sys.executable, str(WINDOWS / script)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
        runs.append([float(word) for word in result.stdout.split()])
    return [median(figures) for figures in zip(*runs, strict=True)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
