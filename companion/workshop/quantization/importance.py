"""What matters in a model: how large the inputs of every matrix are on real text, and how much its outputs weigh.

A weight w_ij of y = W x adds w_ij x_j to y_i. When rounding changes it by d_ij, the Kullback–Leibler divergence
of the next word's chances grows, to second order, by ½ Σ_ij E[g_i²] d_ij² E[x_j²]: g is the gradient of the log-probability of a
word that the model itself draws, so that E[g gᵀ] is the Fisher matrix (Amari 1998; Martens 2020, arXiv:1412.1193), here with
its diagonal only.

Importance files are llama.cpp's: a GGUF of `general.type` "imatrix" with the sums of x² as `<tensor>.in_sum2`, and
`<tensor>.counts`. Ours hold those of g² as `<tensor>.out_sum2` too, which its tools pass over (common/imatrix-loader.cpp).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.core.gguf.types import TYPES_BY_NAME
from companion.llama.scoring import Tell
from companion.workshop.data.batch import Example, pack
from companion.workshop.export.gguf_file import PlannedTensor, encoded, write_gguf
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.linear import Linear, Watcher
from companion.workshop.nn.losses import CHUNK_BYTES
from companion.workshop.nn.weights import GGUFWeights

Floats = NDArray[np.float32]


class Importance(NamedTuple):
    """Of one matrix."""

    inputs: Floats
    """E[x²] of each column, (in,)."""
    outputs: Floats
    """E[g²] of each row, (out,); ones when it came from a file of llama.cpp's tools, which do not know it."""
    tokens: int


def measure_importance(decoder: Decoder, examples: Sequence[Example], *, seed: int, tell: Tell) -> dict[str, Importance]:
    """Of every matrix by its name in the file, over all tokens of `examples`; the output matrix may be the token table as well.

    Of a table of its own, `inputs` are the squared gradients of its columns and `outputs` how often each row is read: the
    product is what counts, and it is the same.
    """
    sums: dict[str, _Sums] = {}

    def watch(linear: Linear, x: Tensor, dy: Tensor) -> None:
        squares = x.float().square().sum(0)
        gradients = dy.float().square().sum(0)
        at = 0
        for span in linear.spans:
            sums.setdefault(span.name, _Sums()).add(squares, gradients[at : at + span.rows], len(x))
            at += span.rows

    def watch_table(tokens: Tensor, gradient: Tensor) -> None:
        """A row of the table matters as often as its token comes up, a column as much as the gradient there is."""
        counts = torch.bincount(tokens, minlength=decoder.config.vocabulary)
        sums.setdefault(table, _Sums()).add(gradient.float().square().sum(0), counts, len(tokens))

    table = decoder.embedding_table.spans[0].name
    tied = table == decoder.head.linear.spans[0].name
    watch_drawn_words(decoder, examples, watch, None if tied else watch_table, seed=seed, tell=tell)
    return {name: each.mean() for name, each in sums.items()}


def watch_drawn_words(
    decoder: Decoder,
    examples: Sequence[Example],
    watch: Watcher,
    watch_table: Callable[[Tensor, Tensor], None] | None = None,
    *,
    seed: int,
    tell: Tell,
) -> None:
    """Show `watch` what goes into every matrix, and the gradients of what comes out of −log p of words that the model draws."""
    generator = torch.Generator(decoder.device).manual_seed(seed)
    decoder.watch(watch, watch_table or (lambda tokens, gradient: None))  # without one there would be no graph
    try:
        done, whole = 0, sum(len(example.tokens) for example in examples)
        for example in examples:
            batch = pack([Example(example.tokens, [False, *[True] * (len(example.tokens) - 1)])]).to(decoder.device)
            with torch.enable_grad():
                hidden = decoder.hidden(batch, rows=batch.rows)
            with torch.no_grad():
                gradient = _of_drawn_words(decoder, hidden.detach(), generator, watch)
            hidden.backward(gradient)  # type: ignore[no-untyped-call]
            done += len(example.tokens)
            tell(done / whole)
    finally:
        decoder.watch(None)


def _of_drawn_words(decoder: Decoder, hidden: Tensor, generator: torch.Generator, watch: Watcher) -> Tensor:
    """The gradient with respect to `hidden` of −log p of one word per row, drawn from p; the head is watched as well."""
    head = decoder.head
    weight = head.dense()
    rows = max(1, CHUNK_BYTES // (4 * weight.shape[0]))
    gradient = torch.empty_like(hidden)
    for at in range(0, len(hidden), rows):
        part = hidden[at : at + rows]
        logits = head.logits(part, weight)
        slope = 1 - (logits / head.cap).square() if head.cap else None
        chances = torch.softmax(logits, -1)
        drawn = torch.multinomial(chances, 1, generator=generator)
        chances.scatter_add_(1, drawn, torch.full_like(drawn, -1.0, dtype=chances.dtype))
        if slope is not None:
            chances *= slope
        watch(head.linear, part, chances)
        torch.mm(chances.to(part.dtype), weight, out=gradient[at : at + rows])
    return gradient


class _Sums:
    def __init__(self) -> None:
        self.inputs: Tensor | None = None
        self.outputs: Tensor | None = None
        self.tokens = 0

    def add(self, inputs: Tensor, outputs: Tensor, tokens: int) -> None:
        self.inputs = inputs.double() if self.inputs is None else self.inputs.add_(inputs)
        self.outputs = outputs.double() if self.outputs is None else self.outputs.add_(outputs)
        self.tokens += tokens

    def mean(self) -> Importance:
        if self.inputs is None or self.outputs is None:
            raise ValueError("nothing was added")
        inputs, outputs = (np.asarray((each / self.tokens).cpu(), np.float32) for each in (self.inputs, self.outputs))
        return Importance(inputs, outputs, self.tokens)


IMATRIX: Final = "imatrix"
OUTPUTS: Final = ".out_sum2"


def write_importance(path: Path, found: Mapping[str, Importance], *, datasets: Sequence[str], chunk: int) -> None:
    """An importance file that llama.cpp's tools read. Raises WorkshopError."""
    tokens = max((each.tokens for each in found.values()), default=0)
    pairs = [
        encoded("general.type", IMATRIX),
        encoded("imatrix.datasets", list(datasets)),
        encoded("imatrix.chunk_count", max(1, tokens // chunk)),
        encoded("imatrix.chunk_size", chunk),
    ]
    planned = []
    for name, each in found.items():
        counts = np.array([each.tokens], np.float32)
        for suffix, means in ((".in_sum2", each.inputs), (OUTPUTS, each.outputs)):
            sums = (means.astype(np.float64) * each.tokens).astype(np.float32)
            planned.append(_planned(f"{name}{suffix}", (len(sums), 1), sums))
        planned.append(_planned(f"{name}.counts", (1, 1), counts))
    write_gguf(path, pairs, planned)


def read_importance(path: Path, shapes: Mapping[str, tuple[int, int]]) -> dict[str, Importance]:
    """The matrices of `shapes` (out, in) that an importance file knows; those of experts are left out.

    Raises ModelError for what is no such file, or one of another model.
    """
    header = read_header(path, chat_model=False)
    if header.text("general.type") != IMATRIX:
        raise ModelError(f"“{path.name}” is no importance file.", "Choose one that llama-imatrix or Companion has written.")
    weights = GGUFWeights(header)
    found: dict[str, Importance] = {}
    for name, (rows, columns) in shapes.items():
        if f"{name}.in_sum2" not in weights or f"{name}.counts" not in weights:
            continue
        sums = weights.packed(f"{name}.in_sum2").dense(torch.float32).flatten().numpy()
        counts = weights.packed(f"{name}.counts").dense(torch.float32).flatten().numpy()
        if len(sums) != columns or len(counts) != 1:
            what = f"“{path.name}” was measured on another model: its “{name}” has {len(sums):,} columns instead of {columns:,}."
            raise ModelError(what, "Choose the importance file of this model, or leave it out.")
        if not (np.isfinite(sums).all() and (sums >= 0).all() and counts[0] > 0):
            raise ModelError(f"“{path.name}” is damaged: “{name}” holds numbers that are none.", "Measure it again.")
        outputs = np.ones(rows, np.float32)
        if f"{name}{OUTPUTS}" in weights:
            outputs = weights.packed(f"{name}{OUTPUTS}").dense(torch.float32).flatten().numpy() / counts[0]
        found[name] = Importance(sums / counts[0], outputs, int(counts[0]))
    if not found:
        raise ModelError(f"“{path.name}” was measured on another model: it knows none of its matrices.", "Leave it out.")
    return found


def _planned(name: str, shape: tuple[int, ...], values: Floats) -> PlannedTensor:
    return PlannedTensor(name, shape, TYPES_BY_NAME["F32"], lambda: [values])
