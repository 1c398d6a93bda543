"""A batch as the layers see it: what its dialogues begin with is there once, and their lengths are round.

Dialogues with one character all begin with her card, which is often longer than what follows. Its keys and values are
the same in each of them, so it is computed once, and all dialogues look at it. Neighbours that have more in common, as two
replies to the same words, have that computed once as well, behind the card.

oneDNN builds and keeps a kernel per shape of a product. With the lengths as they come, fifty steps on two cores kept
900 MB of kernels and scratch and spent a tenth of the time on building them. Tokens added at the end of a dialogue change
nothing before them, as attention only looks back; they cost 8 tokens per dialogue on average.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from companion.workshop.data.batch import Batch
from companion.workshop.nn.attention import Span

MULTIPLE = 16
SHARE = 16
"""A row is stretched by one part in so many at most, so that rows of all lengths meet some 16 shapes per doubling."""
SHORTEST_SHARED = 64
"""A shorter common beginning is not worth the copying of its keys."""


class Aligned(NamedTuple):
    """Tensors lie where the batch's do."""

    tokens: Tensor
    positions: Tensor
    starts: tuple[int, ...]
    """Of the shared beginning, if there is one, and of what is left of each dialogue, with what neighbours share before
    them; the last entry is the length."""
    before: tuple[tuple[Span, ...], ...]
    """What each of these stretches sees of the row before itself."""
    shared: int
    """Tokens that all dialogues begin with, at the beginning of the row."""
    lengths: tuple[int, ...]
    """Of the dialogues before they were stretched; those of whom nothing is wanted are left out."""
    rows: Tensor
    """Where the wanted rows are now, stretched to a round number by repeating the first."""
    wanted: int
    """How many of `rows` are wanted."""


class _Dialogue(NamedTuple):
    start: int
    length: int
    """Up to its last wanted row."""
    wanted: list[int]
    """Its wanted rows, counted from `start`."""


def aligned(batch: Batch, rows: Tensor | None, *, share: bool) -> Aligned:
    """`rows`, ascending, are wanted; None wants all. What follows the last wanted row of a dialogue is not computed."""
    device = batch.tokens.device
    dialogues = _dialogues(batch, list(range(batch.starts[-1])) if rows is None else rows.tolist())
    shared = _common_beginning(batch.tokens, dialogues) if share else 0
    first = dialogues[0].start
    index = list(range(first, first + shared))
    starts = [0, shared] if shared else [0]
    before: list[tuple[Span, ...]] = [()] if shared else []
    root: tuple[Span, ...] = ((0, shared),) if shared else ()
    moved: list[int] = []
    for neighbours in _neighbours(batch.tokens, dialogues, shared) if share else [dialogues]:
        common, seen = shared, root
        if share and len(neighbours) > 1:
            common = _common_beginning(batch.tokens, neighbours)
            seen = (*root, (len(index), len(index) + common - shared))
            index += range(neighbours[0].start + shared, neighbours[0].start + common)
            starts.append(len(index))
            before.append(root)
        for dialogue in neighbours:
            moved += [row - common + len(index) for row in dialogue.wanted]
            index += range(dialogue.start + common, dialogue.start + dialogue.length)
            index += [dialogue.start] * (-len(index) % MULTIPLE)
            starts.append(len(index))
            before.append(seen)
    index += [first] * (-len(index) % _step(len(index)))
    starts[-1] = len(index)
    moved += moved[:1] * (-len(moved) % _step(len(moved)))
    taken = torch.tensor(index, device=device)
    return Aligned(
        batch.tokens[taken],
        batch.positions[taken],
        tuple(starts),
        tuple(before),
        shared,
        tuple(dialogue.length for dialogue in dialogues),
        torch.tensor(moved, device=device),
        sum(len(dialogue.wanted) for dialogue in dialogues),
    )


def _step(length: int) -> int:
    """What a row of `length` is rounded up to: a power of two, at least `MULTIPLE`, at most a `SHARE` of it."""
    return int(max(MULTIPLE, 2 ** (max(length // SHARE, 1).bit_length() - 1)))


def _dialogues(batch: Batch, wanted: list[int]) -> list[_Dialogue]:
    found = []
    at = 0
    for start, end in pairwise(batch.starts):
        after = at
        while after < len(wanted) and wanted[after] < end:
            after += 1
        if after > at:
            found.append(_Dialogue(start, wanted[after - 1] + 1 - start, [row - start for row in wanted[at:after]]))
        at = after
    return found


def _neighbours(tokens: Tensor, dialogues: list[_Dialogue], shared: int) -> list[list[_Dialogue]]:
    """Runs of dialogues that have more in common than the `shared` tokens of all; one that has not stands alone."""
    runs = [dialogues[:1]]
    for dialogue in dialogues[1:]:
        alike = len(dialogues) > 2 and _common_beginning(tokens, [*runs[-1], dialogue]) >= shared + SHORTEST_SHARED
        if alike:
            runs[-1].append(dialogue)
        else:
            runs.append([dialogue])
    return runs


def _common_beginning(tokens: Tensor, dialogues: list[_Dialogue]) -> int:
    """How many tokens, a round number, all dialogues begin with before the first wanted row of any."""
    most = min(dialogue.wanted[0] for dialogue in dialogues)
    if len(dialogues) < 2 or most < SHORTEST_SHARED:
        return 0
    beginnings = torch.stack([tokens[dialogue.start : dialogue.start + most] for dialogue in dialogues])
    same = int((beginnings == beginnings[0]).all(0).cumprod(0).sum())
    return same - same % MULTIPLE if same >= SHORTEST_SHARED else 0
