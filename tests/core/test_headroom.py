"""What is left of the memory beside a process, and when that is too little."""

from __future__ import annotations

import subprocess
import sys

import psutil

from companion.core.hardware import CardUse
from companion.core.headroom import CARD_FLOOR, MEMORY_FLOOR, Headroom, headroom_beside

HELD = 200 << 20


def test_a_real_process_is_seen_with_what_it_holds() -> None:
    script = f"held = b'x' * {HELD}; print('there', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        beside = headroom_beside(process.pid)
        process.kill()
    assert HELD < beside.held < 2 * HELD
    assert 0 < beside.available < psutil.virtual_memory().total
    assert headroom_beside(process.pid).held == 0, "a process that is gone holds nothing"


def test_only_what_the_job_computes_on_can_get_tight() -> None:
    full, roomy = CardUse(CARD_FLOOR - 1, is_used=False), CardUse(CARD_FLOOR, is_used=True, held=1 << 30)
    assert Headroom(available=MEMORY_FLOOR, cards=(full, roomy)).short_of == ""
    used = CardUse(CARD_FLOOR - 1, is_used=True, held=1 << 30)
    tight = Headroom(available=1 << 40, cards=(roomy, used))
    assert tight.short_of == "the graphics card's memory"
    assert tight.least == CARD_FLOOR - 1
    assert Headroom(available=MEMORY_FLOOR - 1).short_of == "memory"
    assert Headroom(available=0).short_of == "", "a machine that does not tell is never tight"


def test_there_is_room_again_when_the_job_fits_beside_the_floor() -> None:
    before = Headroom(available=0, held=1000, cards=(CardUse(0, is_used=True, held=500), CardUse(0, is_used=False)))

    def left(memory: int, card: int) -> Headroom:
        return Headroom(available=MEMORY_FLOOR + memory, cards=(CardUse(CARD_FLOOR + card, False), CardUse(0, False)))

    assert left(1000, 500).has_room_again(before)
    assert not left(999, 500).has_room_again(before)
    assert not left(1000, 499).has_room_again(before)
    assert left(1000, 0).has_room_again(Headroom(available=0, held=1000)), "a driver that has gone"
