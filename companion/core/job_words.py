"""What happens in a job, told to a person: the same sentences in a terminal and in the window, one or a few lines per event."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from companion.core.amounts import bytes_text, counted, duration_text
from companion.core.job import (
    AdapterProven,
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
"""What a finished file is called."""
UNCERTAIN = "other programs were busy, so the speeds are uncertain"
_ONE = {"dialogues": "dialogue", "pairs": "pair", "judged replies": "judged reply"}
_METRICS: dict[str, Callable[[float], str]] = {
    "held_out_loss_before": "held-out loss {:.3f} before".format,
    "held_out_loss": "{:.3f} after".format,
    "teacher_loss": "{:.3f} the teacher’s".format,
    "divergence_before": "divergence from the teacher {:.3f} before".format,
    "preference_accuracy": "the better reply preferred in {:.0%} of held-out pairs".format,
    "reward_margin": "margin {:+.3f}".format,
    "held_out_bits_per_byte": "{:.3f} bits per byte".format,
    "bytes": bytes_text,
    "divergence": "divergence {:.3f}".format,
    "write_speed": "writes {:,.0f} tok/s".format,
    "steps": "step {:,.0f}".format,
    "seconds": lambda seconds: f"{duration_text(seconds)} of work",
    "tokens_per_second": "{:,.0f} tok/s".format,
    "peak_memory_bytes": lambda size: f"{bytes_text(size)} of memory at most" if size else "",
    "llama_cpp_loss": "checked: loss {:.3f} in llama.cpp".format,
    "torch_loss": "{:.3f} here".format,
    "bits_per_weight": "{:.3g} bits per weight".format,
    "suggestion": "learning rate {:.1e}".format,
}
"""How the numbers of a finished file are told, in this order; others are not."""


def sentences(event: JobEvent) -> list[str]:
    """The first line is the event itself, others add to it; nothing of an event that only moves a progress bar."""
    tell = _TOLD.get(type(event))
    return tell(event) if tell is not None else []


def metrics_sentence(metrics: Mapping[str, float]) -> str:
    """What is to be said of a finished file besides its name."""
    return ", ".join(filter(None, (tell(metrics[name]) for name, tell in _METRICS.items() if name in metrics)))


def data_sentence(event: DataReady) -> str:
    learned = counted(event.dialogues, _ONE.get(event.counted, event.counted), event.counted)
    return (
        f"{learned} to learn from, {event.held_out:,} held out; {event.tokens:,} tokens, "
        f"{event.supervised_tokens:,} of them learned."
    )


def plan_sentence(event: PlanMade) -> str:
    return (
        f"{counted(event.steps, 'step')} in about {duration_text(event.seconds)}, besides the measuring in between, and "
        f"{bytes_text(event.memory_bytes)} of memory ({event.device}, {event.weights} weights, {event.compute}, "
        f"{event.tokens_per_second:,.0f} tok/s, {event.micro_batch_tokens:,} at once)."
    )


def preference_words(accuracy: float | None, margin: float | None) -> list[str]:
    """Of a preference tuning: in how many pairs the better reply has gained more, and by how much."""
    if accuracy is None or margin is None:
        return []
    return [f"better preferred in {accuracy:.0%}", f"margin {margin:+.3f}"]


def part_sentence(event: PartMeasured) -> str:
    told = f"{event.title}: {event.subject}{f', {event.found}' if event.found else ''}"
    if event.before is not None and event.after is not None:
        told += f", held-out loss {event.before:.3f} → {event.after:.3f}"
    return f"{told} ({duration_text(event.seconds)})" if event.state == "done" else f"{told}, {event.state}: {event.why}"


def trouble_words(event: Trouble) -> str:
    """What goes wrong, and at which step of a training."""
    return f"Step {event.step:,}: {event.what}" if event.step else event.what


def build_sentences(event: BuildProven) -> list[str]:
    """What was measured of a build, with what was foreseen behind it."""
    found = event.proven
    mixture = ", ".join(f"{count} × {kind}" for kind, count in event.kinds.items())
    foreseen = f" (foreseen {event.foreseen_divergence:.4f})" if event.foreseen_divergence else ""
    writes = f" (foreseen {event.foreseen_write:,.0f})" if event.foreseen_write else ""
    return [
        f"{event.name}: {bytes_text(found.bytes)}, {found.bits_per_weight:.2f} bits per weight; {mixture}",
        f"divergence {found.divergence:.4f} nats per token{foreseen}, same likeliest word {found.same_top:.1%}, "
        f"perplexity {found.perplexity:.2f} instead of {found.source_perplexity:.2f}",
        f"writes {found.write:,.0f} tok/s{writes} instead of {found.source_write:,.0f}, reads {found.read:,.0f} instead of "
        f"{found.source_read:,.0f}{f'; {UNCERTAIN}' if found.is_disturbed else ''}",
    ]


def adapter_sentence(event: AdapterProven) -> str:
    return f"With the adapter “{event.name}”, which moves {event.effect:.4f}: divergence {event.divergence:.4f} nats per token"


def _evaluated(event: Evaluated) -> list[str]:
    best = ", the best so far" if event.best else ""
    more = preference_words(event.accuracy, event.margin)
    if event.divergence is not None:
        more.append(f"divergence from the teacher {event.divergence:.4f}")
    if event.chosen_loss is not None:
        more.append(f"loss of better replies {event.chosen_loss:.3f}")
    return [f"{'; '.join([f'Held-out loss after step {event.step:,}: {event.loss:.4f}{best}', *more])}."]


def _made(event: OutputWritten) -> list[str]:
    return [f"{MADE.get(event.kind, 'File')}: {event.file}", *filter(None, [metrics_sentence(event.metrics)])]


_TOLD: dict[type, Callable[..., list[str]]] = {
    JobStarted: lambda event: [f"Began again from step {event.resumed_step:,}." if event.resumed_step else "Began."],
    StageBegan: lambda event: [f"{event.sentence}."],
    DataReady: lambda event: [data_sentence(event), *event.left_out],
    PlanMade: lambda event: [plan_sentence(event), *event.sentences],
    Evaluated: _evaluated,
    PartMeasured: lambda event: [part_sentence(event)],
    BuildProven: build_sentences,
    AdapterProven: lambda event: [f"{adapter_sentence(event)}."],
    RateTried: lambda event: [f"Learning rate {event.learning_rate:.1e}: loss {event.loss:.4f}."],
    Trouble: lambda event: list(filter(None, [trouble_words(event), event.remedy])),
    CheckpointWritten: lambda event: [f"Checkpoint of step {event.step:,}."],
    OutputWritten: _made,
    JobEnded: lambda event: list(filter(None, [event.what, event.remedy])),
}
