"""What a job is resumed from: plain tensors and numbers in one file, there whole or not at all.

A file is written under another name, brought to the disk and renamed; the last two are kept, should one turn out damaged.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from companion.core.errors import JobError
from companion.core.job import Trouble
from companion.core.job_folder import JobFolder
from companion.workshop.training.steps import is_out_of_memory

FORM = 3
"""Grows when a checkpoint of before can no longer be read."""
KEPT = 2
"""Checkpoints that are kept: the newest, and the one before in case the newest is damaged on the disk."""
KINDS = ("step", "best", "unusable")
"""What the names of files begin with."""


class Checkpoint(NamedTuple):
    """The whole state after `step`; `counters` are numbers of the loop, `best_step` -1 when nothing was measured yet."""

    step: int
    weights: dict[str, Tensor]
    """What is trained, in float32, by name."""
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    counters: dict[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Raises OSError (disk full, read-only folder); nothing is left of the attempt then."""
    _save(path, {"form": FORM, **checkpoint._asdict()})


def load_checkpoint(path: Path) -> Checkpoint:
    """Raises JobError when the file is damaged or of another version. Executes nothing that stands in it."""
    read = _load(path)
    if read.get("form") != FORM or set(Checkpoint._fields) - set(read):
        raise JobError(f"The checkpoint “{path.name}” is of another version of Companion.", "Start the job anew.")
    return Checkpoint(**{field: read[field] for field in Checkpoint._fields})


def put_unusable_aside(job: JobFolder) -> list[Trouble]:
    """Rename checkpoints that cannot be resumed from, the newest first, until one can; what is to be said of each."""
    sentences: list[str] = []
    while (step := job.resumable_step()) >= 0:
        path = job.checkpoint_file(step)
        try:
            load_checkpoint(path)
            break
        except JobError as error:
            path.replace(path.with_name(f"unusable-{path.name}"))
            sentences.append(error.what)
    remedy = f"That of step {step:,} is taken instead." if step >= 0 else "There is no other, so it begins anew."
    return [Trouble(step=max(step, 0), kind="checkpoint", what=what, remedy=remedy) for what in sentences]


def best_file(folder: Path, step: int) -> Path:
    return folder / f"best-{step}.pt"


def save_best(folder: Path, step: int, loss: float, weights: dict[str, Tensor]) -> None:
    """Write these weights as the best so far; those of before stay until a checkpoint names the new ones. Raises OSError."""
    _save(best_file(folder, step), {"form": FORM, "step": step, "loss": loss, "weights": weights})


def load_best(folder: Path, step: int) -> dict[str, Tensor]:
    """The best weights as of `step`. Raises JobError when they are not there."""
    read: dict[str, Tensor] = _load(best_file(folder, step)).get("weights", {})
    return read


def forget_others(folder: Path, kind: str, kept: Iterable[Path] = ()) -> None:
    """Delete every checkpoint of a kind but those that are `kept`; what cannot be deleted does no harm."""
    for path in set(folder.glob(f"{kind}-*.pt")).difference(kept):
        with contextlib.suppress(OSError):
            path.unlink()


def forget_unfinished(folder: Path) -> None:
    """Delete what a kill left half-written."""
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            path.unlink()


def _save(path: Path, content: dict[str, Any]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            _write(content, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        _sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _write(content: dict[str, Any], file: io.BufferedWriter) -> None:
    """torch turns a full disk into a RuntimeError of its own: the OSError behind it is what callers expect."""
    try:
        torch.save(content, file)
    except RuntimeError as error:
        for cause in (error.__cause__, error.__context__):
            if isinstance(cause, OSError):
                raise cause from error
        raise


def _sync_folder(folder: Path) -> None:
    """The rename itself must survive a power cut too, where folders can be synced."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _load(path: Path) -> dict[str, Any]:
    damaged = JobError(f"The checkpoint “{path.name}” is damaged.", "Start the job anew.")
    try:
        with zipfile.ZipFile(path) as parts:  # torch compares no checksums: it would take numbers as the disk has spoilt them
            if parts.testzip() is not None:
                raise damaged
        read: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise JobError(f"The checkpoint “{path.name}” cannot be read ({error.strerror}).", "Start the job anew.") from error
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error, pickle.UnpicklingError) as error:
        if is_out_of_memory(error):
            raise
        raise damaged from error
    if not isinstance(read, dict):
        raise damaged
    return read
