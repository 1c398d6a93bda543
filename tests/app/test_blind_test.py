"""A blind test as the window runs it: the real process with real engines on a tiny model, verdicts that are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from companion.app.blind_test import BlindState, BlindTest, BlindWish
from companion.core.judgement import all_judgements
from tests.small_recipes import write_dialogues
from tests.tiny_adapters import write_adapter

SOON_MS = 90_000


@pytest.fixture
def blind(qapp) -> Iterator[BlindTest]:
    made = BlindTest()
    yield made
    made.close()


@pytest.fixture(scope="module")
def wish(talkative_model: Path, tmp_path_factory) -> BlindWish:
    folder = tmp_path_factory.mktemp("sides")
    adapter = write_adapter(folder / "loud.gguf", talkative_model, size=3.0)
    data = write_dialogues(folder / "talks.jsonl", 12)
    model = str(talkative_model)
    return BlindWish(a=(model,), b=(model, f"{adapter}:1"), prompts=4, data=(str(data),), character="Hoshi", tokens=6)


def asked(blind: BlindTest, qtbot) -> None:
    qtbot.waitUntil(lambda: blind.state in (BlindState.ASKING, BlindState.TOLD, BlindState.FAILED), timeout=SOON_MS)
    assert blind.state is not BlindState.FAILED, blind.what


def test_every_verdict_is_kept_the_last_can_be_taken_back_and_the_outcome_is_found_again(blind, wish, qtbot):
    blind.begin(wish)
    assert blind.state is BlindState.LOADING
    asked(blind, qtbot)
    first = blind.pair
    assert first is not None
    assert first.first != first.second
    assert first.turns[-1].role == "user"
    assert not blind.can_undo
    blind.judge("first")
    asked(blind, qtbot)
    blind.undo()
    assert blind.pair == first
    assert blind.done == blind.alike
    blind.judge("second")
    while blind.state is not BlindState.TOLD:
        asked(blind, qtbot)
        if blind.state is BlindState.ASKING:
            blind.judge("tie")
            qtbot.waitUntil(lambda: blind.state is not BlindState.TELLING, timeout=SOON_MS)
        qtbot.wait(10)
    (judgement,) = all_judgements()
    verdicts = {each.prompt: each for each in judgement.verdicts()}
    assert len(verdicts) == 4
    judged = verdicts[first.prompt]
    shown_second = "b" if judged.first == "a" else "a"
    assert judged.answer == shown_second, "the verdict after the undo is the one that counts"
    outcome = judgement.outcome()
    assert outcome == blind.outcome
    assert outcome.verdicts == 4
    assert "is preferred in" in outcome.sentence
    assert {standing.name for standing in outcome.standings} == {outcome.a, outcome.b}
    assert outcome.preferences == 1


def test_ending_early_tells_and_the_next_time_goes_on(blind, wish, qtbot):
    blind.begin(wish)
    asked(blind, qtbot)
    blind.judge("first")
    blind.finish()
    qtbot.waitUntil(lambda: blind.state is BlindState.TOLD, timeout=SOON_MS)
    assert blind.outcome is not None
    told = blind.outcome.verdicts
    blind.begin(wish)
    qtbot.waitUntil(lambda: blind.total > 0, timeout=SOON_MS)
    assert blind.total <= 4 - told
    blind.finish()
    assert blind.state in (BlindState.IDLE, BlindState.TELLING)


def test_taking_the_only_preference_back_leaves_nothing_to_learn_from(blind, wish, qtbot):
    blind.begin(wish)
    asked(blind, qtbot)
    blind.judge("first")
    (judgement,) = all_judgements()
    qtbot.waitUntil((judgement.folder / "data.jsonl").exists, timeout=SOON_MS)
    blind.undo()
    qtbot.waitUntil(lambda: not (judgement.folder / "data.jsonl").exists(), timeout=SOON_MS)


def test_what_cannot_be_judged_is_said(blind, wish, qtbot):
    blind.begin(wish._replace(b=wish.a))
    qtbot.waitUntil(lambda: blind.state is BlindState.FAILED, timeout=SOON_MS)
    assert "Both are the same" in blind.what
    assert "Name two that differ" in blind.remedy
    blind.begin(wish._replace(data=("/gone/talks.jsonl",)))
    qtbot.waitUntil(lambda: blind.state is BlindState.FAILED and "gone" in blind.what, timeout=SOON_MS)


def test_a_killed_process_is_told_of_and_what_was_judged_is_kept(blind, wish, qtbot):
    blind.begin(wish)
    asked(blind, qtbot)
    blind.judge("first")
    (judgement,) = all_judgements()
    qtbot.waitUntil(lambda: len(judgement.verdicts()) == 1 + blind.alike, timeout=SOON_MS)
    psutil.Process(blind._process.process_id).kill()
    qtbot.waitUntil(lambda: blind.state is BlindState.FAILED, timeout=SOON_MS)
    assert "ended by force" in blind.what or "ended by another program" in blind.what
    assert "kept" in blind.remedy
    assert judgement.verdicts()
