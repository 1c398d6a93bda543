"""The ladder: ways to run a model, the fastest first. Each is checked in a child before the engine trusts it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from companion.core.errors import ModelError
from companion.core.hardware import usable_threads
from companion.core.messages import LoadOptions
from companion.core.other_load import HARMLESS, cores_of_others
from companion.core.processes import exit_sentence, worker_command
from companion.engine.check import CheckEvent, CheckFailed, CheckPassed, CheckProgress, CheckRequest
from companion.engine.watched import Watched
from companion.llama.library import build_description, supports_gpu
from companion.llama.measure import thread_candidates
from companion.llama.plan import Plan, plan_file, remember, remembered

HANG_SECONDS = 120.0
"""A check that reports nothing for so long hangs."""
MEASURE_SECONDS = 6.0
LOOK_SECONDS = 0.3
"""How long it is looked whether other programs are busy, before a provisional plan is made again."""

Report = Callable[[str, float], None]


class Rung(NamedTuple):
    name: str
    words: str
    gpu_layers: int
    extra_buffers: bool


def rungs(layers: int, options: LoadOptions) -> list[Rung]:
    """The ladder for a model of `layers` layers; `options.gpu_layers` of 0 leaves the GPU out."""
    plain = [Rung("cpu", "on the CPU", 0, True), Rung("cpu-plain", "on the CPU without repacking", 0, False)]
    if not supports_gpu() or options.gpu_layers == 0:
        return plain
    wanted = options.gpu_layers if options.gpu_layers is not None else -1
    half = max(1, (layers if wanted < 0 else wanted) // 2)
    return [Rung("gpu", "on the GPU", wanted, True), Rung("gpu-half", "half on the GPU", half, True), *plain]


class Ladder:
    """Finds, and remembers, the best rung that works. `stop` ends a check under way, from any thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()
        self._used: set[Path] = set()
        """Plans that were made here: a provisional one among them is not made again before the next start."""

    def stop(self) -> None:
        """End the check under way and refuse others until `resume`."""
        self._stopped.set()
        if (child := self._child) is not None:
            child.kill()

    def resume(self) -> None:
        self._stopped.clear()

    def plan(self, path: Path, layers: int, options: LoadOptions, avoid: Sequence[str], report: Report) -> Plan:
        """The remembered plan, or a new one; rungs in `avoid` crashed later than in their check. One that was measured while
        other programs were busy is made again when it is quiet at a start.

        Raises ModelError when no rung works. `report` gets a stage ("checking", "measuring") and 0 to 1.
        """
        file = plan_file(path, options.gpu_layers)
        ladder = rungs(layers, options)
        plan = remembered(file)
        if (
            plan is not None
            and plan.rung not in avoid
            and any((r.name, r.gpu_layers) == (plan.rung, plan.gpu_layers) for r in ladder)
            and (not plan.is_provisional or file in self._used or cores_of_others(LOOK_SECONDS) > HARMLESS)
        ):
            return plan
        failed = []
        for rung in ladder:
            if rung.name in avoid:
                failed.append(f"{rung.words[0].upper()}{rung.words[1:]} it crashed while answering.")
                continue
            result = self._check(path, rung, report)
            if self._stopped.is_set():
                raise ModelError("Loading was stopped.")
            if isinstance(result, CheckPassed):
                plan = Plan(
                    model=path.name,
                    file_bytes=path.stat().st_size,
                    build=build_description(),
                    rung=rung.name,
                    gpu_layers=rung.gpu_layers,
                    extra_buffers=rung.extra_buffers,
                    health=result.health,
                    failed=tuple(failed),
                    measurement=result.measurement,
                    is_provisional=result.measurement.was_disturbed,
                )
                self._used.add(file)
                try:
                    remember(file, plan)
                except OSError:
                    failed.append("The measurement could not be saved and will be made again.")
                return plan
            failed.append(f"{rung.words[0].upper()}{rung.words[1:]}: {result.what}")
        raise ModelError(
            f"“{path.name}” does not run on this computer. {' '.join(failed)}",
            "Choose another model; the file may be damaged or made for a newer version.",
        )

    def _check(self, path: Path, rung: Rung, report: Report) -> CheckPassed | CheckFailed:
        compare = rung.name != "cpu-plain"
        result, stage = self._run(path, rung, compare=compare, report=report)
        if stage == "reference" and isinstance(result, CheckFailed):  # the plain path failed: it proves nothing about this one
            result, _ = self._run(path, rung, compare=False, report=report)
        return result

    def _run(self, path: Path, rung: Rung, *, compare: bool, report: Report) -> tuple[CheckPassed | CheckFailed, str]:
        """One check process, and the stage in which it ended."""
        request = CheckRequest(
            path=str(path),
            gpu_layers=rung.gpu_layers,
            extra_buffers=rung.extra_buffers,
            threads=tuple(thread_candidates(usable_threads())),
            compare=compare,
            budget=MEASURE_SECONDS,
        )
        command = worker_command("check", msgspec.json.encode(request).decode())
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None) as child:
            self._child = child
            if self._stopped.is_set():
                child.kill()
            try:
                return self._follow(child, compare=compare, report=report)
            finally:
                self._child = None
                child.kill()

    def _follow(self, child: subprocess.Popen[bytes], *, compare: bool, report: Report) -> tuple[CheckPassed | CheckFailed, str]:
        stage, watched = "reference" if compare else "candidate", Watched(child, HANG_SECONDS)
        for line in watched.lines():
            event = msgspec.json.decode(line, type=CheckEvent)
            if not isinstance(event, CheckProgress):
                return event, stage
            stage = event.stage
            share = {"reference": 0.0, "candidate": 0.5, "measuring": 0.0}[stage]
            report(
                "measuring" if stage == "measuring" else "checking",
                event.fraction if stage == "measuring" else share + event.fraction / 2,
            )
        if watched.hung:
            return CheckFailed(what="llama.cpp stopped responding."), stage
        return CheckFailed(what=exit_sentence("the test run", child.wait())), stage
