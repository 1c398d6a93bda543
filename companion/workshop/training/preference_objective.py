"""Preferences as an objective: DPO, KTO or ORPO over whole replies, against a reference that is measured once and kept.

The reference is the same model as it begins, or without its adapter: no second one is in memory, and after the first
minute not even its numbers are computed again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from companion.core.errors import DatasetError
from companion.core.files import write_atomic
from companion.core.recipes.prefer import PreferenceLoss
from companion.workshop.data.batch import Batch
from companion.workshop.data.prepared_preferences import NONE, PreparedPreferences, Unit
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.preference_losses import dpo, kto, orpo, reply_log_likelihoods
from companion.workshop.training.held_out import Measurement
from companion.workshop.training.objective import RowLoss, Tally, Tell
from companion.workshop.training.order import micro_batches

Floats = NDArray[np.float64]


class PreferenceObjective:
    """The loss is a mean over units: pairs, or for KTO replies that are judged alone."""

    def __init__(self, data: PreparedPreferences, options: PreferenceLoss, reference: Floats) -> None:
        """`reference` (examples,) is log p of every reply of the token file in the reference model; orpo takes none."""
        self._data, self._options = data, options
        self._reference = torch.from_numpy(reference)
        self._baseline = 0.0
        good = sum(data.units[unit].better != NONE for unit in data.train.tolist())
        most = max(good, len(data.train) - good)
        self._weights = [most / max(count, 1) for count in (len(data.train) - good, good)]
        """What a bad and a good reply count, so that both kinds weigh the same in all (λ of KTO)."""

    def trainable(self) -> dict[str, nn.Parameter]:
        return {}

    def lanes(self, decoder: Decoder) -> int:
        return decoder.lanes()

    def begin_step(self, decoder: Decoder, rows: Sequence[Sequence[int]]) -> None:
        """KTO's z₀: how far the model has moved from the reference, on replies that belong to other words."""
        if self._options.method == "kto":
            self._baseline = self._moved(decoder, [self._data.units[unit] for row in rows for unit in row])

    def count(self, row: Sequence[int], batch: Batch) -> int:
        return len(row)

    def row(self, decoder: Decoder, row: Sequence[int], batch: Batch, seed: int) -> RowLoss:
        found = reply_log_likelihoods(decoder, batch, seed=seed)
        units = [self._data.units[unit] for unit in row]
        numbers = [reply for unit in units for reply in unit.replies]
        gain = found.log_p - self._reference[numbers].to(found.log_p)
        if self._options.method == "kto":
            return self._judged_alone(found.log_p, found.tokens, gain, units, self._baseline)
        return self._paired(found.log_p, found.tokens, gain)

    def measure(self, decoder: Decoder, micro_batch_tokens: int, device: torch.device, tell: Tell) -> Measurement:
        units = [self._data.units[unit] for unit in self._data.held_out.tolist()]
        numbers = _held_out_replies(self._data)
        log_p = np.zeros(self._data.examples)
        log_p[numbers] = reply_likelihoods(decoder, self._data, numbers, micro_batch_tokens, device, tell)
        found = _Held(log_p, log_p - self._reference.numpy(), self._data.reply_tokens)
        pairs = _pairs(units)
        gained = [self._options.beta * (found.gain[better] - found.gain[worse]) for better, worse in pairs]
        if self._options.method == "orpo":
            gained = [found.per_token(better) - found.per_token(worse) for better, worse in pairs]
        likelier = [float(found.per_token(better) > found.per_token(worse)) for better, worse in pairs]
        better = [unit.better for unit in units if unit.better != NONE]
        return Measurement(
            loss=self._held_out_loss(units, found),
            accuracy=float(np.mean([0.5 if gain == 0 else gain > 0 for gain in gained])) if pairs else None,
            margin=float(np.mean(gained)) if pairs else None,
            likelier=float(np.mean(likelier)) if pairs else None,
            chosen_loss=-float(log_p[better].sum() / found.tokens[better].sum()) if better else None,
        )

    def wanted(self, found: Measurement) -> float:
        return found.loss

    def _paired(self, log_p: Tensor, tokens: Tensor, gain: Tensor) -> RowLoss:
        """Better and worse replies take turns."""
        options = self._options
        per_token = log_p / tokens.clamp_min(1)
        better, worse = per_token.view(-1, 2).unbind(1)
        if options.method == "orpo":
            margin = better - worse
            total = (options.beta * orpo(better, worse) - better).sum()
        else:
            margin = options.beta * (gain.view(-1, 2) @ gain.new_tensor([1.0, -1.0]))
            total = (dpo(margin, options.label_smoothing) - options.sft * better).sum()
        plain = margin.detach()
        return RowLoss(total, Tally(float(total.detach()), _correct(plain), float(plain.sum()), len(plain)))

    def _judged_alone(self, log_p: Tensor, tokens: Tensor, gain: Tensor, units: Sequence[Unit], baseline: float) -> RowLoss:
        good = torch.tensor([unit.better != NONE for unit in units], device=gain.device)
        weight = gain.new_tensor(self._weights)[good.long()]
        beta = self._options.beta
        values = kto(beta * gain, gain.new_tensor(beta * baseline), good, weight)
        learned = torch.where(good, -log_p / tokens.clamp_min(1), 0.0)
        total = (values + self._options.sft * learned).sum()
        return RowLoss(total, Tally(loss=float(total.detach())))

    def _held_out_loss(self, units: Sequence[Unit], found: _Held) -> float:
        """As in training, from sums that are known already."""
        log_p, gain = (torch.from_numpy(values) for values in (found.log_p, found.gain))
        tokens = torch.tensor(found.tokens)
        numbers = [reply for unit in units for reply in unit.replies]
        if self._options.method == "kto":
            moved = max(float(np.mean([found.gain[unit.other] for unit in units])), 0.0)
            result = self._judged_alone(log_p[numbers], tokens[numbers], gain[numbers], units, moved)
        else:
            result = self._paired(log_p[numbers], tokens[numbers], gain[numbers])
        return result.tally.loss / len(units)

    def _moved(self, decoder: Decoder, units: Sequence[Unit]) -> float:
        numbers = sorted({unit.other for unit in units})
        was_training = decoder.training
        decoder.eval()
        try:
            tokens = max(int(self._data.lengths.max()), 1024)
            log_p = reply_likelihoods(decoder, self._data, numbers, tokens, decoder.device, lambda done: None)
        finally:
            decoder.train(was_training)
        return max(float(np.mean(log_p - self._reference.numpy()[numbers])), 0.0)


class _Held(NamedTuple):
    """(examples,) of all replies; what is not held out is 0."""

    log_p: Floats
    gain: Floats
    tokens: NDArray[np.int64]

    def per_token(self, reply: int) -> float:
        return float(self.log_p[reply] / max(self.tokens[reply], 1))


def reference_likelihoods(
    decoder: Decoder, data: PreparedPreferences, options: PreferenceLoss, path: Path, micro_batch_tokens: int, tell: Tell
) -> Floats:
    """log p of every reply (examples,) in the reference, from `path` when it was measured before, else measured and kept.

    The decoder must be as the training begins. Raises DatasetError when there is no room for the file.
    """
    if options.method == "orpo":
        return np.zeros(data.examples)
    if path.is_file():
        kept = np.frombuffer(path.read_bytes(), dtype="<f8")
        if len(kept) == data.examples:
            return kept.copy()
    held_out = _held_out_replies(data)  # in the rows they are measured in later, so that rounding is the same
    learned = sorted(set(range(data.examples)).difference(held_out))
    adapted = options.reference == "start"
    found = np.zeros(data.examples)
    for numbers in (held_out, learned):
        found[numbers] = reply_likelihoods(decoder, data, numbers, micro_batch_tokens, decoder.device, tell, adapted=adapted)
    try:
        write_atomic(path, found.astype("<f8").tobytes())
    except OSError as error:
        raise DatasetError(f"“{path}” cannot be written ({error.strerror}).", "Make room on the disk.") from error
    return found


def reply_likelihoods(
    decoder: Decoder,
    data: PreparedPreferences,
    numbers: Sequence[int],
    micro_batch_tokens: int,
    device: torch.device,
    tell: Tell,
    *,
    adapted: bool = True,
) -> Floats:
    """log p of these replies (numbers,), without a graph and without dropout. Those of one pair stay side by side."""
    lanes = decoder.lanes()
    lengths = data.reply_lengths
    order = np.asarray(numbers, dtype=np.int64)
    rows = micro_batches(order, lengths, micro_batch_tokens // lanes, sort=False)
    dealt = deal([int(lengths[row].sum()) for row in rows], lanes)
    found = np.zeros(data.examples)

    def measure(mine: list[int], first: bool, failed: threading.Event) -> None:
        for done, row in enumerate(mine, start=1):
            if failed.is_set():
                return
            batch = data.replies(rows[row]).to(device)
            found[rows[row]] = reply_log_likelihoods(decoder, batch, adapted=adapted).log_p.double().cpu().numpy()
            if first:
                tell(done / len(mine))

    was_training = decoder.training
    decoder.eval()
    try:
        with torch.no_grad():
            side_by_side([partial(measure, mine, lane == 0) for lane, mine in enumerate(dealt)])
    finally:
        decoder.train(was_training)
    return found[order]


def _held_out_replies(data: PreparedPreferences) -> list[int]:
    """What is measured when they are, rising."""
    units = [data.units[unit] for unit in data.held_out.tolist()]
    return sorted({reply for unit in units for reply in (*unit.replies, unit.other) if reply != NONE})


def _pairs(units: Sequence[Unit]) -> list[tuple[int, int]]:
    """Better and worse reply of every preference whose both sides are among the units."""
    sides: dict[int, dict[bool, int]] = {}
    for unit in units:
        for reply in unit.replies:
            sides.setdefault(unit.pair, {})[reply == unit.better] = reply
    return [(found[True], found[False]) for found in sides.values() if len(found) == 2]


def _correct(margin: Tensor) -> float:
    """A tie counts half."""
    return float((margin > 0).sum() + 0.5 * (margin == 0).sum())
