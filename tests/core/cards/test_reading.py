"""Character cards in JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.cards.reading import MAX_CARD_BYTES, read_card
from companion.core.character import BUILT_IN
from companion.core.character_library import built_in_character
from companion.core.errors import CharacterError


def card(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "card.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_built_in_character_is_there() -> None:
    character = built_in_character()
    assert character.identifier == BUILT_IN
    assert character.name == "Hoshi"
    assert character.card.first_mes
    assert character.card.system_prompt
    assert all(character.card.alternate_greetings)


@pytest.mark.parametrize("spec", ["chara_card_v2", "chara_card_v3"])
def test_v2_and_v3_cards_keep_their_fields_in_data(tmp_path: Path, spec: str) -> None:
    path = card(tmp_path, {"spec": spec, "data": {"name": "Mira", "first_mes": "Hi", "alternate_greetings": ["Yo", 3, "Hey"]}})
    character = read_card(path)
    assert (character.name, character.first_mes, character.alternate_greetings) == ("Mira", "Hi", ("Yo", "Hey"))


def test_v1_cards_are_flat(tmp_path: Path) -> None:
    character = read_card(card(tmp_path, {"name": "Mira", "description": "tall", "mes_example": "<START>"}))
    assert (character.name, character.description, character.mes_example) == ("Mira", "tall", "<START>")


def test_names_are_one_line_and_texts_are_plain(tmp_path: Path) -> None:
    character = read_card(card(tmp_path, '{"name": " Mira\\n of the Hill ", "description": "a\\r\\nb\\u0000\\ud800"}'))
    assert character.name == "Mira of the Hill"
    assert character.description == "a\nb\ufffd"


def test_a_card_saved_by_notepad_is_read(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_bytes(b'\xef\xbb\xbf{"name": "Mira"}')
    assert read_card(tmp_path / "card.json").name == "Mira"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "3", "{}", '{"name": ""}', '{"name": " \\n"}', '{"name": 3}', '{"data": {"name": null}}'],
)
def test_what_is_no_card_is_refused_with_a_sentence(tmp_path: Path, content: str) -> None:
    with pytest.raises(CharacterError, match=r"card\.json"):
        read_card(card(tmp_path, content))


def test_deep_nesting_is_no_card(tmp_path: Path) -> None:
    with pytest.raises(CharacterError):
        read_card(card(tmp_path, "[" * 200_000))


def test_a_missing_card_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(CharacterError, match="cannot be opened"):
            read_card(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    with path.open("wb") as file:
        file.truncate(MAX_CARD_BYTES + 1)
    with pytest.raises(CharacterError, match="larger"):
        read_card(path)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8))
def test_no_value_in_a_field_makes_reading_fail(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = card(tmp_path_factory.mktemp("card"), {"name": "Mira", "description": value, "alternate_greetings": value})
    assert read_card(path).name == "Mira"
