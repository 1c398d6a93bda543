"""Lorebooks in files of their own, from several programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from companion.core.cards.limits import MAX_LORE_ENTRIES
from companion.core.cards.reading import read_lorebook
from companion.core.cards.writing import write_lorebook
from companion.core.errors import CharacterError
from companion.core.lorebook import Lorebook, LoreEntry
from tests.core.cards import samples


def book(tmp_path: Path, content: object) -> Lorebook:
    path = tmp_path / "world.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_lorebook(path)


def entry(tmp_path: Path, **fields: object) -> LoreEntry:
    return book(tmp_path, {"entries": [{"keys": ["a"], **fields}]}).entries[0]


def test_a_lorebook_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    first = book(tmp_path, samples.V3.encode())
    content = write_lorebook(first)
    assert json.loads(content)["spec"] == "lorebook_v3"
    assert book(tmp_path, content) == first
    assert book(tmp_path, json.dumps(json.loads(content)["data"]).encode()).entries[0].keys == first.entries[0].keys


@pytest.mark.parametrize("form", ["mira.png", "mira.charx"])
def test_the_lorebook_of_a_card_is_read(tmp_path: Path, form: str) -> None:
    content = samples.png(samples.text_chunk("ccv3", samples.V3)) if form == "mira.png" else samples.mira_charx()
    (tmp_path / form).write_bytes(content)
    assert read_lorebook(tmp_path / form).entries[0].name == "Tower"


def test_the_world_info_of_sillytavern_is_read(tmp_path: Path) -> None:
    found = book(tmp_path, samples.WORLD.encode())
    assert found.name == "World"
    first, second = found.entries
    assert (first.keys, first.secondary_keys, first.selective) == (("tower", "spire"), ("north",), True)
    assert (first.id, first.comment, first.content) == (0, "The tower", "It is high.")
    assert (first.enabled, first.insertion_order, first.case_sensitive, first.constant) == (False, 7, True, False)
    assert json.loads(first.extensions) == {
        **{"position": 4, "depth": 2, "role": 1, "selectiveLogic": 2, "exclude_recursion": True, "probability": 50},
        **{"useProbability": True, "scan_depth": None},
    }
    assert (second.keys, second.enabled, second.position, second.extensions) == (
        ("a", "b"),
        True,
        "before_char",
        b'{"position":0}',
    )
    assert book(tmp_path, write_lorebook(found)) == found


@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("insertion_order", "12", 12),
        ("insertion_order", "1.5", 1.5),
        ("insertion_order", "nan", 100),
        ("insertion_order", "1" * 500, 100),
        ("insertion_order", None, 100),
        ("insertion_order", [1], 100),
        ("enabled", "false", False),
        ("enabled", 0, False),
        ("enabled", None, True),
        ("enabled", "perhaps", True),
        ("keys", "tower, spire", ("tower", "spire")),
        ("keys", None, ()),
        ("keys", [1984, "x", None], ("1984", "x")),
        ("secondary_keys", {}, ()),
        ("position", 1, "after_char"),
        ("position", "in_chat", None),
        ("position", [], None),
        ("id", 2.0, 2),
        ("id", True, None),
        ("constant", "yes", True),
        ("priority", "x", None),
        ("content", 3, ""),
        ("content", None, ""),
        ("extensions", [], b"{}"),
    ],
)
def test_wrong_types_are_understood_or_count_as_left_out(tmp_path: Path, field: str, written: object, read: object) -> None:
    found = entry(tmp_path, **{field: written})
    assert getattr(found, field) == read
    again = book(tmp_path, write_lorebook(Lorebook(entries=(found,)))).entries[0]
    assert getattr(again, field) == read


def test_what_was_not_understood_is_kept(tmp_path: Path) -> None:
    found = entry(tmp_path, position="in_chat", priority="x")
    (kept,) = json.loads(write_lorebook(Lorebook(entries=(found,))))["data"]["entries"]
    assert (kept["position"], kept["priority"]) == ("in_chat", "x")


def test_what_is_no_entry_is_passed_over(tmp_path: Path) -> None:
    assert len(book(tmp_path, {"entries": [None, 3, [], {"keys": ["a"]}, "x"]}).entries) == 1
    assert book(tmp_path, {"entries": None}).entries == ()


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    assert len(book(tmp_path, {"entries": [{}] * MAX_LORE_ENTRIES}).entries) == MAX_LORE_ENTRIES
    with pytest.raises(CharacterError, match="more than 20,000"):
        book(tmp_path, {"entries": [{}] * (MAX_LORE_ENTRIES + 1)})


@pytest.mark.parametrize("content", [{}, {"name": "Mira"}, {"data": {"name": "Mira"}}, {"data": {"character_book": 3}}])
def test_a_file_without_a_lorebook_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(CharacterError, match="no lorebook"):
        book(tmp_path, content)
