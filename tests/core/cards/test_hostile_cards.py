"""Whatever is in a file, reading it ends in a card or in a CharacterError, and a card that was read can be written.

Real cards are damaged in thousands of ways, with a seed, so that a failure can be repeated; many more with `-m slow`.
"""

from __future__ import annotations

import base64
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.cards.reading import CardFile, read_card_file, read_lorebook
from companion.core.cards.writing import card_charx, card_json, card_png, write_lorebook
from companion.core.character import Card
from companion.core.errors import CharacterError
from companion.core.lorebook import Lorebook
from tests.core.cards import samples

QUICK, LONG = 600, 20_000
SLOWEST_SECONDS = 5.0  # on a busy machine; a few milliseconds on an idle one
PNG = samples.png(samples.NOTE, samples.text_chunk("chara", samples.V2), samples.text_chunk("ccv3", samples.V3))
SPECIAL = [
    *(None, True, False, 0, -1, 2**63, 10**30, 1e308, -0.0, float("nan"), float("inf"), "", "\ud800", "\0", "{{char}}", "1e999"),
    *([], {}, [[]], [None], {"": None}, "a,b", "x" * 500, ["\udfff"] * 3, [{"keys": "a"}], {"0": {"key": ["a"]}}, "../x"),
]


def put(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # some file systems flush a file that is emptied and written again
    path.write_bytes(content)


def same(card: Card, path: Path) -> None:
    """The card can be written in every form, and read again without a loss."""
    for content in (card_json(card, "v2"), card_json(card, "v3"), card_png(card, samples.png()), card_charx(card, {})):
        put(path, content)
        assert read_card_file(path).card == card
    json.loads(card_json(card), parse_constant=pytest.fail)


def attempt(path: Path, content: bytes) -> str:
    """Read `content` as a card and as a lorebook; what came of the card."""
    put(path, content)
    begun = time.process_time()
    found: CardFile | None = None
    book: Lorebook | None = None
    outcome, other_outcome = "read", "read."
    try:
        found = read_card_file(path)
    except CharacterError as error:
        outcome = error.what
    try:
        book = read_lorebook(path)
    except CharacterError as error:
        other_outcome = error.what
    assert time.process_time() - begun < SLOWEST_SECONDS
    assert other_outcome.endswith(".")
    if book is not None:
        put(path, write_lorebook(book))
        assert read_lorebook(path) == book
    if found is None:
        assert outcome.endswith(".")
    else:
        assert isinstance(found.card, Card)
        same(found.card, path)
    return outcome


# Damage


def bytes_damaged(content: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(damaged) + 1)
        end = min(len(damaged), at + rng.choice((1, 1, 2, 4, 16, 200)))
        match rng.randrange(7):
            case 0:
                damaged[at:end] = rng.randbytes(end - at)
            case 1:
                del damaged[at:end]
            case 2:
                damaged[at:at] = damaged[at:end] * rng.choice((1, 3))
            case 3:
                damaged[at:end] = rng.choice((b"\0", b"\xff", b"\x7f", b'"', b"{", b"[", b"\\u", b"PK", b"IEND")) * (end - at)
            case 4:
                del damaged[at:]
            case 5 if at < len(damaged):
                damaged[at] ^= 1 << rng.randrange(8)
            case _:
                other = rng.randrange(len(damaged) + 1)
                damaged[at:end] = damaged[other : other + end - at]
        if not damaged:
            break
    return bytes(damaged)


def value_damaged(value: Any, rng: random.Random) -> Any:
    """JSON with something else in one place."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return rng.choice(SPECIAL)
    if isinstance(value, list):
        changed = list(value)
        at = rng.randrange(len(changed))
        changed[at] = value_damaged(changed[at], rng)
        return changed * rng.choice((1, 1, 1, 2, 8))
    key = rng.choice(list(value))
    changed_object = dict(value)
    match rng.randrange(6):
        case 0:
            changed_object[rng.choice(("", "..", "data", "name", "entries", "extensions", "keys", "\ud83d"))] = (
                changed_object.pop(key)
            )
        case 1:
            del changed_object[key]
        case _:
            changed_object[key] = value_damaged(changed_object[key], rng)
    return changed_object


def card_damaged(rng: random.Random) -> str:
    text = rng.choice((samples.V1, samples.V2, samples.V3, samples.WORLD))
    if rng.random() < 0.4:
        return bytes_damaged(text.encode(), rng).decode("utf-8", errors="replace")
    value = json.loads(text)
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = value_damaged(value, rng)
    return json.dumps(value, ensure_ascii=rng.random() < 0.7).encode("utf-8", errors="replace").decode()


def json_file(rng: random.Random) -> bytes:
    if rng.random() < 0.3:
        return bytes_damaged(rng.choice((samples.V1, samples.V3, samples.WORLD)).encode(rng.choice(("utf-8", "utf-16"))), rng)
    return card_damaged(rng).encode()


def png_file(rng: random.Random) -> bytes:
    match rng.randrange(3):
        case 0:
            return bytes_damaged(PNG, rng)
        case 1:
            return samples.png(samples.text_chunk(rng.choice(("chara", "ccv3")), card_damaged(rng)))
        case _:
            body = rng.choice((b"chara\0", b"ccv3\0\0", b"ccv3\0\1\0\0\0")) + base64.b64encode(samples.V3.encode())
            return samples.png(samples.chunk(rng.choice((b"tEXt", b"zTXt", b"iTXt")), bytes_damaged(body, rng)))


def charx_file(rng: random.Random) -> bytes:
    match rng.randrange(3):
        case 0:
            return bytes_damaged(samples.mira_charx(), rng)
        case 1:
            return samples.charx({"card.json": card_damaged(rng), "assets/icon/main.png": samples.png()})
        case _:
            content = bytearray(samples.mira_charx())
            headers = [found.start() for found in re.finditer(rb"PK[\1\3\5]", content)]
            for _ in range(rng.choice((1, 3))):
                at = rng.choice(headers) + rng.randrange(46)
                if at < len(content):
                    content[at] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
            return bytes(content)


def lorebook_file(rng: random.Random) -> bytes:
    value = json.loads(rng.choice((samples.WORLD, json.dumps(json.loads(samples.V3)["data"]["character_book"]))))
    for _ in range(rng.choice((1, 2, 4))):
        value = value_damaged(value, rng)
    text = json.dumps(value).encode()
    return bytes_damaged(text, rng) if rng.random() < 0.2 else text


FILES = {"json": json_file, "png": png_file, "charx": charx_file, "lorebook": lorebook_file}


def fuzz(make: Callable[[random.Random], bytes], path: Path, seeds: range) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    for seed in seeds:
        try:
            outcome = attempt(path, make(random.Random(seed)))
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return outcomes


@pytest.mark.parametrize("form", FILES)
def test_damaged_files_end_in_a_card_or_a_sentence(tmp_path: Path, form: str) -> None:
    outcomes = fuzz(FILES[form], tmp_path / "mira", range(QUICK))
    assert len(outcomes) > 2  # neither refused at the door nor untouched
    if form != "lorebook":
        assert outcomes["read"] > QUICK / 20


@pytest.mark.slow
@pytest.mark.parametrize("form", FILES)
def test_many_more_damaged_files_end_in_a_card_or_a_sentence(tmp_path: Path, form: str) -> None:
    fuzz(FILES[form], tmp_path / "mira", range(QUICK, QUICK + LONG))


# Any bytes at all

texts = st.text(st.characters(codec=None), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=5,
)
FIELDS = sorted(
    {*json.loads(samples.V3)["data"], *json.loads(samples.V1), "spec", "data", "entries", "char_name"} - {".dot", "../up", "odd"}
)
ENTRY_FIELDS = sorted(
    {*json.loads(samples.V3)["data"]["character_book"]["entries"][0], *json.loads(samples.WORLD)["entries"]["0"]}
)
objects = st.dictionaries(st.sampled_from(FIELDS), values, max_size=6)
entries = st.dictionaries(st.sampled_from(ENTRY_FIELDS), values, max_size=6)
books = st.fixed_dictionaries(
    {"entries": st.lists(entries, max_size=3) | st.dictionaries(texts, entries, max_size=3)},
    optional={"scan_depth": values, "token_budget": values, "recursive_scanning": values, "extensions": values, "name": values},
)
named = st.builds(lambda fields, book: {**fields, "name": "Mira", "character_book": book}, objects, books | values)
json_cards = st.builds(lambda data, beside: {**beside, "data": data}, named, objects) | named | values
json_texts = json_cards.map(json.dumps).map(str.encode)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "mira"


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300) | json_texts)
def test_any_json_is_read_or_refused(place: Path, content: bytes) -> None:
    attempt(place, content)


chunks = st.builds(
    samples.chunk,
    st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"IDAT", b"IEND", b"IHDR", b"abcd"]),
    st.builds(
        lambda head, body: head + body,
        st.sampled_from([b"", b"chara\0", b"ccv3\0", b"chara\0\0", b"ccv3\0\0\0\0\0", b"ccv3\0\1\0\0\0"]),
        st.binary(max_size=40) | json_texts.map(base64.b64encode),
    ),
)


@settings(max_examples=100, deadline=None)
@given(
    content=st.lists(chunks, max_size=4).map(lambda found: samples.png(*found)) | st.binary().map(lambda b: samples.SIGNATURE + b)
)
def test_any_picture_is_read_or_refused(place: Path, content: bytes) -> None:
    attempt(place, content)


odd_paths = st.text(st.sampled_from("aA./\\:\0 ~é1"), min_size=1, max_size=8).filter(lambda path: path[0] != "\0")
paths = odd_paths | st.sampled_from(["card.json", "../x", "/x", "nul"])


@settings(max_examples=100, deadline=None)
@given(
    content=st.builds(
        lambda card, files: samples.charx({"card.json": card, **files}),
        json_texts,
        st.dictionaries(paths, st.binary(), max_size=3),
    )
    | st.binary().map(lambda found: b"PK\x03\x04" + found)
)
def test_any_archive_is_read_or_refused(place: Path, content: bytes) -> None:
    attempt(place, content)


@settings(max_examples=100, deadline=None)
@given(content=(books | values).map(json.dumps).map(str.encode))
def test_any_lorebook_is_read_or_refused(place: Path, content: bytes) -> None:
    attempt(place, content)
