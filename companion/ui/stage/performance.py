"""What a drawn character does in time: from moods, words and the pointer to a face and a posture for every frame."""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple

from companion.ui.stage.face import Face, blend
from companion.ui.stage.motion import Blinking, Gaze, Spring, breath, wind
from companion.ui.stage.posture import Posture
from companion.ui.stage.visemes import Speech

BLEND_S = 0.22
"""How long one face takes to become another."""
BREATH_RISE = 3.2
"""How far a breath lifts the shoulders, in units of the drawing."""

HASTE = 12.0
"""Hair that swings faster than so many units a second needs every frame; in the breeze it is slower."""


class Frame(NamedTuple):
    face: Face
    posture: Posture


class Performance:
    """Without Qt and without a clock of its own: `tick` says how much time has passed."""

    def __init__(self, face: Face, random: Random | None = None) -> None:
        draw = random or Random()
        self.speech = Speech()
        self.gaze = Gaze(draw)
        self._blinking = Blinking(draw)
        self._random = draw
        self._from = self._target = self._face = face
        self._share = 1.0
        self._time = self._breath = draw.uniform(0, 60)
        self._lids = 0.0
        self._looked_at = (0.0, 0.0)
        self._asleep = False
        self._depth = Spring(1.5)  # sleep breathes deeper and slower, not from one moment to the next
        self._eyes = (Spring(26), Spring(26))
        self._turn, self._nod, self._tilt = Spring(7), Spring(7), Spring(6)
        self._shoulders = Spring(8)
        self._emphasis, self._next_emphasis = Spring(9), 0.0
        self._springs = (*self._eyes, self._turn, self._nod, self._tilt, self._shoulders, self._emphasis)
        # Hair: bend and ends of the locks in front, and of the long hair behind, which is slower.
        self._hair = (Spring(7.5, 0.36), Spring(6.2, 0.3), Spring(5.6, 0.36), Spring(4.6, 0.3))

    @property
    def face(self) -> Face:
        """The mood's face of this moment, without blink, gaze and speech."""
        return self._face

    @property
    def lively(self) -> bool:
        """Whether something moves fast enough to need every frame."""
        if self._share < 1 or self._blinking.active or self.speech.active:
            return True
        return any(not spring.at_rest for spring in self._springs) or any(abs(s.speed) > HASTE for s in self._hair)

    def show(self, face: Face) -> None:
        """Turn to another face, from whatever is seen now. A large change is often covered by a blink, as in people."""
        if face == self._target:
            return
        self._from, self._target, self._share = self._face, face, 0.0
        if abs(face.eye_open - self._face.eye_open) < 0.5 and face.eye_open > 0.4 and self._random.random() < 0.35:
            self._blinking.blink()

    def set_asleep(self, asleep: bool) -> None:
        self._asleep = asleep
        self._depth.goal = 1.0 if asleep else 0.0

    def settle(self) -> None:
        """Be at once where everything is heading: for people who asked for no motion."""
        self._face, self._share = self._target, 1.0
        self.speech.settle()
        self._lids = self._time = self._breath = 0.0  # at time 0 she has breathed out
        self._aim((0.0, 0.0), 0.0)
        self._emphasis.goal = 0.0
        for spring in self._springs:
            spring.settle()
        for spring in self._hair:
            spring.goal = 0.0
            spring.settle()

    def tick(self, seconds: float) -> None:
        self._time += seconds
        self._breath += seconds * (1 - 0.38 * self._depth.tick(seconds))
        if self._share < 1:
            self._share = min(self._share + seconds / BLEND_S, 1.0)
            self._face = blend(self._from, self._target, 1 - (1 - self._share) ** 3)
        self.speech.tick(seconds)
        self._lids = self._blinking.tick(seconds)
        goal = (0.0, 0.0) if self._asleep else self.gaze.tick(seconds)
        self._aim(goal, self.gaze.head_share)
        self._emphasize(seconds)
        for spring in self._springs:
            spring.tick(seconds)
        self._sway(seconds)

    def frame(self) -> Frame:
        """How she looks now."""
        face = self.speech.mouth(self._face)
        face = face._replace(
            eye_open=face.eye_open * (1 - self._lids),
            gaze_x=_within(self._eyes[0].value),
            gaze_y=_within(self._eyes[1].value),
            brow_raise=face.brow_raise + max(-self._emphasis.value, 0.0) * 9,
        )
        chest = breath(self._breath) * (1 + 0.5 * self._depth.value)
        posture = Posture(
            turn=self._turn.value,
            nod=self._nod.value + self._emphasis.value,
            tilt=self._tilt.value,
            rise=self._shoulders.value + BREATH_RISE * chest,
            lean=self._turn.value * 1.2,
            front=(self._hair[0].value, self._hair[1].value),
            behind=(self._hair[2].value, self._hair[3].value),
            steam=wind(self._time * 1.6) * 9,
        )
        return Frame(face, posture)

    def _aim(self, gaze: tuple[float, float], head_share: float) -> None:
        face = self._target
        if math.dist(gaze, self._looked_at) > 0.6 and self._random.random() < 0.4:
            self._blinking.blink()  # eyes that jump far often close on the way
        self._looked_at = gaze
        # A face that looks away on purpose (thinking, embarrassed) is not drawn back to the pointer.
        free = 1 - min(max(abs(face.gaze_x), abs(face.gaze_y)), 0.85)
        self._eyes[0].goal = face.gaze_x + gaze[0] * free
        self._eyes[1].goal = face.gaze_y + gaze[1] * free
        self._turn.goal = face.turn + gaze[0] * 0.85 * free * head_share
        self._nod.goal = face.nod + gaze[1] * 0.6 * free * head_share
        self._tilt.goal = face.tilt + gaze[0] * 1.8 * free * head_share
        self._shoulders.goal = face.shoulders * 0.6

    def _emphasize(self, seconds: float) -> None:
        """Small nods while she speaks."""
        if not self.speech.active:
            self._emphasis.goal = 0.0
            return
        self._next_emphasis -= seconds
        if self._next_emphasis <= 0:
            self._emphasis.goal = self._random.uniform(-0.22, 0.28)
            self._next_emphasis = self._random.uniform(0.25, 0.8)

    def _sway(self, seconds: float) -> None:
        """Hair follows the head late and swings on; a breeze keeps its ends moving."""
        seam = self._turn.value * 5 + self._tilt.value * 0.9
        breeze = wind(self._time)
        front, front_ends, behind, behind_ends = self._hair
        front.goal = seam * 0.55 + breeze * 0.7
        front_ends.goal = front.value * 0.7 + wind(self._time - 0.5) * 2.0
        behind.goal = seam * 0.35 + breeze * 0.6
        behind_ends.goal = behind.value * 0.6 + wind(self._time - 0.8) * 2.6
        for spring in self._hair:
            spring.tick(seconds)


def _within(value: float) -> float:
    return min(max(value, -1.0), 1.0)
