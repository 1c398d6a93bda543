"""Trouble named while it is happening, each kind once per job, with what to do about it."""

from __future__ import annotations

import statistics
from collections import deque
from typing import Any

from companion.core.amounts import bytes_text
from companion.core.job import Trouble, TroubleKind

MEMORY_OF_STEPS = 60
"""How many of the last steps are looked at."""
FEWEST = 12
"""Before so many steps nothing is said: the beginning is always rough."""
EXPLODED_TIMES = 10.0
EXPLODED_STEPS = 3
VANISHED_NORM = 1e-7
VANISHED_STEPS = 8
WENT_OUT = 1e-3
"""A gradient of this norm that is gone a step later has not vanished little by little: one step threw the weights far off."""
DIVERGED_SHARE = 0.25
"""The loss of the last steps lies by this share (and by `DIVERGED_NATS`) above the best it had been."""
DIVERGED_NATS = 0.3
FAR_TIMES, FAR_NATS, FAR_STEPS = 1.5, 1.0, 4
"""So many steps in a row, each with a loss so many times the one before training and so much above it: no rough beginning."""
PLATEAU_SHARE = 0.002
PLATEAU_RATE = 0.3
"""Below this share of the full learning rate a standstill is what the schedule is for."""
OVERFITTED_SHARE = 0.02
OVERFITTED_TIMES = 2
STARVED_SHARE = 0.3
LEAST_MEMORY_SHARE = 0.04

REMEDIES: dict[TroubleKind, str] = {
    "divergence": "Start again with a third of the learning rate or less, or with a longer warm-up.",
    "nan": "Start again with a third of the learning rate and with clipping (optimizer.clip_norm=1).",
    "exploding": "Lower the learning rate, or clip at a smaller norm (optimizer.clip_norm=0.5).",
    "vanishing": "If the loss is near zero, the job can end here; if it never moved, raise the learning rate or the rank.",
    "plateau": "A higher learning rate or rank may go on; if the replies please, the job can end here.",
    "overfitting": "The best measurement is kept; more dialogues, fewer epochs or dropout help more than going on.",
    "starvation": "Put the dialogues on a faster disk, or close what else reads from it.",
    "memory": "Close other programs, or use a smaller micro-batch (machine.micro_batch_tokens).",
    "disk": "Make room on the disk; training goes on.",
}


class TroubleFinder:
    """Looks at every step and measurement; what it remembers is saved with the checkpoint."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._losses: deque[float] = deque(maxlen=MEMORY_OF_STEPS)
        self._norms: deque[float] = deque(maxlen=MEMORY_OF_STEPS)
        self._waits: deque[float] = deque(maxlen=FEWEST)
        self._start = 0.0
        """The loss before training, 0 while it is unknown."""
        self._lowest = float("inf")
        self._large = self._small = self._worse = self._far = 0
        self._went_out = False
        self._held_out = float("inf")
        self._loss_then = float("inf")

    def step(self, step: int, loss: float, norm: float, rate_factor: float, data_share: float) -> list[Trouble]:
        """What is wrong after this step; `rate_factor` is the schedule's, 0 to 1."""
        if not self._losses:
            self._start = max(self._start, loss)
        found: list[Trouble | None] = [self._rise(step, loss), self._norm(step, norm, loss)]
        self._losses.append(loss)
        self._norms.append(norm)
        self._waits.append(data_share)
        if len(self._losses) == MEMORY_OF_STEPS and rate_factor >= PLATEAU_RATE and not self._has_diverged:
            losses, half = list(self._losses), MEMORY_OF_STEPS // 2
            before, now = statistics.fmean(losses[:half]), statistics.fmean(losses[half:])
            if abs(before - now) < PLATEAU_SHARE * before:
                found.append(self.tell(step, "plateau", f"The loss has not moved for {MEMORY_OF_STEPS} steps ({now:.3f})."))
        if len(self._waits) == FEWEST and (share := statistics.fmean(self._waits)) > STARVED_SHARE:
            found.append(self.tell(step, "starvation", f"{share:.0%} of the time goes into waiting for data."))
        return [trouble for trouble in found if trouble is not None]

    def evaluated(self, step: int, held_out: float) -> Trouble | None:
        """Overfitting: what was held back gets worse while what is trained on gets better."""
        loss = statistics.fmean(self._losses) if self._losses else float("inf")
        if not self._losses:
            self._start = held_out
        if held_out < self._held_out:
            self._held_out, self._loss_then, self._worse = held_out, loss, 0
            return None
        self._worse = self._worse + 1 if held_out > self._held_out * (1 + OVERFITTED_SHARE) and loss < self._loss_then else 0
        if self._worse < OVERFITTED_TIMES:
            return None
        what = f"She learns the dialogues by heart: the held-out loss rose from {self._held_out:.3f} to {held_out:.3f}."
        return self.tell(step, "overfitting", what)

    def machine(self, step: int, available: int, total: int) -> Trouble | None:
        """Whether memory runs short; sizes in bytes."""
        if not total or available > LEAST_MEMORY_SHARE * total:
            return None
        return self.tell(step, "memory", f"Only {bytes_text(available)} of memory are free.")

    def tell(self, step: int, kind: TroubleKind, what: str) -> Trouble | None:
        """The trouble, or None when its kind was told before."""
        if kind in self._told:
            return None
        self._told.add(kind)
        return Trouble(step=step, kind=kind, what=what, remedy=REMEDIES[kind])

    def state_dict(self) -> dict[str, Any]:
        state = {name.lstrip("_"): value for name, value in vars(self).items()}
        return {name: list(value) if isinstance(value, deque | set) else value for name, value in state.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, value in vars(self).items():
            saved = state.get(name.lstrip("_"), value)  # a version before did not know of it
            if isinstance(value, deque):
                value.extend(saved)
            else:
                setattr(self, name, set(saved) if isinstance(value, set) else saved)

    @property
    def _has_diverged(self) -> bool:
        """What is seen afterwards comes of that, and other remedies would mislead."""
        return "divergence" in self._told

    def _norm(self, step: int, norm: float, loss: float) -> Trouble | None:
        usual = statistics.median(self._norms) if len(self._norms) >= FEWEST else float("inf")
        self._large = self._large + 1 if norm > EXPLODED_TIMES * usual else 0
        self._small = self._small + 1 if norm < VANISHED_NORM else 0
        if self._small == 1:
            self._went_out = bool(self._norms) and self._norms[-1] >= WENT_OUT
        if self._has_diverged:
            return None
        if self._large == EXPLODED_STEPS:
            return self.tell(step, "exploding", f"The gradients grow: their norm is {norm:.3g}, {usual:.3g} was usual.")
        if self._small == VANISHED_STEPS and self._went_out:
            what = f"A step threw the weights far off: since then there is no gradient, and the loss is {loss:.3f}."
            return self.tell(step, "divergence", what)
        if self._small == VANISHED_STEPS:
            return self.tell(step, "vanishing", f"The gradients have all but gone: their norm is {norm:.1g}.")
        return None

    def _rise(self, step: int, loss: float) -> Trouble | None:
        """Divergence: far above where it began, or on the average of some steps above the best that had been."""
        is_far = self._start and loss > max(FAR_TIMES * self._start, self._start + FAR_NATS)
        self._far = self._far + 1 if is_far else 0
        if self._far == FAR_STEPS:
            return self.tell(step, "divergence", f"The loss goes up: {loss:.3f} now, {self._start:.3f} before training.")
        recent = [*self._losses, loss][-FEWEST:]
        if len(recent) < FEWEST:
            return None
        now = statistics.fmean(recent)
        if now > self._lowest * (1 + DIVERGED_SHARE) and now > self._lowest + DIVERGED_NATS:
            return self.tell(step, "divergence", f"The loss goes up: {now:.3f} now, {self._lowest:.3f} at its lowest.")
        self._lowest = min(self._lowest, now)
        return None
