"""What happens in a job, told to a person: one line per event, and the numbers of what it made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from companion.core.amounts import bytes_text, duration_text
from companion.core.job import (
    BuildProven,
    CheckpointWritten,
    DataReady,
    Evaluated,
    JobEnded,
    JobEvent,
    JobStarted,
    OutputWritten,
    PartMeasured,
    PlanMade,
    RateTried,
    StageBegan,
    Trouble,
)

MADE = {"adapter": "Adapter", "model": "Model", "report": "Report", "picture": "Picture"}
METRICS: dict[str, Callable[[float], str]] = {
    "held_out_loss_before": "held-out loss {:.3f} before".format,
    "held_out_loss": "held-out loss {:.3f}".format,
    "preference_accuracy": "the better reply preferred in {:.0%} of held-out pairs".format,
    "held_out_bits_per_byte": "{:.3f} bits per byte".format,
    "steps": "step {:,.0f}".format,
    "seconds": lambda seconds: f"{duration_text(seconds)} of work",
    "tokens_per_second": "{:,.0f} tok/s".format,
    "peak_memory_bytes": lambda size: f"{bytes_text(size)} of memory at most" if size else "",
    "llama_cpp_loss": "checked in llama.cpp: loss {:.3f}".format,
    "bits_per_weight": "{:.3g} bits per weight".format,
    "suggestion": "learning rate {:.1e}".format,
}
"""How the numbers of a finished file are told; others are not."""


def when(seconds: float, now: datetime | None = None) -> str:
    """“today 14:03”, “yesterday 9:12”, “12 May 14:03”, “12 May 2025”; empty for 0."""
    if not seconds:
        return ""
    then, today = datetime.fromtimestamp(seconds), (now or datetime.now()).date()
    clock = f"{then.hour}:{then:%M}"
    if then.date() == today:
        return f"today {clock}"
    if then.date() == today - timedelta(days=1):
        return f"yesterday {clock}"
    day = f"{then.day} {then:%b}"
    return f"{day} {clock}" if then.year == today.year else f"{day} {then.year}"


def counted(count: int, one: str, many: str = "") -> str:
    """“1 dialogue”, “12 dialogues”."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def output_sentence(event: OutputWritten) -> str:
    """What is to be said of a finished file besides its name."""
    return ", ".join(filter(None, (tell(event.metrics[name]) for name, tell in METRICS.items() if name in event.metrics)))


def build_sentence(event: BuildProven) -> str:
    found = event.proven
    return (
        f"{event.name}: {bytes_text(found.bytes)}, {found.bits_per_weight:.2f} bits per weight, divergence "
        f"{found.divergence:.4f} nats per token, same likeliest word {found.same_top:.1%}, writes {found.write:,.0f} tok/s "
        f"instead of {found.source_write:,.0f}."
    )


def part_sentence(event: PartMeasured) -> str:
    told = f"{event.title}: {event.subject}"
    if event.state == "done":
        return f"{told} ({duration_text(event.seconds)})"
    return f"{told}, {event.state}: {event.why}"


def data_sentence(event: DataReady) -> str:
    return (
        f"{counted(event.dialogues, 'dialogue')} to learn from, {event.held_out:,} held out to measure with; "
        f"{event.tokens:,} tokens, {event.supervised_tokens:,} of them learned."
    )


def plan_sentence(event: PlanMade) -> str:
    return (
        f"{counted(event.steps, 'step')} in about {duration_text(event.seconds)} and {bytes_text(event.memory_bytes)} of "
        f"memory, at {event.tokens_per_second:,.0f} tok/s."
    )


def log_lines(event: JobEvent) -> list[str]:
    """An event in the log; one of a kind that is not known here is told by its name and its numbers."""
    clock = f"{datetime.fromtimestamp(event.time):%H:%M:%S}  "
    return [(clock if number == 0 else " " * len(clock)) + line for number, line in enumerate(_lines(event))]


def _lines(event: JobEvent) -> list[str]:
    tell = _TOLD.get(type(event))
    return tell(event) if tell is not None else [_unknown(event)]


def _began(event: JobStarted) -> list[str]:
    return [f"Began again from step {event.resumed_step:,}." if event.resumed_step else "Began."]


def _evaluated(event: Evaluated) -> list[str]:
    best = ", the best so far" if event.best else ""
    return [f"Held-out loss after step {event.step:,}: {event.loss:.4f}{best}."]


def _made(event: OutputWritten) -> list[str]:
    return [f"{MADE.get(event.kind, 'File')}: {event.file}", *filter(None, [output_sentence(event)])]


def _unknown(event: msgspec.Struct) -> str:
    told = (f"{name} {value}" for name in event.__struct_fields__ if isinstance(value := getattr(event, name), int | float | str))
    return f"{type(event).__name__}: {', '.join(part for part in told if not part.startswith('time '))}"


_TOLD: dict[type, Callable[..., list[str]]] = {
    JobStarted: _began,
    StageBegan: lambda event: [f"{event.sentence}."],
    DataReady: lambda event: [data_sentence(event), *event.left_out],
    PlanMade: lambda event: [plan_sentence(event), *event.sentences],
    Evaluated: _evaluated,
    PartMeasured: lambda event: [part_sentence(event)],
    BuildProven: lambda event: [build_sentence(event)],
    RateTried: lambda event: [f"Learning rate {event.learning_rate:.1e}: loss {event.loss:.4f}."],
    Trouble: lambda event: [f"Step {event.step:,}: {event.what}", event.remedy],
    CheckpointWritten: lambda event: [f"Checkpoint of step {event.step:,}."],
    OutputWritten: _made,
    JobEnded: lambda event: [event.what],
}
