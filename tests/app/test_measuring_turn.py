"""One measurement at a time: the next one begins when the one before has ended, and none beside a job."""

from __future__ import annotations

from companion.app.measuring_turn import MeasuringTurn


def test_each_waits_for_the_one_before_and_says_so(qapp):
    turn, begun = MeasuringTurn(), []
    changes: list[bool] = []
    turn.changed.connect(lambda: changes.append(turn.is_wanted))
    for who in ("one", "two", "three"):
        turn.ask(who, f"what {who} measures", lambda who=who: begun.append(who))
    assert begun == ["one"]
    assert turn.waits_for("one") == ""
    assert turn.waits_for("three") == "what one measures is measured"
    turn.give_back("two")
    turn.give_back("one")
    assert begun == ["one", "three"]
    turn.give_back("three")
    turn.give_back("three")
    assert changes == [True, False]


def test_beside_a_job_nothing_is_begun(qapp):
    turn, begun = MeasuringTurn(), []
    turn.follow("A lesson")
    turn.ask("one", "this computer", lambda: begun.append("one"))
    assert turn.waits_for("one") == "“A lesson” has paused or is done"
    turn.follow("")
    turn.follow("Another")
    assert begun == ["one"]
    assert turn.waits_for("one") == ""


def test_what_computes_otherwise_keeps_back_what_nobody_asked_for(qapp):
    turn, begun = MeasuringTurn(), []
    changes: list[bool] = []
    turn.changed.connect(lambda: changes.append(turn.is_wanted))
    for _ in range(2):
        turn.hold("a blind test", holds=True)
    turn.ask("one", "this computer", lambda: begun.append("one"))
    turn.give_back("one")
    assert begun == ["one"], "the person may measure beside it"
    assert turn.is_wanted
    turn.hold("a blind test", holds=False)
    assert changes == [True, False]
