from __future__ import annotations

import threading

import pytest

from companion.app.background import Background


@pytest.fixture
def background(qapp):
    made = Background()
    yield made
    made.deleteLater()


def test_work_is_done_elsewhere_and_its_result_comes_back_here(background: Background, qtbot):
    came = []
    background.run(threading.get_ident, lambda thread: came.append((thread, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(came), timeout=2000)
    worked, delivered = came[0]
    assert worked != delivered == threading.get_ident()


def test_one_thread_keeps_the_order(background: Background, qtbot):
    came: list[int] = []
    for number in range(50):
        background.run(lambda number=number: number, came.append)
    qtbot.waitUntil(lambda: len(came) == 50, timeout=2000)
    assert came == list(range(50))


def test_a_mistake_in_the_work_is_raised_where_it_was_asked_for(background: Background, qtbot):
    with qtbot.captureExceptions() as raised:
        background.run(lambda: 1 // 0, lambda _: None)
        qtbot.waitUntil(lambda: bool(raised), timeout=2000)
    assert raised[0][0] is ZeroDivisionError


def test_closing_waits_for_what_was_begun_and_delivers_no_more(background: Background, qtbot):
    done, came = [], []
    for number in range(3):
        background.run(lambda number=number: done.append(number), came.append)
    background.close()
    assert done == [0, 1, 2]
    qtbot.wait(20)
    assert came == []
