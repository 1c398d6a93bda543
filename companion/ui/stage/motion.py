"""What moves by itself: springs, blinking, a wandering gaze, breath and the wind in the hair."""

from __future__ import annotations

import math
from random import Random

BLINK_DOWN_S, BLINK_SHUT_S, BLINK_UP_S = 0.07, 0.035, 0.13
"""A blink falls faster than it rises."""
BLINK_LENGTH_S = BLINK_DOWN_S + BLINK_SHUT_S + BLINK_UP_S
DOUBLE_BLINK = 0.16
"""Share of blinks that come twice."""
BREATH_S = 4.2
_STEP_S = 1 / 120


class Spring:
    """A value that swings towards its goal: `pace` in radians per second, `damping` 1 arrives without overshoot."""

    def __init__(self, pace: float, damping: float = 1.0, value: float = 0.0) -> None:
        self.value = self.goal = value
        self._speed = 0.0
        self._pace, self._damping = pace, damping

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def at_rest(self) -> bool:
        """Too near and too slow to be seen moving, for the units that heads and eyes are measured in."""
        return abs(self.goal - self.value) < 0.01 and abs(self._speed) < 0.05

    def tick(self, seconds: float) -> float:
        """Move on; long frames are cut into steps so that the spring never explodes."""
        if self.at_rest:
            self.settle()
            return self.value
        steps = max(1, math.ceil(seconds / _STEP_S))
        step = seconds / steps
        for _ in range(steps):
            pull = (self.goal - self.value) * self._pace**2 - self._speed * 2 * self._damping * self._pace
            self._speed += pull * step
            self.value += self._speed * step
        return self.value

    def settle(self) -> None:
        self.value, self._speed = self.goal, 0.0


class Blinking:
    """Irregular blinks, 2 to 6 seconds apart as people do it, some of them double."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._wait = random.uniform(1.0, 3.0)
        self._since = -1.0

    @property
    def active(self) -> bool:
        return self._since >= 0

    def blink(self) -> None:
        """Blink now, unless she is just blinking."""
        if self._since < 0:
            self._since = 0.0

    def tick(self, seconds: float) -> float:
        """How far the lids are down, 0 to 1."""
        if self._since < 0:
            self._wait -= seconds
            if self._wait > 0:
                return 0.0
            self._since = 0.0
        else:
            self._since += seconds
        if self._since >= BLINK_LENGTH_S:
            self._since = -1.0
            twice = self._random.random() < DOUBLE_BLINK
            self._wait = 0.09 if twice else min(1.4 + self._random.expovariate(1 / 2.4), 8.0)
            return 0.0
        return _lids(self._since)


def _lids(since: float) -> float:
    if since < BLINK_DOWN_S:
        return math.sin(since / BLINK_DOWN_S * math.pi / 2)
    if since < BLINK_DOWN_S + BLINK_SHUT_S:
        return 1.0
    rising = (since - BLINK_DOWN_S - BLINK_SHUT_S) / BLINK_UP_S
    return 0.5 + 0.5 * math.cos(rising * math.pi)


class Gaze:
    """Where she looks: after the pointer while it moves nearby, else here and there, and mostly at the person."""

    RESTING_S = 3.0
    """A pointer that has not moved for so long is no longer interesting."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._wait = 2.0
        self._rest = self.RESTING_S
        self._pointer = (0.0, 0.0)
        self.goal = (0.0, 0.0)
        self.head_share = 1.0
        """How much of the gaze the head follows; a short glance is for the eyes alone."""

    def point(self, place: tuple[float, float] | None) -> None:
        """Where the pointer is seen from her eyes, -1 to 1 each; None when it is too far away to be followed."""
        if place is None:
            self._rest = self.RESTING_S
        elif math.dist(place, self._pointer) > 0.02:
            self._rest = 0.0
            self._pointer = place

    def tick(self, seconds: float) -> tuple[float, float]:
        self._rest += seconds
        if self._rest < self.RESTING_S:
            self.goal, self.head_share, self._wait = self._pointer, 1.0, 0.6
            return self.goal
        self._wait -= seconds
        if self._wait <= 0:
            self._look_elsewhere()
        return self.goal

    def _look_elsewhere(self) -> None:
        draw = self._random
        if draw.random() < 0.55:
            self.goal, self._wait = (draw.gauss(0, 0.05), draw.gauss(0, 0.04)), draw.uniform(2.0, 5.0)
        else:
            self.goal = (draw.uniform(-0.75, 0.75), draw.uniform(-0.4, 0.3))
            self._wait = draw.uniform(0.7, 2.2)
        self.head_share = 0.7 if draw.random() < 0.35 else 0.15


def breath(time: float) -> float:
    """Height of the chest at a time in seconds, 0 to 1: in a little faster than out."""
    phase = (time / BREATH_S) % 1.0
    return 0.5 - 0.5 * math.cos(math.pi * (phase / 0.42 if phase < 0.42 else 1 + (phase - 0.42) / 0.58))


def wind(time: float) -> float:
    """A breeze that never quite repeats, about -1 to 1."""
    return 0.6 * math.sin(time * 0.93) + 0.4 * math.sin(time * 0.41 + 1.7)
