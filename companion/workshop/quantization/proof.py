"""What a finished build is worth, through llama.cpp: how far its words are from the source's, how fast it is, how large."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from companion.core.errors import DatasetError
from companion.core.gguf.header import read_header
from companion.core.job import AdapterProven, Proven
from companion.core.other_load import OtherLoad
from companion.llama.adapter import Adapters, Scaled
from companion.llama.context import Context, ContextOptions
from companion.llama.divergence import Divergence, divergence, divergences
from companion.llama.library import Library
from companion.llama.model import Model
from companion.llama.scoring import Tell, TextScore
from companion.llama.throughput import read_speed, write_speed
from companion.workshop.quantization.calibration import CHUNK, Texts
from companion.workshop.quantization.speed import Pace

LEAST: Final = 2
"""Chunks of text that can be measured on."""
READ_TOKENS: Final = 512
WRITE_TOKENS: Final = 64
REPEATS: Final = 3


def prove(library: Library, source: Path, build: Path, texts: Texts, tokens: int, threads: int, tell: Tell) -> Proven:
    """Raises ModelError, EngineError, and DatasetError when there is too little text."""
    parts = _parts(texts, tokens)
    with ExitStack() as stack:
        models = [stack.enter_context(Model(library, path)) for path in (source, build)]
        found: list[Divergence] = []
        for number, part in enumerate(parts):
            told = partial(_told, tell, number, len(parts))
            with contexts(models, CHUNK, threads) as (theirs, ours):
                found.append(divergence(theirs, ours, part, chunk=CHUNK, tell=told))
        others = OtherLoad()
        paces = measured_paces(models, threads)
        other_cores = others.cores()
    tell(1.0)
    header = read_header(build)
    means = [float(each.kl.mean()) for each in found]
    return Proven(
        bytes=header.file_size,
        bits_per_weight=8 * sum(tensor.size for tensor in header.tensors) / header.parameters,
        divergence=statistics.fmean(means),
        dialogues=means[0],
        general=means[-1],
        same_top=float(np.mean([each.same_top.mean() for each in found])),
        perplexity=TextScore(found[-1].candidate).perplexity,
        source_perplexity=TextScore(found[-1].reference).perplexity,
        read=paces[1].read,
        write=paces[1].write,
        source_read=paces[0].read,
        source_write=paces[0].write,
        other_cores=round(other_cores, 2),
    )


def prove_adapter(
    library: Library, source: Path, build: Path, adapter: Scaled, texts: Texts, tokens: int, threads: int, tell: Tell
) -> AdapterProven:
    """A build takes its source's adapters, as its matrices have the same shapes; whether they still do the same is measured.
    Raises as `prove`."""
    with ExitStack() as stack:
        before, after = (stack.enter_context(Model(library, path)) for path in (source, build))
        bare, theirs, ours = stack.enter_context(contexts([before, before, after], CHUNK, threads))
        for context in (theirs, ours):
            stack.enter_context(closing(Adapters(context))).put([adapter])
        dialogues = _parts(texts, tokens)[0]
        effect, rest = divergences(theirs, [bare, ours], dialogues, chunk=CHUNK, tell=tell)
    return AdapterProven(name=adapter.path.stem, effect=float(effect.kl.mean()), divergence=float(rest.kl.mean()))


def _parts(texts: Texts, tokens: int) -> list[list[int]]:
    """Of dialogues and of general text, half of the tokens each, in whole chunks."""
    half = max(LEAST, tokens // 2 // CHUNK) * CHUNK
    parts = [part[: min(half, len(part) // CHUNK * CHUNK)] for part in (texts.dialogues, texts.general)]
    parts = [part for part in parts if len(part) >= LEAST * CHUNK]
    if not parts:
        raise DatasetError(
            f"Fewer than {LEAST * CHUNK:,} tokens are held out, too few to measure on.", "Name more dialogues with --data."
        )
    return parts


def _told(tell: Tell, number: int, count: int, done: float) -> None:
    tell(0.8 * (number + done) / count)


@contextmanager
def contexts(models: Sequence[Model], tokens: int, threads: int) -> Iterator[list[Context]]:
    """One of this size for each model."""
    options = ContextOptions(tokens, threads, batch=min(512, tokens))
    with ExitStack() as stack:
        yield [stack.enter_context(Context(model, options)) for model in models]


def measured_paces(models: Sequence[Model], threads: int, tell: Tell = lambda _share: None) -> list[Pace]:
    """Tokens per second of each, measured by turns: a machine that becomes busy does so for all."""
    reads: list[list[float]] = [[] for _ in models]
    writes: list[list[float]] = [[] for _ in models]
    with contexts(models, READ_TOKENS, threads) as opened:
        for context in opened:
            read_speed(context, 64)  # wakes threads and caches
        for repeat in range(REPEATS):
            tell(repeat / REPEATS)
            for number, context in enumerate(opened):
                reads[number].append(read_speed(context, READ_TOKENS).speed)
                writes[number].append(write_speed(context, WRITE_TOKENS).speed)
    return [Pace(statistics.median(read), statistics.median(write)) for read, write in zip(reads, writes, strict=True)]
