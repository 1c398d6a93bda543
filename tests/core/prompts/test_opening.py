"""What she says first to somebody she knows."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from companion.core.character import Card
from companion.core.character_library import built_in_character
from companion.core.prompts.opening import DAY, HOUR, opening, part_of_day

PLAIN = Card(name="Mira")
EVENING = datetime(2026, 11, 20, 19, 30)


def before(seconds: float) -> float:
    return EVENING.timestamp() - seconds


def test_a_stranger_gets_the_first_message_of_the_card():
    assert opening(PLAIN, EVENING, None, 1) == ""


@pytest.mark.parametrize(
    ("hour", "part"), [(0, "night"), (4, "night"), (5, "morning"), (11, "day"), (16, "day"), (17, "evening"), (23, "night")]
)
def test_the_day_has_four_parts(hour: int, part: str):
    assert part_of_day(datetime(2026, 1, 1, hour)) == part


def test_any_character_knows_the_time_of_day_and_how_long_it_has_been():
    assert opening(PLAIN, EVENING, before(3 * DAY), 1) == "Good evening, {{user}}. It has been three days."
    assert opening(PLAIN, EVENING, before(2 * HOUR), 1) == "Good evening, {{user}}. It has been two hours."
    assert opening(PLAIN, EVENING, before(60), 1) == "There you are again, {{user}}."


def test_a_clock_that_was_turned_back_does_no_harm():
    assert opening(PLAIN, EVENING, before(-5000), 1) == "There you are again, {{user}}."


def test_the_built_in_character_has_her_own_words_for_every_part_of_the_day():
    card = built_in_character().card
    for hour in (7, 13, 19, 23):
        now = datetime(2026, 11, 20, hour)
        line = opening(card, now, now.timestamp() - 2 * DAY, 3)
        assert line
        assert "{{gap}}" not in line
    assert "three weeks" in opening(card, EVENING, before(22 * DAY), 0)


@pytest.mark.parametrize("extensions", [b"{}", b'{"companion": 3}', b'{"companion": {"openings": {"morning": "x"}}}', b"["])
def test_other_peoples_extensions_are_no_openings(extensions: bytes):
    assert (
        opening(Card(name="Mira", extensions=extensions), EVENING, before(DAY), 1) == "Good evening, {{user}}. It has been a day."
    )


def test_a_cards_own_words_are_taken():
    ours = json.dumps({"companion": {"openings": {"evening": ["{{gap}} without tea."]}}}).encode()
    assert opening(Card(name="Mira", extensions=ours), EVENING, before(2 * DAY), 1) == "two days without tea."


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "a moment"), (700, "eleven minutes"), (HOUR, "an hour"), (5 * HOUR, "five hours"), (DAY, "a day"), (8 * DAY, "a week"),
     (65 * DAY, "two months"), (800 * DAY, "two years"), (20 * HOUR, "20 hours")],
)  # fmt: skip
def test_time_that_has_passed_is_said_in_words(seconds: float, words: str):
    ours = json.dumps({"companion": {"openings": {"evening": ["{{gap}}"], "soon": ["{{gap}}"], "long": ["{{gap}}"]}}}).encode()
    assert opening(Card(name="Mira", extensions=ours), EVENING, before(seconds), 1) == words
