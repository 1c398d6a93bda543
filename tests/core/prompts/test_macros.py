"""The macros in a card's texts."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.character import Card, Character
from companion.core.persona import Persona
from companion.core.prompts.macros import MAX_FILLED, fill_macros, fill_names, spoken_duration
from companion.core.prompts.scene import Scene


def scene(user: str = "Ana", description: str = "", seed: int = 1, **card: str) -> Scene:
    card.setdefault("name", "Hoshi")
    return Scene(
        character=Character(identifier="", card=Card(**card)),  # type: ignore[arg-type]
        persona=Persona(name=user, description=description),
        now=datetime(2026, 11, 5, 21, 7),
        seed=seed,
    )


HOSHI = scene(description="An astronomer.", scenario="{{char}}'s dome.", personality="Kind.", mes_example="<START>\n{{char}}: Hi")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{char}} greets {{user}}.", "Hoshi greets Ana."),
        ("{{CHAR}}, {{User}}, <bot>, <USER>, <Char>", "Hoshi, Ana, Hoshi, Ana, Hoshi"),
        ("İ {{Char}} ẞ", "İ Hoshi ẞ"),
        ("{{character}} {char} {{ char }} <b>", "{{character}} {char} {{ char }} <b>"),
        ("", ""),
        ("{{{char}}}", "{Hoshi}"),
        ("{{char", "{{char"),
        ("char}} {{", "char}} {{"),
        ("{{foo {{char}}}}", "{{foo Hoshi}}"),
        ("{{persona}} {{Scenario}} {{personality}}", "An astronomer. Hoshi's dome. Kind."),
        ("{{mesExamples}}", "<START>\nHoshi: Hi"),
        ("{{time}}, {{weekday}}, {{DATE}}", "21:07, Thursday, November 5, 2026"),
        ("a{{// {{char}} is not told this }}b", "ab"),
        ("a{{comment: x}}{{hidden_key:stars}}b", "ab"),
        ("{{reverse:abc}} {{reverse:{{char}}}}", "cba ihsoH"),
        ("a\n\n{{trim}}\n\nb", "ab"),
        ("a\n{{trim}}{{// x}}\nb{{newline}}c", "ab\nc"),
        ("{{original}}", "our own"),
        ("{{idle_duration}}", "a moment"),
        ("{{roll:d1}} {{roll:1}} {{roll:3d1}} {{roll:2d1+4}}", "1 1 3 6"),
        ("{{roll:0}} {{roll:d}} {{roll:1000d6}} {{roll:x}}", "{{roll:0}} {{roll:d}} {{roll:1000d6}} {{roll:x}}"),
        ("{{random:a}} {{random::a}} {{pick:a\\,b}}", "a a a,b"),
        ("{{random}} {{trim:x}} {{user:x}}", "{{random}} {{trim:x}} {{user:x}}"),
    ],
)
def test_macros_are_filled(text: str, filled: str) -> None:
    assert fill_macros(text, HOSHI, original="our own") == filled


def test_the_nickname_is_what_she_is_called() -> None:
    assert fill_macros("{{char}}", scene(nickname="Star")) == "Star"


def test_a_name_that_looks_like_a_macro_stays() -> None:
    odd = scene(user="<BOT>\\1", name="{{user}}")
    assert fill_macros("{{char}} and {{user}}", odd) == "{{user}} and <BOT>\\1"
    assert fill_macros("{{{{char}}}}", scene(name="user")) == "{{user}}", "what was put in does not name a macro"


@pytest.mark.parametrize("text", ["{{random:red,green,blue}}", "{{random::red::green::blue}}", "{{pick:red,green,blue}}"])
def test_chance_is_the_same_every_time_in_a_conversation(text: str) -> None:
    drawn = [fill_macros(text, scene(seed=seed)) for seed in range(40)]
    assert drawn == [fill_macros(text, scene(seed=seed)) for seed in range(40)]
    assert set(drawn) == {"red", "green", "blue"}


def test_two_of_the_same_macro_are_drawn_apart() -> None:
    assert any(len(set(fill_macros("{{pick:a,b}} {{pick:a,b}}", scene(seed=seed)).split())) == 2 for seed in range(20))


def test_near_the_end_random_falls_anew_for_each_reply_and_pick_does_not() -> None:
    assert len({fill_macros("{{random:1,2,3,4,5,6}}", HOSHI, turn=turn) for turn in range(30)}) > 1
    assert len({fill_macros("{{roll:1d6}}", HOSHI, turn=turn) for turn in range(30)}) > 1
    assert len({fill_macros("{{pick:1,2,3,4,5,6}}", HOSHI, turn=turn) for turn in range(30)}) == 1


def test_dice_show_every_face() -> None:
    assert {fill_macros("{{roll:1d6}}", scene(seed=seed)) for seed in range(200)} == set("123456")


def test_fields_that_name_themselves_or_each_other_end() -> None:
    bomb = scene(
        description="{{personality}}" * 400,
        personality="{{scenario}}" * 400,
        scenario="{{mesExamples}}" * 400,
        mes_example="x" * 900,
    )
    began = time.process_time()
    assert len(fill_macros("{{description}}" * 400, bomb)) <= MAX_FILLED
    assert fill_macros("{{description}}", scene(description="", scenario="{{scenario}}")) == ""
    assert fill_macros("{{scenario}}", scene(scenario="a {{scenario}} b")) == "a  b"
    assert time.process_time() - began < 2


@pytest.mark.parametrize("text", ["{{" * 200_000, "}}" * 200_000, "{{random:" * 50_000, "{{{{char}}" * 50_000, "{" * 400_000])
def test_braces_without_end_take_no_time(text: str) -> None:
    began = time.process_time()
    fill_macros(text, HOSHI)
    assert time.process_time() - began < 2


WORDS = [
    *("{{", "}}", "{", "}", ":", "::", ",", "\\,", "char", "user", "<USER>", "random", "pick", "roll", "1d6", "d", "trim"),
    *("reverse", "//", "original", "é", "{{char}}", "{{scenario}}"),
]
MACRO_TEXT = st.lists(
    st.sampled_from([*WORDS, "{{description}}", "{{roll:", "{{random:", "{{time}}", "\n", " "]), max_size=30
).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=MACRO_TEXT | st.text(max_size=60), field=MACRO_TEXT, name=MACRO_TEXT)
def test_nothing_a_card_says_raises(text: str, field: str, name: str) -> None:
    odd = scene(name=name, user=name, description=field, scenario=field)
    filled = fill_macros(text, odd, original=field)
    assert filled == fill_macros(text, odd, original=field)


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(exclude_characters="{}<>"), max_size=60))
def test_text_without_macros_stays_as_it_is(text: str) -> None:
    assert fill_macros(text, HOSHI) == text


def test_memories_have_names_filled_and_nothing_else() -> None:
    assert fill_names("{{USER}}'s cat, <BOT>'s {{random:a,b}}", HOSHI) == "Ana's cat, Hoshi's {{random:a,b}}"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "a moment"),
        (59, "a moment"),
        (60, "a minute"),
        (150, "2 minutes"),
        (3600, "an hour"),
        (90_000, "a day"),
        (7e6, "2 months"),
    ],
)
def test_lengths_of_time_are_said_as_people_do(seconds: float, said: str) -> None:
    assert spoken_duration(seconds) == said
