"""What it costs to run her: speed by llama-bench's protocol, the wait for her first word, memory, size, energy.

Speeds are those of this machine while it was measured: compare only what was measured together.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from companion.core.gguf.header import read_header
from companion.core.report import Metric, Section, Table
from companion.core.sampling import Sampling
from companion.llama.context import ContextOptions
from companion.llama.memory import memory_need
from companion.llama.sampling import Sampler
from companion.llama.throughput import Timed, first_token, read_speed, write_speed
from companion.workshop.evaluation.energy import Counter, Energy, counters, measured
from companion.workshop.evaluation.family import Situation
from companion.workshop.evaluation.opened import Opened, prompt_tokens
from companion.workshop.training.machine_use import peak_memory

KEY: Final = "cost"
TITLE: Final = "Cost"
WAITED_PROMPTS: Final = 5
"""Real prompts whose first token is waited for."""
_CLEAR_PEAK: Final = Path("/proc/self/clear_refs")


class Runs(NamedTuple):
    """Repetitions of one measurement, and the energy of all of them together."""

    timed: tuple[Timed, ...]
    energy: Energy

    @property
    def speeds(self) -> list[float]:
        """Tokens per second."""
        return [run.speed for run in self.timed]

    @property
    def per_thousand(self) -> float | None:
        """Joules for 1,000 tokens."""
        return None if self.energy.joules is None else 1000 * self.energy.joules / sum(run.tokens for run in self.timed)


def measure(situation: Situation) -> Section:
    """Raises ModelError when there is no room for the context, EngineError when llama.cpp cannot go on."""
    options, opened = situation.recipe.cost, situation.opened
    trained = opened.model.trained_context_tokens or options.prompt_tokens
    prompt, reply = min(options.prompt_tokens, trained), min(options.reply_tokens, trained)
    _forget_peak()
    opened.model.library.log.clear()
    with counters() as (found, why), opened.context(max(prompt, reply)) as context:
        computing = opened.model.library.buffer_bytes("compute")
        reading = _repeated(lambda: read_speed(context, prompt), options.repetitions, found, why)
        situation.tell(0.4)
        writing = _repeated(lambda: write_speed(context, reply), options.repetitions, found, why)
        size = context.size
    situation.tell(0.8)
    waits = _waits(situation)
    situation.tell(1.0)
    return Section(
        key=KEY,
        title=TITLE,
        explained="What an answer takes on this machine.",
        metrics=(
            _speed(
                "prompt_speed", f"Reads (pp{prompt})", reading, f"Tokens of a prompt of {prompt:,} that she reads in a second."
            ),
            _speed("reply_speed", f"Writes (tg{reply})", writing, "Tokens of a reply written in a second."),
            _wait(waits),
            *_memory(opened, size, computing),
            _file_size(opened),
            _energy("prompt_energy", "Energy of reading", reading),
            _energy("reply_energy", "Energy of writing", writing),
        ),
        tables=(_runs({f"pp{prompt}": reading, f"tg{reply}": writing}),),
        notes=_notes(opened, writing.energy),
    )


def _repeated(work: Callable[[], Timed], times: int, found: Sequence[Counter], why: str) -> Runs:
    work()  # wakes threads and caches; llama-bench does the same

    def runs() -> tuple[Timed, ...]:
        return tuple(work() for _ in range(times))

    return Runs(*measured(runs, found, why))


def _waits(situation: Situation) -> list[Timed]:
    """Seconds to the first token of the replies to some real prompts, each from an empty cache."""
    opened, found = situation.opened, []
    prompts = [prompt_tokens(opened, p.dialogue.messages) for p in situation.material.prompts[:WAITED_PROMPTS]]
    if not prompts:
        return []
    with opened.context(max(map(len, prompts)) + 1) as context:
        for tokens in prompts:
            sampler = Sampler(opened.model.vocabulary, Sampling(seed=0), tokens)
            try:
                found.append(first_token(context, tokens, sampler))
            finally:
                sampler.close()
    return found


def _speed(name: str, title: str, runs: Runs, explained: str) -> Metric:
    """The median; a handful of runs on one machine says nothing about others, so there is no interval."""
    slowest, fastest = min(runs.speeds), max(runs.speeds)
    return Metric(
        key=f"{KEY}.{name}",
        title=title,
        value=statistics.median(runs.speeds),
        unit="tokens/s",
        better="higher",
        explained=f"{explained} The median of {len(runs.timed)} runs, from {slowest:,.1f} to {fastest:,.1f}.",
        count=len(runs.timed),
        units="runs",
    )


def _wait(waits: Sequence[Timed]) -> Metric:
    tokens = statistics.median(wait.tokens for wait in waits) if waits else 0
    return Metric(
        key=f"{KEY}.first_token",
        title="Wait for the first token",
        value=statistics.median(wait.seconds for wait in waits) if waits else None,
        unit="seconds",
        better="lower",
        explained=f"From a message of a new conversation to the first piece of her reply; prompts of about {tokens:,.0f} tokens.",
        why="" if waits else "There are no dialogues with words of a person. Name a dataset of dialogues.",
        count=len(waits),
        units="prompts",
    )


def _memory(opened: Opened, tokens: int, computing: int) -> list[Metric]:
    """`computing` is what llama.cpp said, 0 when it said nothing; the size of the cache follows from the header."""
    weights, need = opened.model.weight_bytes, memory_need(read_header(opened.path), ContextOptions(tokens))
    computing = computing or need.compute
    parts = f"weights {weights:,}, cache {need.kv_cache:,}, computing {computing:,}"
    return [
        Metric(
            key=f"{KEY}.memory",
            title="Memory of the model",
            value=float(weights + need.kv_cache + computing),
            unit="bytes",
            better="lower",
            explained=f"What llama.cpp sets aside with a context of {tokens:,} tokens: {parts} bytes.",
        ),
        Metric(
            key=f"{KEY}.peak_memory",
            title="Highest memory of the process",
            value=float(peak_memory()),
            unit="bytes",
            better="lower",
            explained="The most that the whole evaluation held while this was measured, its own libraries included.",
        ),
    ]


def _file_size(opened: Opened) -> Metric:
    header = read_header(opened.path)
    adapters = sum(adapter.path.stat().st_size for adapter in opened.adapters)
    return Metric(
        key=f"{KEY}.file_size",
        title="Size on disk",
        value=float(header.file_size + adapters),
        unit="bytes",
        better="lower",
        explained=f"The model's {len(header.parts)} file(s) and {len(opened.adapters)} adapter(s); "
        f"{header.bits_per_weight:.2f} bits per weight.",
    )


def _energy(name: str, title: str, runs: Runs) -> Metric:
    sources = " and ".join(runs.energy.sources)
    return Metric(
        key=f"{KEY}.{name}",
        title=title,
        value=runs.per_thousand,
        unit="joules per 1,000 tokens",
        better="lower",
        explained="What the processor and the graphics card took meanwhile, whatever else they did included"
        + (f"; told by {sources}." if sources else "."),
        why=runs.energy.why,
    )


def _runs(measurements: Mapping[str, Runs]) -> Table:
    rows = [
        (
            name,
            ", ".join(f"{speed:,.1f}" for speed in runs.speeds),
            f"{statistics.median(runs.speeds):,.1f}",
            f"{statistics.stdev(runs.speeds):,.1f}" if len(runs.timed) > 1 else "–",
        )
        for name, runs in measurements.items()
    ]
    return Table(
        title="Every run",
        header=("test", "tokens per second", "median", "standard deviation"),
        rows=tuple(rows),
        explained="As llama-bench names its tests: pp reads a prompt of so many tokens, tg writes so many one by one.",
    )


def _notes(opened: Opened, energy: Energy) -> tuple[str, ...]:
    found = [f"Measured with {opened.threads} threads; speeds of another machine or another moment are other speeds."]
    if energy.joules is not None and not any("processor" in source for source in energy.sources):
        found.append("The energy is that of the graphics card alone: the processor does not tell its own.")
    return tuple(found)


def _forget_peak() -> None:
    """Let the kernel count the highest memory anew, where it can (proc(5), clear_refs)."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            _CLEAR_PEAK.write_text("5", encoding="ascii")
