"""A teacher beside its student: the chances and the hidden states that are taken over from it (knowledge distillation)."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from companion.core.recipes.distill import Distillation
from companion.workshop.data.batch import Batch
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.gradients import accumulate
from companion.workshop.nn.losses import chunk_rows, divergence

_SEED = 1
"""A frozen decoder draws nothing; naming a seed leaves the program's chance alone."""


class Lesson(NamedTuple):
    """What the teacher makes of the supervised rows of one batch, without a graph."""

    hidden: Tensor
    """(rows, width of the teacher), normed."""
    states: dict[int, Tensor]
    """(rows, width of the teacher) of its matched layers."""


class Apart(NamedTuple):
    """Sums over supervised tokens, in nats: both plain cross-entropies and KL(teacher ‖ student) at temperature 1."""

    loss: float
    teacher_loss: float
    divergence: float
    tokens: int


class Teacher:
    """A frozen decoder with the student's vocabulary, and how much of it is taken over.

    Every layer of the student is matched with one of the teacher's, evenly spread and last with last, as in TinyBERT (Jiao et
    al. 2019, arXiv:1909.10351), at supervised tokens. Where the widths differ, a matrix per layer, learned along, turns the
    student's states into the teacher's room.
    """

    def __init__(self, decoder: Decoder, options: Distillation, student: DecoderConfig, seed: int) -> None:
        self.decoder, self.options = decoder.eval(), options
        self.pairs: dict[int, int] = matched_layers(student.layers, decoder.config.layers) if options.hidden else {}
        """Which of the teacher's layers each of the student's is to be like."""
        self.maps: dict[int, nn.Parameter] = {}
        if student.width != decoder.config.width:
            generator = torch.Generator().manual_seed(seed)
            shape = (decoder.config.width, student.width)
            for layer in self.pairs:
                values = torch.empty(shape).normal_(0, student.width**-0.5, generator=generator)
                self.maps[layer] = nn.Parameter(values.to(decoder.device))

    def trainable(self) -> dict[str, nn.Parameter]:
        """What is learned beside the student and not kept."""
        return {f"distillation.map.{layer}": matrix for layer, matrix in self.maps.items()}

    def lanes(self, student: Decoder) -> int:
        """How many dialogues are best computed at once: each lane would unpack a packed teacher anew."""
        return 1 if self.decoder.options.packed else student.lanes()

    @torch.no_grad()
    def lesson(self, batch: Batch) -> Lesson:
        return Lesson(*self.decoder.states(batch, set(self.pairs.values()), rows=batch.rows, seed=_SEED))

    def distance(self, ours: dict[int, Tensor], theirs: dict[int, Tensor]) -> Tensor:
        """Mean over the matched layers of what is apart at each row, summed over the rows.

        1 - cosine of the angle, or the squared difference as a share of the teacher's own square: the size of hidden states
        grows from layer to layer.
        """
        total = torch.zeros((), device=self.decoder.device)
        for layer, other in self.pairs.items():
            goal = theirs[other].to(ours[layer].dtype)
            state = _Mapped.apply(ours[layer], self.maps[layer]) if layer in self.maps else ours[layer]  # type: ignore[no-untyped-call]
            if self.options.hidden_distance == "cosine":
                apart = 1 - nn.functional.cosine_similarity(state, goal, -1)
            else:
                apart = (state - goal).square().sum(-1) / goal.square().sum(-1).clamp_min(1e-12)
            total = total + apart.sum()
        return total / max(len(self.pairs), 1)

    @torch.no_grad()
    def apart_from(self, student: Decoder, batch: Batch) -> Apart:
        """How far the student's chances are from the teacher's, and what both make of the targets."""
        if not len(batch.targets):
            return Apart(0.0, 0.0, 0.0, 0)
        theirs = self.decoder.hidden(batch, rows=batch.rows, seed=_SEED)
        ours = student.hidden(batch, rows=batch.rows, seed=_SEED)
        weights = student.head.dense(), self.decoder.head.dense()
        rows = chunk_rows(student.config.vocabulary, taught=True)
        loss = teacher_loss = nats = 0.0
        for at in range(0, len(batch.targets), rows):
            part = slice(at, at + rows)
            a, b = student.head.logits(ours[part], weights[0]), self.decoder.head.logits(theirs[part], weights[1])
            loss += float(nn.functional.cross_entropy(a, batch.targets[part], reduction="sum"))
            teacher_loss += float(nn.functional.cross_entropy(b, batch.targets[part], reduction="sum"))
            nats += float(divergence(a, b)[0].sum())
        return Apart(loss, teacher_loss, nats, len(batch.targets))


def matched_layers(student: int, teacher: int) -> dict[int, int]:
    """For each layer of the student, counted from 0, one of the teacher's: evenly spread, last with last."""
    return {layer: max(round((layer + 1) * teacher / student), 1) - 1 for layer in range(student)}


class _Mapped(torch.autograd.Function):
    """x Mᵀ, with the gradient of M put where all hand-made gradients go."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: nn.Parameter) -> Tensor:
        ctx.x, ctx.matrix = x.detach(), matrix
        return x @ matrix.detach().to(x.dtype).t()

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> tuple[Tensor, None]:
        accumulate(ctx.matrix, d.t() @ ctx.x)
        return d @ ctx.matrix.detach().to(d.dtype), None
