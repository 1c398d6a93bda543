"""Character cards in JSON: what is tolerated, and how, and what is refused."""

from __future__ import annotations

import base64
import json
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.cards.limits import MAX_DEPTH, MAX_LIST, MAX_NAME
from companion.core.cards.reading import MAX_CARD_BYTES, read_card, read_card_file
from companion.core.cards.writing import card_json
from companion.core.character import BUILT_IN, Asset
from companion.core.character_library import built_in_character
from companion.core.errors import CharacterError
from tests.core.cards import samples


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


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, 900, 200_000])
def test_deep_nesting_is_no_card(tmp_path: Path, depth: int) -> None:
    path = card(tmp_path, f'{{"name": "Mira [[[", "x": {"[" * depth}{"]" * depth}}}')
    if depth < MAX_DEPTH:
        assert read_card(path).name == "Mira [[["
    else:
        with pytest.raises(CharacterError, match="nested too deep"):
            read_card(path)


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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for path in (tmp_path / "pipe.json", Path("/dev/zero")):
        with pytest.raises(CharacterError, match="not a file"):
            read_card(path)


def test_a_path_that_cannot_be_is_refused() -> None:
    with pytest.raises(CharacterError, match="cannot be opened"):
        read_card(Path("a\0b.json"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_unicode_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "card.json").write_bytes('{"name": "Mira", "description": "星 😀"}'.encode(encoding))
    assert read_card(tmp_path / "card.json").description == "星 😀"


def test_text_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_bytes('{"name": "Mirä"}'.encode("latin-1"))
    with pytest.raises(CharacterError, match="not UTF-8"):
        read_card(tmp_path / "card.json")


def test_what_python_writes_and_json_forbids_is_mended_where_it_stands(tmp_path: Path) -> None:
    path = card(
        tmp_path,
        r'{"name": "Mira", "description": "NaN \\ud83d \ud83d\ude00 \ud83d", "personality": "a' + "\t\n" + r'b",'
        r' "extensions": {"a" : NaN, "b":[-Infinity ,  1.0],"c":"\ud800\u0041 Infinity", "d\\":1}}',
    )
    read = read_card(path)
    assert (read.description, read.personality) == ("NaN \\ud83d 😀 \ufffd", "a\t\nb")
    assert read.extensions == rb'{"a" : null, "b":[null ,  1.0],"c":"\ufffd\u0041 Infinity", "d\\":1}'
    json.loads(card_json(read), parse_constant=pytest.fail)


def test_the_last_of_two_fields_of_one_name_counts(tmp_path: Path) -> None:
    assert read_card(card(tmp_path, '{"name": "Ada", "name": "Mira"}')).name == "Mira"


@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("tags", "a, b ,, c", ("a", "b", "c")),
        ("tags", ["a, b", 7, None, {}], ("a, b", "7")),
        ("tags", None, ()),
        ("alternate_greetings", "Hi, you", ("Hi, you",)),
        ("alternate_greetings", {"a": 1}, ()),
        ("source", "https://example.org", ("https://example.org",)),
        ("character_version", 1.5, "1.5"),
        ("description", ["a"], ""),
        ("description", None, ""),
        ("nickname", " M\n ", "M"),
        ("creation_date", "1700000000", 1700000000),
        ("creation_date", "soon", None),
        ("creation_date", 1e300, None),
        ("creation_date", True, None),
        ("creator_notes_multilingual", {"en": "a", "de": 3}, (("en", "a"),)),
        ("creator_notes_multilingual", "a", ()),
        ("assets", [{"type": "icon", "uri": 3}, "x"], (Asset(type="icon", uri="", name="", ext=""),)),
        ("assets", "x", ()),
        ("extensions", None, b"{}"),
        ("extensions", [1], b"{}"),
        ("character_book", None, None),
        ("character_book", "x", None),
    ],
)
def test_wrong_types_are_understood_or_count_as_left_out(tmp_path: Path, field: str, written: object, read: object) -> None:
    found = read_card(card(tmp_path, {"spec": "chara_card_v3", "data": {"name": "Mira", field: written}}))
    assert getattr(found, {"character_book": "lorebook"}.get(field, field)) == read
    json.loads(card_json(found))


def test_what_was_not_understood_is_kept_where_nothing_takes_its_place(tmp_path: Path) -> None:
    found = read_card(card(tmp_path, {"data": {"name": "Mira", "creation_date": "soon", "assets": "x"}}))
    assert json.loads(card_json(found))["data"]["creation_date"] == "soon"
    assert json.loads(card_json(found))["data"]["assets"] == "x"


def test_fields_beside_data_fill_its_gaps_only(tmp_path: Path) -> None:
    found = read_card(card(tmp_path, {"name": "Old", "description": "old", "data": {"name": "Mira"}, "fav": True}))
    assert (found.name, found.description, found.unknown) == ("Mira", "old", (("../fav", b"true"),))


def test_the_names_that_came_before_v2_are_known(tmp_path: Path) -> None:
    found = read_card(card(tmp_path, {"char_name": "Mira", "char_persona": "calm", "char_greeting": "Hi", "creatorcomment": "c"}))
    assert (found.name, found.personality, found.first_mes, found.creator_notes) == ("Mira", "calm", "Hi", "c")


def test_a_long_name_is_cut(tmp_path: Path) -> None:
    assert read_card(card(tmp_path, {"name": "M" * 1000})).name == "M" * MAX_NAME


@pytest.mark.parametrize("field", ["alternate_greetings", "group_only_greetings", "tags", "source"])
def test_too_many_of_anything_is_refused(tmp_path: Path, field: str) -> None:
    read_card(card(tmp_path, {"name": "Mira", field: ["a"] * MAX_LIST}))
    with pytest.raises(CharacterError, match="more than 1,000"):
        read_card(card(tmp_path, {"name": "Mira", field: ["a"] * (MAX_LIST + 1)}))


def test_a_lorebook_and_a_picture_are_no_characters(tmp_path: Path) -> None:
    with pytest.raises(CharacterError, match="is a lorebook"):
        read_card(card(tmp_path, {"spec": "lorebook_v3", "data": {"name": "World", "entries": []}}))
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 and so on, and so on")
    with pytest.raises(CharacterError, match="picture without a character"):
        read_card(tmp_path / "photo.jpg")


def test_addresses_on_the_network_stay_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("the network was asked"))
    asset = {"type": "icon", "uri": "https://example.org/a.png", "name": "main", "ext": "png"}
    read = read_card_file(card(tmp_path, {"data": {"name": "Mira", "assets": [asset]}}))
    assert (read.card.assets[0].uri, read.picture) == ("https://example.org/a.png", None)


def test_a_picture_in_the_card_itself_is_the_portrait(tmp_path: Path) -> None:
    uri = "data:image/png;base64," + base64.b64encode(samples.png()).decode()
    broken = {"type": "icon", "uri": "data:image/png;base64,%%%", "name": "main", "ext": "png"}
    whole = {"type": "icon", "uri": uri, "name": "other", "ext": "exe"}
    text = {"type": "icon", "uri": "data:text/html;base64,PGI+", "name": "main", "ext": "png"}
    read = read_card_file(card(tmp_path, {"data": {"name": "Mira", "assets": [broken, text, whole]}}))
    assert (read.picture, read.picture_kind) == (samples.png(), "png")


@given(st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8))
def test_no_value_in_a_field_makes_reading_fail(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = card(tmp_path_factory.mktemp("card"), {"name": "Mira", "description": value, "alternate_greetings": value})
    assert read_card(path).name == "Mira"
