"""How a memory of the person's name reads, whatever their name is now, and what becomes of one that is changed."""

from __future__ import annotations

import pytest

from companion.core.memory import kept, told

NAMED = "{{user}}'s name is Mia."


@pytest.mark.parametrize("name", ["", "Mia", "Otto"])
def test_a_name_is_told_of_the_person_and_not_of_itself(name: str) -> None:
    assert told(NAMED, name) == "The person's name is Mia."
    assert told("{{user}}'s name is short, and {{user}} likes it.", "Mia") == "Mia's name is short, and Mia likes it."
    assert told("{{user}} likes tea, and {{user}}'s name is short.", "Mia") == "Mia likes tea, and Mia's name is short."


def test_a_changed_one_is_still_about_whoever_the_person_is() -> None:
    assert kept("The person's name is Maria.", "Mia", NAMED) == "{{user}}'s name is Maria."
    assert kept("The person is called Maria.", "Mia", NAMED) == "{{user}} is called Maria."
    assert kept("Mia is what a friend is called.", "Mia", NAMED) == "Mia is what a friend is called."
    assert kept("Mia likes coffee.", "Mia", "{{user}} likes tea.") == "{{user}} likes coffee."
