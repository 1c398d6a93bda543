"""A job in a terminal: one line that moves while it works, lines that stay for what is worth keeping."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from companion.commands.printable import printable
from companion.core.amounts import bytes_text
from companion.core.job import (
    BuildProven,
    DataReady,
    Evaluated,
    JobEnded,
    JobEvent,
    OutputWritten,
    PartMeasured,
    PlanMade,
    RateTried,
    StageBegan,
    StageProgress,
    StepDone,
    Trouble,
)
from companion.core.job_folder import JobFolder
from companion.core.messages import encode
from companion.workshop.client import JobProcess

_ONE = {"dialogues": "dialogue", "pairs": "pair", "judged replies": "judged reply"}
QUIET_SECONDS = 5.0
"""Without a terminal a line about the steps is written at most this often."""
INTERRUPTED = 130
"""Exit status of a program that Ctrl-C ended, by the shells' convention."""


def run_job(job: JobFolder, *, as_json: bool, cancel: bool = False, show_end: bool = True) -> int:
    """Work on the job until it ends, showing what happens; returns the exit status. Raises JobError when it dies.

    Ctrl-C pauses it, a second one ends it by force. Without `show_end` its files and last word are left to the caller.
    """
    with JobProcess(job, cancel=cancel) as process, _interrupt_pauses(process):
        if as_json:
            for event in process.events():
                sys.stdout.write(encode(event).decode())
                sys.stdout.flush()
        else:
            console = Console(highlight=False)
            with _Shown(console) if console.is_terminal else _Written(console) as view:
                for event in process.events():
                    failed = isinstance(event, JobEnded) and event.state == "failed"  # which is told on stderr
                    if (show_end and not failed) or not isinstance(event, OutputWritten | JobEnded):
                        view.show(event)
        ended = process.ended
    if ended is None or ended.state == "failed":
        if ended is not None and (as_json or show_end):
            print(ended.what, ended.remedy, file=sys.stderr)
        return 1
    return INTERRUPTED if ended.state == "interrupted" else 0


@contextmanager
def _interrupt_pauses(process: JobProcess) -> Iterator[None]:
    asked = False

    def on_interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        (process.kill if asked else process.pause)()
        if not asked:
            print("\nPausing; press Ctrl-C again to end it at once.", file=sys.stderr)
        asked = True

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Written:
    """Plain lines, for pipes and files."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._spoke = 0.0

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def show(self, event: JobEvent) -> None:
        if isinstance(event, StepDone):
            self.step(event)
        elif isinstance(event, StageProgress):
            self.fraction(event.fraction)
        else:
            for line in lines(event):
                self.console.print(line)

    def step(self, event: StepDone) -> None:
        if time.monotonic() - self._spoke >= QUIET_SECONDS or event.step == event.steps:
            self._spoke = time.monotonic()
            self.console.print(f"step {event.step:,} of {event.steps:,}: {step_text(event)}")

    def fraction(self, fraction: float) -> None:
        pass


class _Shown(_Written):
    """A moving line at the bottom of a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[text]}"))
        self._progress = Progress(*columns, console=console, transient=True)
        self._task: TaskID = self._progress.add_task("", total=1.0, text="")

    def __enter__(self) -> _Shown:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def show(self, event: JobEvent) -> None:
        if isinstance(event, StageBegan):
            self._progress.update(self._task, description=escape(event.sentence), completed=0.0, text="")
            return
        if isinstance(event, Evaluated):
            self._progress.update(self._task, description="Learning")
        super().show(event)

    def step(self, event: StepDone) -> None:
        done = event.step / max(event.steps, 1)
        self._progress.update(self._task, description="Learning", completed=done, text=step_text(event))

    def fraction(self, fraction: float) -> None:
        self._progress.update(self._task, completed=fraction)


def step_text(event: StepDone) -> str:
    parts = [
        f"loss {event.loss:.3f}",
        *preferred(event.accuracy, event.margin),
        f"{event.tokens_per_second:,.0f} tok/s",
        f"{duration(event.seconds_left)} left",
    ]
    return " · ".join(parts)


def preferred(accuracy: float | None, margin: float | None) -> list[str]:
    """Of a preference tuning: in how many pairs the better reply has gained more, and by how much."""
    if accuracy is None or margin is None:
        return []
    return [f"better preferred in {accuracy:.0%}", f"margin {margin:+.3f}"]


def duration(seconds: float) -> str:
    """“45 s”, “3:05”, “2:04:31”."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def lines(event: JobEvent) -> list[str]:
    """What stays on the screen of an event, as rich markup."""
    if isinstance(event, StageBegan):
        return [escape(event.sentence)]
    if isinstance(event, DataReady):
        counted = _ONE.get(event.counted, event.counted) if event.dialogues == 1 else event.counted
        counts = f"{event.dialogues:,} {counted} to learn from, {event.held_out:,} held out; {event.tokens:,} tokens"
        return [f"{counts}, {event.supervised_tokens:,} of them learned.", *(f"  {escape(text)}" for text in event.left_out)]
    if isinstance(event, PlanMade):
        return plan_lines(event)
    if isinstance(event, Evaluated):
        best = " (best)" if event.best else ""
        said = [f"  {escape(_cut(s.prompt))} → [magenta]{escape(_cut(s.reply))}[/]" for s in event.samples]
        more = preferred(event.accuracy, event.margin)
        if event.divergence is not None:
            more.append(f"divergence from the teacher {event.divergence:.4f}")
        if event.chosen_loss is not None:
            more.append(f"loss of better replies {event.chosen_loss:.3f}")
        return [", ".join([f"step {event.step:,}: held-out loss {event.loss:.4f}{best}", *more]), *said]
    if isinstance(event, PartMeasured):
        return [_part_line(event)]
    if isinstance(event, BuildProven):
        return build_lines(event)
    if isinstance(event, RateTried):
        return [f"  learning rate {event.learning_rate:.1e}: loss {event.loss:.4f}"]
    if isinstance(event, Trouble):
        return [f"[yellow]step {event.step:,}: {escape(event.what)} {escape(event.remedy)}[/]"]
    if isinstance(event, OutputWritten):
        return [f"[green]{_KINDS[event.kind]}: {escape(event.file)}[/]", *_measured(event.metrics)]
    if isinstance(event, JobEnded):
        colour = {"done": "green", "failed": "red"}.get(event.state, "yellow")
        return [f"[{colour}]{escape(event.what)}[/]", *([escape(event.remedy)] if event.remedy else [])]
    return []


def _part_line(event: PartMeasured) -> str:
    named = f"{event.part} of {event.parts}: {_cut(event.subject)}: {_cut(event.title)}"
    if event.state == "done":
        return f"{escape(named)} [dim]({duration(event.seconds)})[/]"
    colour = "yellow" if event.state == "failed" else "dim"
    return f"{escape(named)} [{colour}]{event.state}: {escape(printable(event.why))}[/]"


def build_lines(event: BuildProven) -> list[str]:
    """What was measured of a build, with what was foreseen behind it."""
    found = event.proven
    mixture = ", ".join(f"{count} × {kind}" for kind, count in event.kinds.items())
    foreseen = f" (foreseen {event.foreseen_divergence:.4f})" if event.foreseen_divergence else ""
    writes = f" (foreseen {event.foreseen_write:,.0f})" if event.foreseen_write else ""
    return [
        f"{escape(event.name)}: {bytes_text(found.bytes)}, {found.bits_per_weight:.2f} bits per weight; {escape(mixture)}",
        f"  divergence {found.divergence:.4f} nats per token{foreseen}, same likeliest word {found.same_top:.1%}, "
        f"perplexity {found.perplexity:.2f} instead of {found.source_perplexity:.2f}",
        f"  writes {found.write:,.0f} tokens/s{writes} instead of {found.source_write:,.0f}, reads {found.read:,.0f} instead of "
        f"{found.source_read:,.0f}",
        *(
            f"  with the adapter “{escape(each.name)}”, which moves {each.effect:.4f}: divergence {each.divergence:.4f}"
            for each in found.adapters
        ),
    ]


def plan_lines(event: PlanMade) -> list[str]:
    speed = f"{event.tokens_per_second:,.0f} tokens/s, {event.micro_batch_tokens:,} at once"
    steps = f"{event.steps:,} steps in about {duration(event.seconds)}, besides the measuring in between"
    first = f"{steps}, {bytes_text(event.memory_bytes)} of memory"
    return [f"{first} ({event.device}, {event.weights} weights, {event.compute}, {speed}).", *map(escape, event.sentences)]


_KINDS = {"adapter": "Adapter", "model": "Model", "report": "Report", "picture": "Picture"}


_METRICS: dict[str, Callable[[float], str]] = {
    "held_out_loss_before": "held-out loss {:.3f} before".format,
    "held_out_loss": "{:.3f} after".format,
    "teacher_loss": "{:.3f} the teacher’s".format,
    "divergence_before": "divergence from the teacher {:.3f} before".format,
    "divergence": "divergence {:.3f} now".format,
    "preference_accuracy": "the better reply preferred in {:.0%} of held-out pairs".format,
    "reward_margin": "margin {:+.3f}".format,
    "held_out_bits_per_byte": "{:.3f} bits per byte".format,
    "steps": "step {:,.0f}".format,
    "seconds": lambda seconds: f"{duration(seconds)} of work",
    "tokens_per_second": "{:,.0f} tokens/s".format,
    "peak_memory_bytes": lambda size: f"{bytes_text(round(size))} of memory at most" if size else "",
    "llama_cpp_loss": "checked: loss {:.3f} in llama.cpp".format,
    "torch_loss": "{:.3f} here".format,
    "bits_per_weight": "{:.3g} bits per weight".format,
}
"""How the numbers of a finished file are told; others are not, being in a sentence already."""


def _measured(metrics: dict[str, float]) -> list[str]:
    parts = list(filter(None, (tell(metrics[name]) for name, tell in _METRICS.items() if name in metrics)))
    return [f"  [dim]{escape(', '.join(parts))}[/]"] if parts else []


def _cut(text: str, most: int = 160) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
