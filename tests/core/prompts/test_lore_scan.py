"""Which entries of a lorebook the model is told."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.character import Card, Character
from companion.core.conversation import Message
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.persona import Persona
from companion.core.prompts.lore_decorators import read_rules, split_decorators
from companion.core.prompts.lore_scan import activate
from companion.core.prompts.scene import Scene


def talk(*texts: str) -> list[Message]:
    """Her greeting first, then turn by turn."""
    return [
        Message(id=i + 1, conversation=1, parent=i or None, role="user" if i % 2 else "assistant", text=text, created=0.0)
        for i, text in enumerate(texts)
    ]


def entry(*keys: str, content: str = "told", **fields: Any) -> LoreEntry:
    return LoreEntry(keys=keys, content=content, **fields)


def scene(*entries: LoreEntry, seed: int = 1, first_mes: str = "", **book: Any) -> Scene:
    card = Card(name="Hoshi", first_mes=first_mes, alternate_greetings=("Other.",), lorebook=Lorebook(entries=entries, **book))
    return Scene(character=Character(identifier="", card=card), persona=Persona(name="Ana"), seed=seed)


def told(where: Scene, *texts: str, ahead: bool = False) -> list[str]:
    return [lore.text for lore in activate(where, talk(*texts), ahead=ahead)]


def test_an_entry_is_told_when_one_of_its_keys_is_said() -> None:
    where = scene(entry("moon", "luna", content="{{char}} loves the moon, {{user}}."), entry("sun"))
    assert told(where, "Hello.", "Is that the moon?") == ["Hoshi loves the moon, Ana."]
    assert told(where, "Hello.", "Is that a lamp?") == []


def test_a_card_without_a_lorebook_tells_nothing() -> None:
    assert activate(Scene(character=Character(identifier="", card=Card(name="Hoshi"))), talk("Hi")) == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"enabled": False}, False),
        ({"constant": True, "enabled": False}, False),
        ({"constant": True}, True),
        ({"keys": ()}, False),
    ],
)
def test_constant_and_disabled_entries(fields: dict[str, Any], said: bool) -> None:
    assert bool(told(scene(LoreEntry(**{"keys": ("moon",), "content": "told"} | fields)), "Hello.", "Hi.")) is said


def test_only_the_newest_messages_are_searched() -> None:
    texts = ["the moon", "a", "b", "c"]
    assert told(scene(entry("moon")), *texts) == ["told"]
    assert told(scene(entry("moon")), *texts, "d") == []
    assert told(scene(entry("moon"), scan_depth=5), *texts, "d") == ["told"]
    assert told(scene(entry("moon"), scan_depth=0), "moon") == []
    assert told(scene(entry("moon", content="@@scan_depth 9\ntold"), scan_depth=1), *texts) == ["told"]
    assert told(scene(entry("moon", extensions=b'{"scan_depth": 9}'), scan_depth=1), *texts) == ["told"]


def test_ahead_of_the_next_message_the_oldest_one_searched_makes_room() -> None:
    texts = ["the moon", "a", "b", "c"]
    assert told(scene(entry("moon")), *texts, ahead=True) == []
    assert told(scene(entry("moon")), *texts[:3], ahead=True) == ["told"]


@pytest.mark.parametrize(
    ("logic", "said", "expected"),
    [
        (None, "moon and tea", True),
        (None, "moon", False),
        (0, "moon and tea", True),
        (1, "moon and tea", True),
        (1, "moon, tea and cake", False),
        (2, "moon", True),
        (2, "moon and cake", False),
        (3, "moon and tea", False),
        (3, "moon, tea and cake", True),
    ],
)
def test_secondary_keys(logic: int | None, said: str, expected: bool) -> None:
    extensions = b"{}" if logic is None else msgspec.json.encode({"selectiveLogic": logic})
    both = entry("moon", selective=True, secondary_keys=("tea", "cake"), extensions=extensions)
    assert bool(told(scene(both), said)) is expected


def test_secondary_keys_count_only_where_the_entry_is_selective() -> None:
    assert told(scene(entry("moon", secondary_keys=("tea",))), "moon") == ["told"]


def test_case_and_regular_expressions() -> None:
    assert told(scene(entry("Moon", case_sensitive=True)), "moon") == []
    assert told(scene(entry(r"mo+n\b", use_regex=True)), "moooon") == ["told"]
    assert told(scene(entry("(", use_regex=True)), "(") == []


def test_sillytavern_writes_use_regex_everywhere_and_means_plain_keys() -> None:
    theirs = {"use_regex": True, "extensions": b'{"exclude_recursion": false, "display_index": 0, "position": 0}'}
    assert told(scene(entry("cat", **theirs)), "concatenate") == []
    assert told(scene(entry("Mr. X", **theirs)), "MrXX") == []
    assert told(scene(entry("/c.t/i", **theirs)), "CUT") == ["told"]


def test_names_in_keys_are_filled() -> None:
    assert told(scene(entry("{{user}}'s cat")), "How is Ana's cat?") == ["told"]


def test_entries_call_up_others_where_the_book_says_so() -> None:
    chain = (
        entry("moon", content="Near the observatory.", insertion_order=1),
        entry("observatory", content="It has a dome. {{// not the attic}}", insertion_order=2),
        entry("dome", content="Copper.{{hidden_key:cellar}}", insertion_order=3),
        entry("cellar", content="Wine.", insertion_order=4),
        entry("attic", content="Bats.", insertion_order=5),
    )
    assert told(scene(*chain, recursive_scanning=True), "moon") == [
        "Near the observatory.",
        "It has a dome.",
        "Copper.",
        "Wine.",
    ]
    assert told(scene(*chain, recursive_scanning=False), "moon") == ["Near the observatory."]
    assert told(scene(*chain), "moon") == ["Near the observatory."]


def test_recursion_has_an_end_and_can_be_kept_out() -> None:
    chain = tuple(entry(f"k{i}", content=f"k{i + 1}", insertion_order=i) for i in range(50))
    assert len(told(scene(*chain, recursive_scanning=True), "k0")) == 6
    stops = entry("moon", content="dome", extensions=b'{"prevent_recursion": true}')
    closed = entry("dome", content="closed", extensions=b'{"exclude_recursion": true}')
    assert told(scene(stops, entry("dome", content="open"), recursive_scanning=True), "moon") == ["dome"]
    assert told(scene(entry("moon", content="dome"), closed, recursive_scanning=True), "moon") == ["dome"]


def test_entries_stand_in_their_order() -> None:
    where = scene(
        entry("a", content="3", insertion_order=30), entry("a", content="1", insertion_order=-1.5), entry("a", content="2")
    )
    assert told(where, "a") == ["1", "3", "2"]


def test_the_budget_keeps_constants_then_priority_then_order() -> None:
    text = "word " * 20
    entries = [
        entry("a", content=f"low {text}", priority=1),
        entry("a", content=f"high {text}", priority=10),
        entry("a", content=f"plain {text}", insertion_order=300),
        entry("a", content=f"constant {text}", constant=True, priority=-5),
        entry("a", content=f"@@ignore_on_max_context\nfirst to go {text}", priority=99),
        entry("a", content="small"),
    ]
    assert [t.split()[0] for t in told(scene(*entries, token_budget=10_000), "a")] == [
        "low",
        "high",
        "constant",
        "first",
        "small",
        "plain",
    ]
    assert [t.split()[0] for t in told(scene(*entries, token_budget=75), "a")] == ["low", "high", "constant", "small"]
    assert [t.split()[0] for t in told(scene(*entries, token_budget=30), "a")] == ["constant", "small"]


def test_without_a_budget_a_quarter_of_the_context_is_taken_and_never_more_than_half() -> None:
    entries = [entry("a", content=f"{i} " + "word " * 97) for i in range(60)]
    assert len(told(scene(*entries), "a")) == 10
    assert len(told(msgspec.structs.replace(scene(*entries), context_tokens=1024), "a")) == 2
    assert len(told(scene(*entries, token_budget=10**9), "a")) == 20


@pytest.mark.parametrize(
    ("content", "texts", "expected"),
    [
        ("@@constant\nx", ["hi"], True),
        ("@@activate\nx", ["hi"], True),
        ("@@dont_activate\nx", ["moon"], False),
        ("@@dont_activate\n@@activate\nx", ["hi"], True),
        ("@@activate_only_after 2\nx", ["moon"], False),
        ("@@activate_only_after 2\nx", ["moon", "a", "b"], True),
        ("@@activate_only_every 2\nx", ["moon"], False),
        ("@@activate_only_every 2\nx", ["moon", "a", "b"], True),
        ("@@activate_only_every 0\nx", ["moon"], True),
        ("@@additional_keys tea, cake\nx", ["moon"], False),
        ("@@additional_keys tea, cake\nx", ["moon cake"], True),
        ("@@exclude_keys tea\nx", ["moon"], True),
        ("@@exclude_keys tea\nx", ["moon tea"], False),
        ("@@is_greeting 0\nx", ["moon"], True),
        ("@@is_greeting 1\nx", ["moon"], False),
        ("@@is_greeting 1\nx", ["Other.", "moon"], True),
        ("@@is_greeting 1\nx", ["Edited.", "moon"], True),
        ("@@keep_activate_after_match\nx", ["moon", "a", "b", "c", "d", "e"], True),
        ("@@dont_activate_after_match\nx", ["a", "moon"], True),
        ("@@dont_activate_after_match\nx", ["moon", "a", "b", "c", "d", "moon"], False),
        ("@@case_sensitive\nx", ["MOON"], False),
    ],
)
def test_decorators_that_decide_when(content: str, texts: list[str], expected: bool) -> None:
    assert told(scene(entry("moon", content=content), first_mes="moon"), *texts) == (["x"] if expected else [])


@pytest.mark.parametrize(
    ("content", "place", "depth", "role"),
    [
        ("x", "after_char", 4, "system"),
        ("@@depth 2\nx", "depth", 2, "system"),
        ("@@depth 2\n@@role user\nx", "depth", 2, "user"),
        ("@@depth two\n@@@depth 3\nx", "depth", 3, "system"),
        ("@@unheard_of 4\n@@@also_unheard_of\n@@@depth 5\nx", "depth", 5, "system"),
        ("@@depth 1\n@@@depth 5\nx", "depth", 1, "system"),
        ("@@depth 1\n@@depth 5\nx", "depth", 1, "system"),
        ("@@depth -1\n@@role nobody\nx", "after_char", 4, "system"),
        ("@@depth 1\n@@position before_desc\nx", "before_char", 1, "system"),
        ("@@position scenario\nx", "scenario", 4, "system"),
        ("\n@@position somewhere\n\n@@role assistant\n\nx", "after_char", 4, "assistant"),
    ],
)
def test_decorators_that_decide_where(content: str, place: str, depth: int, role: str) -> None:
    lore = activate(scene(entry("moon", content=content)), talk("moon"))[0]
    assert (lore.text, lore.place, lore.depth, lore.role) == ("x", place, depth, role)


def test_only_leading_lines_are_decorators() -> None:
    assert split_decorators("x\n@@depth 3") == ([], "x\n@@depth 3")
    assert split_decorators("@@depth 3") == ([("@@", "depth", "3")], "")
    assert told(scene(entry("moon", content="@@depth 3")), "moon") == [], "an entry that says nothing is not told"


def test_what_sillytavern_keeps_in_the_extensions() -> None:
    fields = {"position": 4, "depth": 2, "role": 1, "match_whole_words": False, "case_sensitive": True, "probability": 50}
    rules = read_rules(entry("moon", extensions=msgspec.json.encode(fields)))
    assert (rules.place, rules.depth, rules.role) == ("depth", 2, "user")
    assert (rules.whole_words, rules.case_sensitive, rules.chance) == (False, True, 0.5)
    at_the_note = msgspec.structs.replace(scene(entry("moon", extensions=b'{"position": 2}')), note_depth=3)
    assert activate(at_the_note, talk("moon"))[0][2:4] == ("note", 3)


@pytest.mark.parametrize(
    "extensions", [b"", b"null", b"[1]", b"{", b'{"position": "x", "role": true, "probability": []}', b"\xff"]
)
def test_odd_extensions_are_ignored(extensions: bytes) -> None:
    assert told(scene(entry("moon", extensions=extensions)), "moon") == ["told"]


def test_probability_is_settled_once_for_a_conversation() -> None:
    half = entry("moon", extensions=b'{"probability": 50, "useProbability": true}')
    drawn = [bool(told(scene(half, seed=seed), "moon")) for seed in range(60)]
    assert 10 < sum(drawn) < 50
    assert all(bool(told(scene(half, seed=7), "moon", "x")) == drawn[7] for _ in range(3))
    unused = entry("moon", extensions=b'{"probability": 0, "useProbability": false}')
    assert told(scene(unused), "moon") == ["told"]


def test_entries_are_named_for_people() -> None:
    names = [entry("a", name="Name", comment="c"), entry("a", comment="Comment"), entry("", "a"), entry(constant=True)]
    assert [lore.name for lore in activate(scene(*names), talk("a"))] == ["Name", "Comment", "a", "Untitled"]


LINE = st.sampled_from(
    ["@@depth 3", "@@@role user", "@@x", "@@", "@@@", "@@depth", "@@exclude_keys a,,b", "text", "", "@@position x"]
)


@settings(max_examples=200, deadline=None)
@given(lines=st.lists(LINE, max_size=8), keys=st.lists(st.text(max_size=8), max_size=3), said=st.text(max_size=40))
def test_no_entry_raises(lines: list[str], keys: list[str], said: str) -> None:
    odd = LoreEntry(keys=tuple(keys), secondary_keys=tuple(keys), selective=True, use_regex=bool(lines), content="\n".join(lines))
    activate(scene(odd, recursive_scanning=True), talk(said))


def test_a_book_that_is_a_trap_does_not_hold_up_the_talk() -> None:
    many = tuple(entry(*(f"a {i} {j}" for j in range(100)), content="a " * 4000 + str(i)) for i in range(2000))
    trap = scene(*many, entry("hi", content="a " * 4000), recursive_scanning=True)
    told(trap, "hi")
    began = time.process_time()
    told(trap, "hi", "a a a hi")
    assert time.process_time() - began < 1
