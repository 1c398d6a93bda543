"""How fast it goes, and how long it will still take."""

from __future__ import annotations

from typing import Any

_MEMORY = 0.9
"""Share of the mean that earlier steps keep at each step."""


class Pace:
    """Means over the last steps, those just behind counting most. What it knows is saved with the checkpoint."""

    def __init__(self, steps: int, measured_steps: set[int]) -> None:
        """`measured_steps` are those after which the held-out loss is measured."""
        self._steps, self._measured_steps = steps, measured_steps
        self.seconds = 0.0
        """Of work so far, all runs of the job together."""
        self._mean_tokens = self._mean_seconds = self._weight = 0.0
        self._measuring = 0.0

    @property
    def tokens_per_second(self) -> float:
        return self._mean_tokens / self._mean_seconds if self._mean_seconds else 0.0

    def step(self, tokens: int, seconds: float) -> None:
        self.seconds += seconds
        self._weight = _MEMORY * self._weight + 1 - _MEMORY
        self._mean_tokens = _MEMORY * self._mean_tokens + (1 - _MEMORY) * tokens
        self._mean_seconds = _MEMORY * self._mean_seconds + (1 - _MEMORY) * seconds

    def measured(self, seconds: float) -> None:
        """A measurement took so long."""
        self.seconds += seconds
        self._measuring = seconds

    def seconds_left(self, step: int) -> float:
        """Until all steps behind `step` and their measurements are done, if nothing changes."""
        a_step = self._mean_seconds / self._weight if self._weight else 0.0
        measurements = sum(1 for measured in self._measured_steps if measured > step)
        return (self._steps - step) * a_step + measurements * self._measuring

    def state_dict(self) -> dict[str, Any]:
        kept = (self.seconds, self._mean_tokens, self._mean_seconds, self._weight, self._measuring)
        return {"kept": list(kept)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seconds, self._mean_tokens, self._mean_seconds, self._weight, self._measuring = map(float, state["kept"])
