"""`start.py bench startup`: the frozen program against the same from source, to the first frame and to her first word.

The frozen folder is `dist/companion`, which `python3 packaging/build.py frozen` makes, or another one named by `--program`.
Both run `companion visit`, by turns, in a home of their own each that has been opened once before.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from companion.core.paths import HOME_VARIABLE
from tests.benchmark_report import Report

ROUNDS = 7
FROZEN = Path(__file__).resolve().parents[2] / "dist" / "companion" / ("companion.exe" if os.name == "nt" else "companion")
SOURCE = (sys.executable, "-P", "-m", "companion")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, default=FROZEN)
    options, others = parser.parse_known_args()
    program = options.program.absolute()
    if not program.is_file():
        print(f"There is no frozen program “{program}”; python3 packaging/build.py frozen makes it.", file=sys.stderr)
        return 1
    report = Report("Start", others)
    ways = {"source": SOURCE, "frozen": (str(program),)}
    with tempfile.TemporaryDirectory() as place:
        homes = {name: Path(place) / name for name in ways}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS + 1):  # the first one fits the model to this computer, and is not counted
            for name, command in ways.items():
                times[name].append(_visit(command, homes[name]))
    frames, words = ({name: median(each[part] for each in times[name][1:]) for name in ways} for part in (0, 1))
    for name in ways:
        report.add(f"{name}_first_frame_seconds", frames[name], "s")
        report.add(f"{name}_first_word_seconds", words[name], "s")
    report.add("first_frame_over_source", frames["frozen"] / frames["source"], goal=1.3)
    report.add("first_word_over_source", words["frozen"] / words["source"], goal=1.3)
    return report.finish()


def _visit(command: tuple[str, ...], home: Path) -> tuple[float, float]:
    """Seconds from before the process was started to the first frame, and to her first word."""
    home.mkdir(exist_ok=True)
    surroundings = os.environ | {HOME_VARIABLE: str(home), "QT_QPA_PLATFORM": "offscreen"}
    began = time.perf_counter()
    words = [*command, "visit", str(home / "picture.png")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=surroundings) as process:
        assert process.stdout is not None
        times = []
        for word in ("painted", "word"):
            line = process.stdout.readline()
            times.append(time.perf_counter() - began)
            if line.strip() != word:
                raise SystemExit(f"{command[0]} said {line!r} instead of {word!r}.")
    return times[0], times[1]


if __name__ == "__main__":
    sys.exit(main())
