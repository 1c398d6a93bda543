"""Losses over supervised rows only, in chunks of rows, with gradients by hand: no logits outlive their chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from companion.core.recipes.parts import Loss
from companion.workshop.nn.gradients import accumulate
from companion.workshop.nn.norms import wide

if TYPE_CHECKING:
    from companion.workshop.data.batch import Batch
    from companion.workshop.nn.decoder import Decoder
    from companion.workshop.nn.head import Head
    from companion.workshop.nn.teacher import Teacher

CHUNK_BYTES = 16 << 20
"""Of float32 logits at once: below the size from which the C library fetches memory anew each time (`SURROUNDINGS`)."""


@dataclass(frozen=True)
class LossSum:
    """Sums over the supervised tokens of one batch."""

    total: Tensor
    """What is made small, in nats; `backward()` it after dividing by a count of one's own."""
    count: int
    cross_entropy: float
    """Plain cross-entropy in nats, whatever is added to or taken from it in `total`."""


class _Terms(NamedTuple):
    smoothing: float
    gamma: float
    keep_close: float
    taught: float = 0.0
    """Weight of the teacher's chances; what is left of 1 is that of the targets."""
    temperature: float = 1.0
    reverse: bool = False


class _Reference(NamedTuple):
    """Somebody else's hidden rows (rows, width) and the head that turns them into logits of the same vocabulary."""

    hidden: Tensor
    head: Head


def supervised_loss(decoder: Decoder, batch: Batch, loss: Loss, seed: int = 0, teacher: Teacher | None = None) -> LossSum:
    """The loss of `batch`, with a graph when gradients are enabled. A batch without supervised tokens gives 0.

    Dropout and noise come from `seed`; 0 draws one. With a `teacher` its chances stand beside the targets.
    """
    count = int(batch.rows.numel())
    graph = torch.is_grad_enabled()
    if not count:
        return LossSum(torch.zeros((), device=decoder.device, requires_grad=graph), 0, 0.0)
    noise = loss.neftune if decoder.training and graph else 0.0
    lesson = teacher.lesson(batch) if teacher is not None else None  # first: what it computes with is free again afterwards
    matched = teacher.pairs if teacher is not None else {}
    hidden, states = decoder.states(batch, matched, rows=batch.rows, neftune=noise, seed=seed)
    before = taught = None
    if loss.keep_close:
        with torch.no_grad():
            before = _Reference(decoder.hidden(batch, rows=batch.rows, adapted=False), decoder.head)
    gamma = loss.focal_gamma if loss.name == "focal" else 0.0
    terms = _Terms(loss.label_smoothing, gamma, loss.keep_close)
    if teacher is not None and lesson is not None:
        options = teacher.options
        terms = terms._replace(taught=options.share, temperature=options.temperature, reverse=options.direction == "reverse")
        taught = _Reference(lesson.hidden, teacher.decoder.head) if options.share else None
    total, plain = _HeadLoss.apply(hidden, before, taught, batch.targets, decoder, terms, graph)  # type: ignore[no-untyped-call]
    if teacher is not None and lesson is not None and matched:
        total = total + teacher.options.hidden * teacher.distance(states, lesson.states)
    return LossSum(total, count, float(plain))


class _HeadLoss(torch.autograd.Function):
    """Loss and its gradient in one go: logits exist once, for one chunk of rows."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        before: _Reference | None,
        taught: _Reference | None,
        targets: Tensor,
        decoder: Decoder,
        terms: _Terms,
        graph: bool,
    ) -> tuple[Tensor, Tensor]:
        head = decoder.head
        weight = head.dense()
        weight_of_teacher = taught.head.dense() if taught is not None else None
        rows = chunk_rows(weight.shape[0], taught=taught is not None)
        total = torch.zeros((), dtype=wide(hidden.dtype), device=hidden.device)
        plain = torch.zeros_like(total)
        d_hidden = torch.empty_like(hidden) if graph else None
        d_weight = torch.zeros(weight.shape, dtype=wide(hidden.dtype), device=hidden.device) if graph and head.trains else None
        for at in range(0, hidden.shape[0], rows):
            part = hidden[at : at + rows]
            base = None if before is None else head.logits(before.hidden[at : at + rows], weight).log_softmax(-1)
            capped = head.logits(part, weight)
            nats, ce, d_logits = _chunk(capped, targets[at : at + rows], base, terms)
            if taught is not None:
                theirs = taught.head.logits(taught.hidden[at : at + rows], weight_of_teacher)
                apart, d_apart = divergence(capped, theirs, terms.temperature, reverse=terms.reverse)
                nats = nats + terms.taught * apart.sum()
                d_logits.add_(d_apart, alpha=terms.taught)
            total += nats
            plain += ce
            if d_hidden is not None:
                if head.cap:
                    d_logits.mul_(1 - (capped / head.cap).square_())
                narrow = d_logits.to(part.dtype)
                torch.mm(narrow, weight, out=d_hidden[at : at + rows])
                if d_weight is not None:
                    d_weight += narrow.t() @ part
        ctx.d_hidden, ctx.d_weight, ctx.head = d_hidden, d_weight, head
        ctx.mark_non_differentiable(plain)
        return total, plain

    @staticmethod
    def backward(ctx: Any, d_total: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.d_weight is not None:
            accumulate(ctx.head.master, ctx.d_weight, float(d_total))
        return ctx.d_hidden.mul_(d_total), None, None, None, None, None, None


def _chunk(logits: Tensor, targets: Tensor, base: Tensor | None, terms: _Terms) -> tuple[Tensor, Tensor, Tensor]:
    """Loss and plain cross-entropy in nats, and the gradient with respect to `logits` (rows, vocabulary).

    With p = softmax(z), t the target, ε the smoothing and γ focal's exponent:
    cross-entropy -log p_t has the gradient p - 1_t;  focal -(1 - p_t)^γ log p_t that of log p_t times (1_t - p);
    smoothing mixes in -mean(log p) with the gradient p - 1/V;  KL(base ‖ p) has the gradient p - base. All but the last
    count as much as the teacher leaves them.
    """
    p = torch.softmax(logits, -1)
    top, where = logits.max(-1, keepdim=True)
    log_sum = top - p.gather(1, where).log_()  # of the largest p, which cannot underflow
    index = targets[:, None]
    log_pt = logits.gather(1, index) - log_sum
    plain = -log_pt.sum()
    own = 1 - terms.taught
    sure, smoothing = own * (1 - terms.smoothing), own * terms.smoothing
    if terms.gamma:
        pt = log_pt.exp()
        miss = (1 - pt).clamp_min(1e-12)
        nats = -(miss**terms.gamma * log_pt).sum() * sure
        slope = miss**terms.gamma - terms.gamma * pt * miss ** (terms.gamma - 1) * log_pt
    else:
        nats, slope = plain * sure, torch.ones_like(log_pt)
    gradient = p
    close = None
    if base is not None:
        chances = base.exp()
        log_p = logits - log_sum
        nats = nats + terms.keep_close * (chances * (base - log_p)).sum()
        close = (p - chances).mul_(terms.keep_close)
    if smoothing:
        nats = nats + smoothing * (log_sum - logits.mean(-1, keepdim=True)).sum()
    if smoothing or terms.gamma or terms.taught:
        gradient = p * (slope * sure + smoothing)
        gradient -= smoothing / logits.shape[1]
    gradient.scatter_add_(1, index, -slope * sure)
    return nats, plain, gradient if close is None else gradient.add_(close)


def chunk_rows(vocabulary: int, *, taught: bool = False) -> int:
    """Rows whose logits exist at once: half as many beside a teacher, whose logits and the difference need room too."""
    return max(1, CHUNK_BYTES // ((8 if taught else 4) * vocabulary))


def divergence(ours: Tensor, theirs: Tensor, temperature: float = 1.0, *, reverse: bool = False) -> tuple[Tensor, Tensor]:
    """How far our chances are from the teacher's, and the gradient with respect to our logits (rows, vocabulary).

    Both logits are divided by the temperature τ first; what comes out is nats of every row, (rows,), times τ², which keeps the
    gradient as long as at τ = 1 (Hinton et al. 2015, arXiv:1503.02531). With p the teacher's chances and q ours: KL(p ‖ q),
    gradient τ (q - p), wants all that the teacher may say; its `reverse` KL(q ‖ p), gradient τ q (log(q/p) - KL), only what
    she would (Gu et al. 2023, arXiv:2306.08543).
    """
    log_q, log_p = ((z if temperature == 1 else z / temperature).log_softmax(-1) for z in (ours, theirs))
    gap = log_q - log_p
    if reverse:
        q = log_q.exp_()
        nats = (q * gap).sum(-1)
        return nats * temperature**2, gap.sub_(nats[:, None]).mul_(q).mul_(temperature)
    p = log_p.exp_()
    nats = -gap.mul_(p).sum(-1)
    return nats * temperature**2, log_q.exp_().sub_(p).mul_(temperature)


def token_losses(decoder: Decoder, batch: Batch) -> Tensor:
    """Plain cross-entropy (supervised,) float32 of every supervised token, without a graph."""
    if not batch.rows.numel():
        return torch.zeros(0, device=decoder.device)
    with torch.no_grad():
        hidden = decoder.hidden(batch, rows=batch.rows)
        rows = chunk_rows(decoder.config.vocabulary)
        parts = [
            nn.functional.cross_entropy(decoder.logits(hidden[at : at + rows]), batch.targets[at : at + rows], reduction="none")
            for at in range(0, hidden.shape[0], rows)
        ]
        return torch.cat(parts)
