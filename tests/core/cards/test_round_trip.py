"""Every card form, read and written in every form: what one can hold, no step loses."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.cards.reading import read_card, read_card_file
from companion.core.cards.writing import card_charx, card_json, card_png
from companion.core.character import Asset, Card
from companion.core.errors import CharacterError
from companion.core.lorebook import Lorebook, LoreEntry
from tests.core.cards import samples

CARDS = {"v1": samples.V1, "v2": samples.V2, "v3": samples.V3}


def packed(card: str, form: str) -> bytes:
    """A card as some other program publishes it."""
    if form == "json":
        return card.encode()
    if form == "charx":
        return samples.charx({"card.json": card, "assets/icon/main.png": samples.png()})
    return samples.png(samples.text_chunk("ccv3" if "_v3" in card else "chara", card))


def written(card: Card, form: str) -> bytes:
    if form == "png":
        return card_png(card, samples.png())
    if form == "charx":
        return card_charx(card, {"assets/icon/main.png": samples.png()})
    return card_json(card, "v2" if form == "v2" else "v3")


def read(content: bytes, folder: Path) -> Card:
    path = folder / "card"
    path.write_bytes(content)
    return read_card(path)


@pytest.mark.parametrize("target", ["v2", "v3", "png", "charx"])
@pytest.mark.parametrize("form", ["json", "png", "charx"])
@pytest.mark.parametrize("spec", CARDS)
def test_a_card_is_the_same_after_it_was_written(tmp_path: Path, spec: str, form: str, target: str) -> None:
    card = read(packed(CARDS[spec], form), tmp_path)
    assert read(written(card, target), tmp_path) == card
    assert read(written(read(written(card, target), tmp_path), "v3"), tmp_path) == card


@pytest.mark.parametrize("target", ["v2", "v3", "png", "charx"])
@pytest.mark.parametrize("spec", ["v2", "v3"])
def test_extensions_survive_byte_for_byte_at_every_level(tmp_path: Path, spec: str, target: str) -> None:
    card = read(written(read(CARDS[spec].encode(), tmp_path), target), tmp_path)
    assert card.extensions == samples.EXTENSIONS.encode()
    assert card.lorebook is not None
    assert card.lorebook.extensions == b'{ "b" : 1.0 }'
    assert card.lorebook.entries[0].extensions == b'{"probability" : 50.0}'
    if target in ("v2", "v3"):
        assert samples.EXTENSIONS.encode() in written(card, target)


def test_unknown_fields_survive_where_they_were(tmp_path: Path) -> None:
    card = read(samples.V2.encode(), tmp_path)
    text = card_json(card, "v3")
    whole = json.loads(text)
    assert whole["side"] == {"s": 1}
    assert (whole["data"]["odd"], whole["data"][".dot"], whole["data"]["../up"]) == ([1.0, 2e3], {"x": 1}, 1.0)
    for piece in (b'{ "s":1}', b"[1.0,  2e3]", b'{"x" :1}', b"1e0", b'{"a" :  1}', b'"\\u0041"'):
        assert piece in text
    assert whole["data"]["character_book"]["entries"][0]["mine"] == {"a": 1}
    assert whole["data"]["character_book"]["own"] == "A"


def test_every_field_of_v3_is_read(tmp_path: Path) -> None:
    card = read(samples.V3.encode(), tmp_path)
    assert (card.name, card.nickname, card.creator, card.character_version) == ("Mira", "Miri", "me", "1.1")
    assert (card.alternate_greetings, card.group_only_greetings, card.tags) == (("Yo", "Hey"), ("All!",), ("a", "b, c"))
    assert card.creator_notes_multilingual == (("en", "notes"), ("ja", "メモ"))
    assert (card.creation_date, card.modification_date) == (1700000000, 1700000001)
    assert card.source == ("https://example.org/mira",)
    assert card.assets[0] == Asset(type="icon", uri="embeded://assets/icon/main.png", name="main", ext="png")
    assert card.lorebook is not None
    assert (card.lorebook.scan_depth, card.lorebook.token_budget, card.lorebook.recursive_scanning) == (3, 512, True)
    first, second = card.lorebook.entries
    assert msgspec.structs.replace(first, extensions=b"", unknown=()) == LoreEntry(
        keys=("tower", "/spire\\s/i"),
        content="@@depth 4\nIt is high.",
        enabled=False,
        insertion_order=7,
        case_sensitive=True,
        name="Tower",
        priority=2.5,
        id=3,
        comment="c",
        selective=True,
        secondary_keys=("north",),
        constant=False,
        position="after_char",
        extensions=b"",
    )
    assert (second.id, second.use_regex, second.insertion_order, second.position) == ("x", True, -1.5, "before_char")


def test_a_v1_card_becomes_v2_and_v3(tmp_path: Path) -> None:
    card = read(samples.V1.encode(), tmp_path)
    for spec, name, version in (("v2", "chara_card_v2", "2.0"), ("v3", "chara_card_v3", "3.0")):
        whole = json.loads(card_json(card, spec))  # type: ignore[arg-type]
        assert (whole["spec"], whole["spec_version"]) == (name, version)
        assert whole["data"]["mes_example"] == "<START>\n{{char}}: Hm."
        assert (whole["data"]["extensions"], whole["data"]["alternate_greetings"]) == ({}, [])
        assert (whole["data"]["avatar"], whole["data"]["chat"]) == ("none", 1.5)


def test_a_written_card_has_every_field_its_specification_demands(tmp_path: Path) -> None:
    v2 = {
        *("name", "description", "personality", "scenario", "first_mes", "mes_example", "creator_notes", "system_prompt"),
        *("post_history_instructions", "alternate_greetings", "tags", "creator", "character_version", "extensions"),
    }
    assert set(json.loads(card_json(Card(name="Mira"), "v2"))["data"]) == v2
    assert set(json.loads(card_json(Card(name="Mira"), "v3"))["data"]) == v2 | {"group_only_greetings"}
    book = Lorebook(entries=(LoreEntry(keys=("a",)),))
    (entry,) = json.loads(card_json(Card(name="Mira", lorebook=book)))["data"]["character_book"]["entries"]
    assert entry == {
        **{"keys": ["a"], "content": "", "extensions": {}, "enabled": True, "insertion_order": 100, "use_regex": False}
    }


def test_a_png_has_the_card_in_both_forms_and_keeps_its_other_chunks(tmp_path: Path) -> None:
    card = read(samples.V3.encode(), tmp_path)
    old = (samples.text_chunk("ccv3", samples.V1), samples.text_chunk("Chara", samples.V1))
    picture = samples.png(samples.NOTE, old[0], samples.GAMMA, old[1])
    content = card_png(card, picture + b"behind the end")
    end = content.index(samples.DATA) + len(samples.DATA)
    assert content[:end] == samples.SIGNATURE + samples.HEAD + samples.NOTE + samples.GAMMA + samples.DATA
    v2, v3 = (
        samples.text_chunk("chara", card_json(card, "v2").decode()),
        samples.text_chunk("ccv3", card_json(card, "v3").decode()),
    )
    assert content[end:] == v2 + v3 + samples.END
    (tmp_path / "mira.png").write_bytes(content)
    read_again = read_card_file(tmp_path / "mira.png")
    assert (read_again.card, read_again.picture_kind) == (card, "png")
    assert read_again.picture == samples.png(samples.NOTE, samples.GAMMA)


def test_a_charx_file_keeps_its_files(tmp_path: Path) -> None:
    (tmp_path / "mira.charx").write_bytes(samples.mira_charx())
    first = read_card_file(tmp_path / "mira.charx")
    (tmp_path / "again.charx").write_bytes(card_charx(first.card, first.files))
    second = read_card_file(tmp_path / "again.charx")
    assert second == first
    assert first.picture == first.files["assets/icon/main.png"]
    assert set(first.files) == {
        *("assets/icon/main.png", "assets/emotion/0.png", "assets/emotion/1.png", "assets/background/hill.png", "module.risum")
    }


@pytest.mark.parametrize("extensions", [b"{", b'{"a": NaN}', b'{"a": "\xff"}', b"[" * 5000])
def test_what_is_no_json_is_never_written(extensions: bytes) -> None:
    with pytest.raises(CharacterError):
        card_json(Card(name="Mira", extensions=extensions))


def test_a_card_too_large_to_be_read_is_not_written() -> None:
    with pytest.raises(CharacterError, match="larger"):
        card_json(Card(name="Mira", description="a" * 8 * 1024 * 1024))


def test_half_a_character_is_written_as_one_that_can_be_read(tmp_path: Path) -> None:
    card = Card(name="Mira", description="\ud83d", lorebook=Lorebook(entries=(LoreEntry(keys=("\udc00",)),)))
    again = read(card_json(card), tmp_path)
    assert again.description == "\ufffd"
    assert again.lorebook is not None
    assert again.lorebook.entries[0].keys == ("\ufffd",)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=12)
flags = st.none() | st.booleans()
raws = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.dumps(value, ensure_ascii=True).encode())
objects = st.dictionaries(texts, raws, max_size=3).map(
    lambda found: b"{ " + b" ,".join(json.dumps(key).encode() + b" : " + raw for key, raw in found.items()) + b"}"
)
entries = st.builds(
    LoreEntry,
    keys=st.lists(texts, max_size=3).map(tuple),
    content=texts,
    enabled=st.booleans(),
    insertion_order=st.integers(-1000, 1000) | st.floats(-1000, 1000),
    case_sensitive=flags,
    use_regex=st.booleans(),
    name=texts,
    priority=st.none() | st.integers(-1000, 1000),
    id=st.none() | st.integers(-1000, 1000) | texts,
    comment=texts,
    selective=flags,
    secondary_keys=st.lists(texts, max_size=2).map(tuple),
    constant=flags,
    position=st.sampled_from([None, "before_char", "after_char"]),
    extensions=objects,
)
books = st.builds(
    Lorebook,
    name=texts,
    description=texts,
    scan_depth=st.none() | st.integers(0, 100),
    token_budget=st.none() | st.integers(0, 100),
    recursive_scanning=flags,
    entries=st.lists(entries, max_size=3).map(tuple),
    extensions=objects,
)
cards = st.builds(
    Card,
    name=texts.map(lambda name: "M" + " ".join(name.split())),
    description=texts,
    first_mes=texts,
    alternate_greetings=st.lists(texts, max_size=3).map(tuple),
    tags=st.lists(texts, max_size=3).map(tuple),
    lorebook=st.none() | books,
    nickname=texts.map(lambda name: " ".join(name.split())),
    creator_notes_multilingual=st.dictionaries(texts, texts.filter(bool), max_size=2).map(lambda notes: tuple(notes.items())),
    source=st.lists(texts, max_size=2).map(tuple),
    assets=st.lists(st.builds(Asset, type=texts, uri=texts, name=texts, ext=texts), max_size=2).map(tuple),
    creation_date=st.none() | st.integers(0, 2**40),
    extensions=objects,
    unknown=st.dictionaries(texts.map(lambda key: "x-" + key), raws, max_size=2).map(lambda fields: tuple(fields.items())),
)


@settings(max_examples=150, deadline=None)
@given(card=cards, form=st.sampled_from(["v2", "v3", "png", "charx"]))
def test_any_card_that_can_be_written_is_read_the_same(tmp_path_factory: pytest.TempPathFactory, card: Card, form: str) -> None:
    assert read(written(card, form), tmp_path_factory.mktemp("card")) == card
