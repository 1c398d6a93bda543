"""A job in a terminal: one line that moves while it works, lines that stay for what is worth keeping."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from companion.commands.printable import printable
from companion.core.job import (
    CheckpointWritten,
    Evaluated,
    JobEnded,
    JobEvent,
    JobStarted,
    OutputWritten,
    PartMeasured,
    StageBegan,
    StageProgress,
    StepDone,
    Trouble,
)
from companion.core.job_folder import JobFolder
from companion.core.job_words import preference_words, sentences
from companion.core.messages import encode
from companion.workshop.client import JobProcess

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
            self.progress(event)
        else:
            for line in lines(event):
                self.console.print(line, soft_wrap=True)

    def step(self, event: StepDone) -> None:
        if time.monotonic() - self._spoke >= QUIET_SECONDS or event.step == event.steps:
            self._spoke = time.monotonic()
            self.console.print(f"step {event.step:,} of {event.steps:,}: {step_text(event)}")

    def progress(self, event: StageProgress) -> None:
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

    def progress(self, event: StageProgress) -> None:
        self._progress.update(self._task, completed=event.fraction)
        if event.seconds_left:
            self._progress.update(self._task, text=f"{duration(event.seconds_left)} left")


def step_text(event: StepDone) -> str:
    parts = [
        f"loss {event.loss:.3f}",
        *preference_words(event.accuracy, event.margin),
        f"{event.tokens_per_second:,.0f} tok/s",
        f"{duration(event.seconds_left)} left",
    ]
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """“45 s”, “3:05”, “2:04:31”."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def lines(event: JobEvent) -> list[str]:
    """What stays on the screen of an event, as rich markup."""
    if isinstance(event, JobStarted | CheckpointWritten):
        return []
    told = [escape(_cut(line)) for line in sentences(event)]
    if not told:
        return []
    if isinstance(event, JobEnded):
        colour = {"done": "green", "failed": "red"}.get(event.state, "yellow")
        return [f"[{colour}]{told[0]}[/]", *told[1:]]
    first, rest = told[0], [f"  {line}" for line in told[1:]]
    if isinstance(event, PartMeasured):
        first = f"{event.part} of {event.parts}: {first}"
        return [first if event.state == "done" else f"[yellow]{first}[/]"]
    if isinstance(event, Evaluated):
        return [first, *(f"  {escape(_cut(s.prompt, 160))} → [magenta]{escape(_cut(s.reply, 160))}[/]" for s in event.samples)]
    if isinstance(event, Trouble):
        return [f"[yellow]{first}[/]", *rest]
    if isinstance(event, OutputWritten):
        return [f"[green]{first}[/]", *(f"[dim]{line}[/]" for line in rest)]
    return [first, *rest]


def _cut(text: str, most: int = 1000) -> str:
    line = " ".join(printable(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
