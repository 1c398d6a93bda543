"""What quantizing and pruning tell of the model they made, in the same words and numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from companion.core.amounts import bytes_text
from companion.core.gguf.header import GGUFHeader
from companion.core.job import JobEnded, OutputWritten, Proven
from companion.core.job_words import UNCERTAIN
from companion.workshop.job import Job, Stopped


def ended_early(job: Job, stopped: Stopped, work: str, result: str) -> JobEnded:
    """The last word of work that keeps what it measured but has no result before its end; `work` such as “The pruning”."""
    if stopped.wish == "cancel":
        return JobEnded(state="cancelled", what=f"{work} was cancelled; no {result} was kept.")
    remedy = f"Go on with: companion jobs resume {job.folder.id}"
    return JobEnded(state="interrupted", what=f"{work} was paused; what is measured is kept.", remedy=remedy)


def kinds_of(model: GGUFHeader) -> dict[str, int]:
    """How many matrices have each type, the most frequent first."""
    return dict(Counter(tensor.type.name for tensor in model.tensors if len(tensor.shape) > 1).most_common())


def output_of(file: Path, proven: Proven) -> OutputWritten:
    metrics = {
        "bytes": float(proven.bytes),
        "bits_per_weight": proven.bits_per_weight,
        "divergence": proven.divergence,
        "write_speed": proven.write,
    }
    return OutputWritten(file=str(file), kind="model", metrics=metrics)


def gains(proven: Proven, source_bytes: int) -> str:
    """Size and speeds beside the source's; a part of a sentence."""
    size = f"{bytes_text(proven.bytes)} instead of {bytes_text(source_bytes)}"
    pace = f"writes {proven.write / proven.source_write:.2f} and reads {proven.read / proven.source_read:.2f} times as fast"
    doubt = f" ({UNCERTAIN})" if proven.is_disturbed else ""
    return f"{size}, {pace}{doubt}"
