"""What is foreseen of builds."""

from __future__ import annotations

from companion.workshop.quantization.builds import Foreseen, distinct
from companion.workshop.quantization.speed import Pace


def build(size: int, divergence: float, write: float, kind: str = "Q4_0") -> Foreseen:
    return Foreseen({"m": kind}, size, divergence, Pace(read=1000.0, write=write))


def test_of_builds_that_nobody_could_tell_apart_the_closest_to_the_source_stays():
    nearly = [build(100_000, 0.0121659, 12561.06, "IQ4_NL"), build(100_000, 0.0121657, 12561.05, "Q4_0")]
    others = [build(100_000, 0.0121659, 12600.0), build(100_200, 0.0121, 12561.06), build(90_000, 0.02, 13000.0)]
    assert distinct([*nearly, *others]) == [others[2], nearly[1], others[0], others[1]]


def test_one_that_diverges_not_at_all_is_told_from_one_that_does():
    assert len(distinct([build(100, 0.0, 10.0), build(100, 1e-9, 10.0)])) == 2
