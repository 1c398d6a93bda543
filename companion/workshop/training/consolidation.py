"""Elastic weight consolidation (Kirkpatrick et al. 2017): each weight is held where it was as firmly as it mattered there.

The diagonal of the Fisher information says how much the loss on earlier dialogues bends along each weight. It is estimated from
squared gradients of whole dialogues whose words are drawn from the model itself: those of the true words vanish where they
are known well, which is where there is most to lose (Kunstner et al. 2019). It is divided by the tokens, so that half of
F · (change)² is about the nats per token that a small change costs there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from companion.core.errors import ModelError
from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.gguf.types import TYPES_BY_NAME
from companion.core.recipes.parts import Loss
from companion.workshop.data.batch import Batch, Example, pack
from companion.workshop.export.gguf_file import PlannedTensor, encoded, write_gguf
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.gradients import Ledger, each_gradient, kept_aside
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.losses import supervised_loss
from companion.workshop.nn.weights import GGUFWeights

MOST_DIALOGUES: Final = 64
"""So many say what matters: the diagonal settles long before."""
_DRAWN_AT_ONCE: Final = 64
_TYPE: Final = "fisher"

Fisher = dict[str, Tensor]
"""By GGUF name, as the trained matrices; float32 on the CPU."""


class Anchor:
    """What pulls trained weights back to where they began."""

    def __init__(self, weights: Mapping[str, nn.Parameter], fisher: Fisher, strength: float) -> None:
        """The weights are as the training begins. Raises ModelError when the Fisher information is that of others."""
        if {name: weight.shape for name, weight in weights.items()} != {name: f.shape for name, f in fisher.items()}:
            what = "What is kept beside the start adapter belongs to another adapter."
            raise ModelError(what, "Name earlier dialogues instead (loss.ewc_from).")
        self._held = [
            (weight, weight.detach().clone(), fisher[name].to(weight.device) * strength) for name, weight in weights.items()
        ]

    def pull(self) -> float:
        """Add the penalty's gradient to `.grad`; returns the penalty, in nats per token."""
        penalty = 0.0
        for weight, began, firmness in self._held:
            moved = weight.detach() - began
            force = firmness * moved
            penalty += 0.5 * float((force * moved).sum())
            if weight.grad is None:
                weight.grad = force
            else:
                weight.grad += force
        return penalty


def fisher_of(decoder: Decoder, examples: Sequence[Example], tell: Callable[[float], None], seed: int = 0) -> Fisher:
    """The diagonal of the Fisher information per token of these dialogues, at the present weights.

    `tell` is called with the share that is done and may raise to give up.
    """
    names = {weight: name for name, weight in decoder.trainable().items()}
    generators = [torch.Generator().manual_seed(seed * 1_000_003 + number) for number in range(len(examples))]
    dealt = deal([len(example.tokens) for example in examples], decoder.lanes())

    def measure(mine: list[int], first: bool, failed: threading.Event) -> tuple[Fisher, int]:
        sums = {name: torch.zeros_like(weight, device="cpu", requires_grad=False) for weight, name in names.items()}
        tokens = 0
        for number, index in enumerate(mine, start=1):
            if failed.is_set():
                break
            batch = pack([examples[index]]).to(decoder.device)
            drawn = batch._replace(targets=_drawn(decoder, batch, generators[index]))
            ledger: Ledger = {}
            with kept_aside(ledger):
                result = supervised_loss(decoder, drawn, Loss())
                torch.autograd.backward(result.total)
            tokens += result.count
            for weight, gradient in each_gradient(ledger):
                sums[names[weight]] += gradient.square().cpu()
            if first:
                tell(number / len(mine))
        return sums, tokens

    was_training = decoder.training
    decoder.eval()
    try:
        found = side_by_side([partial(measure, mine, lane == 0) for lane, mine in enumerate(dealt)])
    finally:
        decoder.train(was_training)
    total = max(sum(tokens for _, tokens in found), 1)
    return {name: torch.stack([sums[name] for sums, _ in found]).sum(0) / total for name in names.values()}


@torch.no_grad()
def _drawn(decoder: Decoder, batch: Batch, generator: torch.Generator) -> Tensor:
    """A word for each supervised place (supervised,), as likely as the model finds it behind the true words."""
    hidden = decoder.hidden(batch, rows=batch.rows)
    parts = torch.split(hidden, _DRAWN_AT_ONCE)
    drawn = [torch.multinomial(decoder.logits(part).softmax(-1).cpu(), 1, generator=generator)[:, 0] for part in parts]
    return torch.cat(drawn).to(batch.targets.device)


def added(a: Fisher, b: Fisher) -> Fisher:
    """What matters for both: information adds up (as in online EWC, Schwarz et al. 2018)."""
    return {name: a[name] + b[name] for name in a}


def write_fisher(path: Path, fisher: Fisher, header: GGUFHeader, base_sha256: str) -> None:
    """As a GGUF file of the adapter's own tensor names. Raises WorkshopError when there is no room."""
    pairs = {
        "general.architecture": header.architecture,
        "general.type": _TYPE,
        "general.name": path.stem,
        BASE_SHA256: base_sha256,
    }
    planned = [_planned(name, values) for name, values in sorted(fisher.items())]
    write_gguf(path, [encoded(key, value) for key, value in pairs.items()], planned)


def _planned(name: str, values: Tensor) -> PlannedTensor:
    return PlannedTensor(name, tuple(reversed(values.shape)), TYPES_BY_NAME["F32"], lambda: [values.contiguous().numpy()])


def read_fisher(path: Path) -> Fisher:
    """Raises ModelError for a file that is missing, damaged, or something else."""
    header = read_header(path, chat_model=False)
    if header.text("general.type") != _TYPE:
        raise ModelError(f"“{path.name}” does not say what mattered to an adapter.", "Name earlier dialogues (loss.ewc_from).")
    weights = GGUFWeights(header)
    return {name: weights.packed(name).dense(torch.float32) for name in weights.names}
