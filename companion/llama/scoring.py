"""How likely a model finds given tokens, exactly: log-probabilities through llama.cpp, batch by batch in constant memory.

Perplexity is llama.cpp's own (tools/perplexity of the version that llama-cpp-python 0.3.36 ships): chunks of n_ctx tokens
that do not overlap, the first token of each replaced by BOS when the vocabulary adds one, the second half scored.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from companion.core.errors import DatasetError, EngineError
from companion.llama.batch import Batch
from companion.llama.context import Context
from companion.llama.vocabulary import Vocabulary

LOGITS_BYTES: Final = 128 << 20
"""What the logits of one batch may take; llama.cpp holds them twice while it computes."""
MOST_ROWS: Final = 256
"""The second half of a chunk of 512 tokens."""
BLOCK_BYTES: Final = 1 << 20
"""Of logits that one thread works on at a time, so that they stay in its cache."""

Tell = Callable[[float], None]
"""Called with the share that is done, 0 to 1; may raise to give up."""


class Run(NamedTuple):
    """Tokens of one sequence that follow each other, and what is asked after each of them."""

    tokens: Sequence[int]
    targets: Sequence[int]
    """The token whose probability is wanted after each of `tokens`; −1 asks nothing."""
    position: int = 0
    sequence: int = 0


class Rows(NamedTuple):
    """Logits (rows, vocabulary) float32, a view that the next decode overwrites, and what is asked of each row."""

    logits: NDArray[np.float32]
    targets: NDArray[np.int64]


class TextScore(NamedTuple):
    """Log-probabilities in nats of the scored tokens, (chunks, tokens per chunk) float64."""

    values: NDArray[np.float64]

    @property
    def loss(self) -> float:
        """Nats per token."""
        return float(-self.values.mean())

    @property
    def perplexity(self) -> float:
        return math.exp(self.loss)


def rows_at_once(vocabulary: int) -> int:
    """How many tokens of one batch may have logits, for `ContextOptions.outputs`."""
    return max(16, min(MOST_ROWS, LOGITS_BYTES // (4 * vocabulary)))


def score(context: Context, tokens: Sequence[int]) -> NDArray[np.float64]:
    """Log-probabilities in nats of tokens[1:], each given all before it, (len(tokens) − 1,); nothing is added.

    The context must have room for all tokens; what its cache held is dropped. Raises EngineError when llama.cpp cannot
    decode or the model computes what is no number.
    """
    with cleared(context):
        return log_probabilities(context, [Run(tokens[:-1], tokens[1:])])


def branches(
    context: Context, beginning: Sequence[int], endings: Sequence[Sequence[int]], *, tell: Tell = lambda share: None
) -> list[NDArray[np.float64]]:
    """Log-probabilities in nats of every token of each ending, (len(ending),), given the beginning, which is computed once.

    Without a beginning the first token of an ending has nothing before it and is left out. In a context of several
    sequences (`ContextOptions.sequences`) as many endings less one are computed side by side. Raises as `score`.
    """
    with cleared(context):
        memory = llama_cpp.llama_get_memory(context.pointer)
        before = _logits_after(context, beginning)
        found: list[NDArray[np.float64]] = []
        for group in _groups(endings, context.options.sequences - 1, context.size - len(beginning)):
            alone = context.options.sequences == 1
            runs = []
            for number, ending in enumerate(group, start=0 if alone else 1):
                if not alone and beginning:
                    llama_cpp.llama_memory_seq_cp(memory, 0, number, -1, -1)
                runs.append(Run(ending[:-1], ending[1:], len(beginning), number))
            values = log_probabilities(context, runs)
            for run, ending in zip(runs, group, strict=True):
                rest, values = values[: len(run.tokens)], values[len(run.tokens) :]
                first = _log_softmax_at(before, ending[:1]) if before is not None else rest[:0]
                found.append(np.concatenate([first, rest]))
                if not llama_cpp.llama_memory_seq_rm(memory, run.sequence, len(beginning) if alone else -1, -1):
                    context.clear()  # recurrent caches cannot be cut
                    _logits_after(context, beginning)
            tell(len(found) / len(endings))
        return found


def continuation(context: Context, beginning: Sequence[int], endings: Sequence[Sequence[int]]) -> list[float]:
    """The summed log-probability in nats of each ending after the beginning, as `branches`."""
    return [float(values.sum()) for values in branches(context, beginning, endings)]


def text_tokens(vocabulary: Vocabulary, text: str) -> list[int]:
    """Tokens of a plain text as llama.cpp's perplexity tool reads it: one line end at its end goes, BOS comes first when the
    vocabulary adds one, and nothing in it becomes a control token."""
    begin = [vocabulary.bos] if vocabulary.adds_bos else []
    return [*begin, *vocabulary.tokenize(text.removesuffix("\n"))]


def perplexity(context: Context, tokens: Sequence[int], *, chunk: int = 512, tell: Tell = lambda share: None) -> TextScore:
    """How likely the second half of every chunk is. Tokens that fill no chunk are left out.

    The context needs room for `chunk` tokens; with several sequences, for as many chunks as fit into a batch. Raises
    DatasetError when there are fewer than two chunks, else as `score`.
    """
    refuse_too_short(tokens, chunk)
    return TextScore(score_chunks(context, tokens, chunk, tell))


def score_chunks(context: Context, tokens: Sequence[int], chunk: int, tell: Tell) -> NDArray[np.float64]:
    """The values of `perplexity`, (chunks, tokens per chunk), of any number of chunks."""
    values: list[NDArray[np.float64]] = []
    chunks, scored, done = len(tokens) // chunk, chunk - 1 - chunk // 2, 0
    with Softmax(context.options.threads) as softmax, contextlib.closing(text_rows(context, tokens, chunk)) as parts:
        for rows in parts:
            values.append(softmax.log_probabilities(rows))
            done += len(rows.targets)
            tell(done / (chunks * scored))
    return np.concatenate(values).reshape(chunks, scored)


def refuse_too_short(tokens: Sequence[int], chunk: int) -> None:
    """Raises DatasetError, which says how many tokens are needed, unless there are two chunks."""
    if len(tokens) < 2 * chunk:
        raise DatasetError(
            f"The text has {len(tokens):,} tokens; perplexity in chunks of {chunk:,} needs at least {2 * chunk:,}.",
            "Take a longer text, or a smaller likelihood.context.",
        )


def text_rows(context: Context, tokens: Sequence[int], chunk: int) -> Generator[Rows, None, None]:
    """What perplexity asks of a text, part by part. Raises EngineError."""
    first, vocabulary = chunk // 2, context.model.vocabulary
    at_once = max(1, min(context.options.sequences, context.options.batch // chunk, context.size // chunk))

    def run(number: int, sequence: int) -> Run:
        part = list(tokens[number * chunk : (number + 1) * chunk])
        if vocabulary.adds_bos:
            part[0] = vocabulary.bos
        return Run(part[:-1], [-1] * first + part[first + 1 :], 0, sequence)

    chunks = len(tokens) // chunk
    with cleared(context):
        for start in range(0, chunks, at_once):
            context.clear()
            numbers = range(start, min(start + at_once, chunks))
            yield from decoded(context, [run(number, number - start) for number in numbers])


def log_probabilities(context: Context, runs: Iterable[Run]) -> NDArray[np.float64]:
    """Of all targets of all runs, in their order, in nats; the cache keeps what was read. Raises as `score`."""
    with Softmax(context.options.threads) as softmax:
        found = [softmax.log_probabilities(rows) for rows in decoded(context, runs)]
    return np.concatenate([np.empty(0), *found])


def decoded(context: Context, runs: Iterable[Run]) -> Iterator[Rows]:
    """Decode the runs in batches as full as may be, and give out the rows that are asked for."""
    with Batch(context) as batch:
        asked: list[NDArray[np.int64]] = []

        def rows() -> Rows:
            logits = batch.decode()
            targets = np.concatenate(asked)
            asked.clear()
            return Rows(logits, targets[targets >= 0])

        for run in runs:
            targets, at = np.asarray(run.targets, np.int64), 0
            while at < len(run.tokens):
                fits = _fitting(targets[at : at + batch.room()] >= 0, batch.most_rows - batch.rows)
                if not fits:
                    yield rows()
                    continue
                part = targets[at : at + fits]
                batch.add(run.tokens[at : at + fits], run.position + at, run.sequence, part >= 0)
                asked.append(part)
                at += fits
        if batch.count:
            yield rows()


class Softmax:
    """Softmax over whole rows on several threads: exponentials in float32, their sums in float64. A context manager."""

    def __init__(self, threads: int) -> None:
        self._threads = max(1, threads)
        self._pool = ThreadPoolExecutor(self._threads) if self._threads > 1 else None

    def __enter__(self) -> Softmax:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def log_probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """(rows,) of the targets, in nats. Raises EngineError when a logit is no number."""
        sums = self.by_blocks(log_sums, rows.logits)
        values: NDArray[np.float64] = rows.logits[np.arange(len(rows.targets)), rows.targets].astype(np.float64) - sums
        refuse_nonsense(values)
        return values

    def by_blocks(self, work: Callable[..., NDArray[np.float64]], *arrays: NDArray[Any]) -> NDArray[np.float64]:
        """`work` on a few rows of all arrays at a time, its results one after the other along their last axis."""
        count = len(arrays[0])
        size = max(1, BLOCK_BYTES // (4 * max(1, arrays[0].shape[-1])))
        parts = [tuple(array[start : start + size] for array in arrays) for start in range(0, count, size)] or [arrays]
        if self._pool is None or len(parts) == 1:
            found = [work(*part) for part in parts]
        else:
            found = list(self._pool.map(lambda part: work(*part), parts))
        return np.concatenate(found, axis=-1)


def log_sums(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """log Σ exp of each row of (rows, vocabulary), in float64 (rows,)."""
    with np.errstate(invalid="ignore"):  # what is no number is found by whoever looks at the result
        top = logits.max(axis=-1, keepdims=True)
        shifted = logits - top
        np.exp(shifted, out=shifted)
        found: NDArray[np.float64] = np.log(shifted.sum(axis=-1, dtype=np.float64)) + top[:, 0]
    return found


def refuse_nonsense(values: NDArray[np.float64]) -> None:
    """Raises EngineError unless all are numbers."""
    if not np.isfinite(values).all():
        raise EngineError(
            "The model computes nonsense: what should be a probability is no number.",
            "Choose another build of the model, or leave out its adapters.",
        )


@contextlib.contextmanager
def cleared(context: Context) -> Iterator[None]:
    """The cache is empty before and after, whatever happens."""
    context.clear()
    try:
        yield
    finally:
        context.clear()


def _fitting(wanted: NDArray[np.bool_], rows: int) -> int:
    """How many of these tokens may be added while no more than `rows` have logits."""
    return int(np.searchsorted(np.cumsum(wanted), rows, side="right"))


def _logits_after(context: Context, beginning: Sequence[int]) -> NDArray[np.float32] | None:
    """Read the beginning into sequence 0; the logits (1, vocabulary) after its last token, None when it is empty."""
    found = None
    targets = [-1] * (len(beginning) - 1) + [0] if beginning else []
    for rows in decoded(context, [Run(beginning, targets)]):
        if len(rows.targets):
            found = rows.logits.copy()
    return found


def _log_softmax_at(logits: NDArray[np.float32], targets: Sequence[int]) -> NDArray[np.float64]:
    """Log-probabilities of up to one target in one row of logits."""
    if not targets:
        return np.empty(0)
    values: NDArray[np.float64] = logits[:, targets[0]].astype(np.float64) - log_sums(logits)
    refuse_nonsense(values)
    return values


def _groups(endings: Sequence[Sequence[int]], most: int, room: int) -> Iterator[list[Sequence[int]]]:
    """Endings that have room side by side, in order; `room` in tokens."""
    group: list[Sequence[int]] = []
    size = 0
    for ending in endings:
        if group and (len(group) >= most or size + len(ending) > room):
            yield group
            group, size = [], 0
        group.append(ending)
        size += len(ending)
    if group:
        yield group
