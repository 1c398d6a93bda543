"""What a face does, as numbers: every expression is one `Face`, and anything between two of them is a face too."""

from __future__ import annotations

from typing import NamedTuple


class Face(NamedTuple):
    """The defaults are the face of the portrait. Lengths are in units of the drawing (640 × 1040), angles in degrees.

    "Left" and "right" are the viewer's.
    """

    eye_open: float = 1.0
    """0 closed, 1 as in the portrait, above 1 wide."""
    eye_happy: float = 0.0
    """How a closed eye curves: 0 downwards as in sleep, 1 upwards as in laughing."""
    eye_cheek: float = 0.0
    """How far the cheek pushes the lower lid up, 0 to 1."""
    eye_tilt: float = 0.0
    """Upper lids lower at the nose (1, anger) or at the temple (-1, grief)."""
    eye_skew: float = 0.0
    """Closes the right eye (1) or the left one (-1): a wink."""
    iris: float = 1.0
    """Size of the iris; small ones look frightened."""
    shine: float = 0.0
    """More light in the eyes, 0 to 1."""
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    """Where she looks, -1 to 1 each; right and down are positive."""
    brow_raise: float = 0.0
    """In units, upwards."""
    brow_tilt: float = 0.0
    """Inner ends down (1, anger) or up (-1, worry)."""
    brow_skew: float = 0.0
    """Right brow higher (1) or left one higher (-1)."""
    mouth_width: float = 21.0
    """Half the width."""
    mouth_lift: float = 7.0
    """How far the corners lie above the middle of the lips; below 0 the mouth frowns."""
    mouth_open: float = 0.0
    """Height of the gap between the lips."""
    mouth_arch: float = 0.0
    """How far the middle of the upper lip is drawn up."""
    mouth_round: float = 0.0
    """Shape of the lower lip: 0 a bowl, 1 an ellipse."""
    mouth_skew: float = 0.35
    """Right corner higher (1) or left one higher (-1)."""
    mouth_wave: float = 0.0
    """A wavy line, for a mouth that does not know what to say."""
    mouth_y: float = 0.0
    """How far the mouth lies below its place."""
    teeth: float = 0.0
    """How much of the upper teeth is seen, 0 to 1."""
    tongue: float = 1.0
    """How much of the tongue an open mouth shows, 0 to 1."""
    blush: float = 1.0
    tear: float = 0.0
    sweat: float = 0.0
    vein: float = 0.0
    sparkle: float = 0.0
    hearts: float = 0.0
    pale: float = 0.0
    """The blue shadow of fright over the forehead, 0 to 1."""
    turn: float = 0.0
    nod: float = 0.0
    """Turn of the head, -1 to 1: right and down are positive."""
    tilt: float = 0.0
    """Lean of the head to the right, in degrees."""
    shoulders: float = 0.0
    """How far they are drawn up, in units."""


def blend(first: Face, second: Face, share: float) -> Face:
    """The face that lies `share` (0 to 1) of the way from the first to the second."""
    return Face(*(a + (b - a) * share for a, b in zip(first, second, strict=True)))
