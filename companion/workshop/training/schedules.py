"""How the learning rate changes while training goes on: a pure function of the step, except where a plateau decides."""

from __future__ import annotations

import math
from typing import Any

from companion.core.recipes.parts import Schedule as Options

IMPROVEMENT = 1e-3
"""Share by which the held-out loss must fall to count as better than the plateau."""


class Schedule:
    """Factors of the learning rate, from 0 to 1, for steps counted from 0."""

    def __init__(self, options: Options, total_steps: int) -> None:
        self.options = options
        self.total = max(total_steps, 1)
        self.warmup = round(self.total * options.warmup_percent / 100)
        self._reduced = 1.0
        self._best = math.inf
        self._waited = 0

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by in this step."""
        if step < self.warmup and self.options.name != "one-cycle":
            return (step + 1) / (self.warmup + 1)
        done = min((step - self.warmup) / max(self.total - self.warmup, 1), 1.0)
        return self._shape(max(done, 0.0), step)

    def _shape(self, done: float, step: int) -> float:
        options = self.options
        final = options.final
        match options.name:
            case "linear":
                return 1 - (1 - final) * done
            case "cosine":
                return final + (1 - final) * _half_cosine(done)
            case "cosine-restarts":  # Loshchilov and Hutter, 2017
                rounds = options.restarts + 1
                return final + (1 - final) * _half_cosine(done * rounds % 1.0 if done < 1 else 1.0)
            case "step":
                return max(float(options.factor ** int(done * 100 / options.step_percent)), final)
            case "exponential":
                return float(max(final, 0.01) ** done)
            case "one-cycle":
                return self._one_cycle(step)
            case "reduce-on-plateau":
                return max(self._reduced, final)
            case _:
                return 1.0

    def _one_cycle(self, step: int) -> float:
        """Up to the peak and down to nearly nothing (Smith and Topin, 2018). Warm-up is the rising part; without one 30%."""
        rise = self.warmup or round(0.3 * self.total)
        if step < rise:
            return 0.04 + 0.96 * (1 - _half_cosine(step / max(rise, 1)))
        lowest = max(self.options.final, 4e-6)
        return lowest + (1 - lowest) * _half_cosine(min((step - rise) / max(self.total - rise, 1), 1.0))

    def observe(self, held_out_loss: float) -> bool:
        """Tell the schedule a measurement; True when it lowered the learning rate because of it."""
        if self.options.name != "reduce-on-plateau":
            return False
        if held_out_loss < self._best * (1 - IMPROVEMENT):
            self._best, self._waited = held_out_loss, 0
            return False
        self._waited += 1
        if self._waited < self.options.plateau_patience:
            return False
        self._reduced *= self.options.factor
        self._waited = 0
        return True

    def state_dict(self) -> dict[str, Any]:
        return {"reduced": self._reduced, "best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._reduced, self._best, self._waited = float(state["reduced"]), float(state["best"]), int(state["waited"])


def _half_cosine(done: float) -> float:
    """From 1 at 0 to 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * done))
