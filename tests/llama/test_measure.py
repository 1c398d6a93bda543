"""What a measurement says about itself."""

from __future__ import annotations

import msgspec
import pytest

from companion.llama.measure import Measurement, Speed


def measured(chosen: int, **replies: float) -> Measurement:
    """Replies by thread count, such as t1=74."""
    speeds = tuple(
        Speed(threads=int(name[1:]), batch=128, flash_attention=False, prompt=100, reply=reply) for name, reply in replies.items()
    )
    return Measurement(threads=chosen, prompt_threads=chosen, batch=128, flash_attention=False, reason="", speeds=speeds)


def test_two_threads_that_collapse_were_disturbed():
    assert measured(1, t1=173, t2=47).was_disturbed


def test_one_thread_alone_was_disturbed_when_other_programs_computed():
    assert msgspec.structs.replace(measured(1, t1=5), other_cores=1.7).was_disturbed


@pytest.mark.parametrize(
    "sound",
    [measured(2, t1=74, t2=118), measured(1, t1=100, t2=90), measured(1, t1=100), measured(4, t2=60, t4=100, t8=55)],
)
def test_ordinary_differences_are_believed(sound: Measurement):
    assert not sound.was_disturbed
