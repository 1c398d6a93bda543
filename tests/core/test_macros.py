"""The macros in a card's texts."""

from __future__ import annotations

import pytest

from companion.core.character import Card, Character
from companion.core.macros import fill_macros
from companion.core.persona import Persona

HOSHI = Character(identifier="", card=Card(name="Hoshi"))


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{{char}} greets {{user}}.", "Hoshi greets Ana."),
        ("{{CHAR}}, {{User}}, <bot>, <USER>", "Hoshi, Ana, Hoshi, Ana"),
        ("İ {{Char}} ẞ", "İ Hoshi ẞ"),
        ("{{character}} {char} {{ char }} <b>", "{{character}} {char} {{ char }} <b>"),
        ("", ""),
    ],
)
def test_macros_are_filled_in_any_case(text: str, filled: str) -> None:
    assert fill_macros(text, HOSHI, Persona(name="Ana")) == filled


def test_a_name_that_looks_like_a_macro_stays() -> None:
    odd = Character(identifier="", card=Card(name="{{user}}"))
    assert fill_macros("{{char}} and {{user}}", odd, Persona(name="<BOT>\\1")) == "{{user}} and <BOT>\\1"
