"""Fewer threads while another program keeps a core busy.

All threads of a matrix product wait for the slowest. Measured on two cores with one of them busy: one thread wrote 55
tokens/s and two threads 4.5. So when the speed falls far below what was measured at rest, fewer threads are tried, and
whichever is faster stays; now and then the full number is tried again.
"""

from __future__ import annotations

import time

SLOW = 0.5
"""Below this share of the speed measured at rest, something is in the way."""
WORTH_IT = 1.15
"""Fewer threads must be this much faster to stay."""
RETRY_SECONDS, LONGEST_RETRY_SECONDS = 4.0, 60.0


class Pace:
    """Tells how many threads to use next, from how long the last tokens took."""

    def __init__(self, threads: int, expected: float, window: int, under_load: int = 0) -> None:
        """`expected` is the speed at rest in tokens/s (0 turns this off); `window` tokens are timed together. `under_load` is how
        many threads were measured to be best beside a busy core: they are tried first."""
        self.threads = self._full = threads
        self._expected = expected
        self._window = window
        self._tokens, self._seconds = 0, 0.0
        self._before: float | None = None
        """The speed before the count under trial, which is measured now; None when no trial is on."""
        self._fallback = threads
        self._retry_at = 0.0
        self._patience = RETRY_SECONDS
        self._cut = self._first_cut = threads - under_load if 0 < under_load < threads else max(1, threads // 4)
        """How many threads the next trial gives up: more each time it did not help."""

    def observe(self, tokens: int, seconds: float) -> int:
        """The threads to use from now on, after `tokens` took `seconds` with the present number."""
        if self._expected <= 0 or self._full == 1:
            return self.threads
        self._tokens += tokens
        self._seconds += seconds
        if self._tokens >= self._window:
            speed = self._tokens / max(self._seconds, 1e-9)
            self._tokens, self._seconds = 0, 0.0
            self._judge(speed)
        return self.threads

    def _judge(self, speed: float) -> None:
        now = time.monotonic()
        if self._before is not None:
            self._end_trial(speed, now)
        elif self.threads < self._full and now >= self._retry_at:
            self._try(self._full, speed)
        elif speed < SLOW * self._expected and self.threads > 1 and now >= self._retry_at:
            self._try(max(1, self.threads - self._cut), speed)

    def _try(self, threads: int, speed: float) -> None:
        self._before, self._fallback, self.threads = speed, self.threads, threads

    def _end_trial(self, speed: float, now: float) -> None:
        assert self._before is not None  # noqa: S101 - the caller looked
        fewer = self.threads < self._fallback
        keep = speed > WORTH_IT * self._before if fewer else speed > self._before
        if keep:
            self._patience, self._cut = RETRY_SECONDS, self._first_cut
        else:
            self.threads = self._fallback
            if fewer and self.threads - self._cut > 1:
                self._cut *= 2
            else:
                self._patience, self._cut = min(self._patience * 2, LONGEST_RETRY_SECONDS), self._first_cut
        self._before = None
        at_once = fewer and (keep or self._cut > self._first_cut) and self.threads > 1
        self._retry_at = now + (0.0 if at_once else self._patience)
