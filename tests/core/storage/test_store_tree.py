"""The tree of messages against a model of it in plain Python: whatever the person does, in any order."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from companion.core.errors import StoreError
from companion.core.storage.store import Store

PICK = st.integers(0, 10**6)
"""Which of the messages, modulo how many there are."""


class TreeMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = Store(self.folder / "s.sqlite3")
        self.conversation = self.store.create_conversation(character="", character_name="", greetings=["a", "b"]).id
        greetings = self.store.tree(self.conversation)
        self.greetings = {m.id for m in greetings}
        self.parent: dict[int, int | None] = {m.id: None for m in greetings}
        self.gone: dict[int, int] = {}  # deleted message → the one it was deleted with
        self.visited = dict.fromkeys(self.parent, 0)
        self.before: dict[int, int] = {}
        self.active: int | None = None
        self.set_active(greetings[0].id)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    # The model.

    def children(self, parent: int | None) -> list[int]:
        return [m for m, above in self.parent.items() if above == parent and m not in self.gone]

    def below(self, start: int | None) -> list[int]:
        found = [] if start is None else [start]
        for child in self.children(start):
            found += self.below(child)
        return found

    def leaf(self, start: int | None) -> int | None:
        leaves = [m for m in self.below(start) if not self.children(m)]
        return max(leaves, key=lambda m: (self.visited[m], m), default=None)

    def set_active(self, message: int | None) -> None:
        self.active = message
        if message is not None:
            self.visited[message] = max(self.visited.values()) + 1

    def path(self) -> list[int]:
        found, at = [], self.active
        while at is not None:
            found.insert(0, at)
            at = self.parent[at]
        return found

    # What can happen.

    @initialize(picks=st.lists(PICK, min_size=6, max_size=12))
    def talk(self, picks: list[int]) -> None:
        for pick in picks:
            self.add(pick, "user", at_end=pick % 3 == 0)

    @rule(pick=PICK, role=st.sampled_from(["user", "assistant"]), at_end=st.booleans())
    def add(self, pick: int, role: str, at_end: bool) -> None:
        choices = [None, *(m for m in self.parent if m not in self.gone)]
        parent = self.active if at_end else choices[pick % len(choices)]
        message = self.store.add_message(self.conversation, parent=parent, role=role, text="x").id  # type: ignore[arg-type]
        self.parent[message] = parent
        self.visited[message] = 0
        self.set_active(message)

    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        message = list(self.parent)[pick % len(self.parent)]
        if message in self.gone:
            with pytest.raises(StoreError):
                self.store.delete_message(message)
            return
        self.store.delete_message(message)
        alternates, branch, shown = self.children(self.parent[message]), self.below(message), message in self.path()
        for each in branch:
            self.gone[each] = message
        if shown and self.active is not None:
            self.before[message] = self.active
            at = alternates.index(message)
            left = alternates[:at][-1:] or alternates[at + 1 :][:1]
            start = left[0] if left else self.parent[message]
            self.set_active(None if start is None else self.leaf(start))

    @precondition(lambda self: self.gone)
    @rule(pick=PICK)
    def restore(self, pick: int) -> None:
        message = sorted(self.gone)[pick % len(self.gone)]
        self.store.restore_message(message)
        origin = self.gone[message]
        above = self.gone.get(self.parent[origin] or 0)
        before = self.before.pop(origin, None)
        for each in [m for m, with_ in self.gone.items() if with_ == origin]:
            del self.gone[each]
            if above is not None:
                self.gone[each] = above
        if above is None:
            leaf = self.leaf(before if before is not None else self.active)
            if leaf != self.active:
                self.set_active(leaf)

    @rule(pick=PICK, step=st.sampled_from([-1, 1, 2]))
    def select(self, pick: int, step: int) -> None:
        shown = [m for m in self.parent if m not in self.gone]
        if shown:
            message = shown[pick % len(shown)]
            self.store.select_alternate(message, step)
            alternates = self.children(self.parent[message])
            at = alternates.index(message) + step
            if 0 <= at < len(alternates) and alternates[at] not in self.path():
                self.set_active(self.leaf(alternates[at]))

    @rule()
    def purge(self) -> None:
        self.store.purge_deleted(0)
        for message in self.gone:
            del self.parent[message], self.visited[message]
        self.gone.clear()
        self.before.clear()
        if not self.parent:
            self.talk([0, 1, 2, 3])

    # What always holds.

    @invariant()
    def same_path_and_alternates(self) -> None:
        expected = []
        for message in self.path():
            alternates = self.children(self.parent[message])
            expected.append((message, alternates.index(message) + 1, len(alternates)))
        assert [(s.message.id, s.alternate, s.alternates) for s in self.store.path(self.conversation)] == expected

    @invariant()
    def the_path_ends_at_a_leaf(self) -> None:
        assert self.active is None or not self.children(self.active)
        assert (self.active is None) == (not self.children(None))

    @invariant()
    def same_messages(self) -> None:
        shown = [m for m in self.parent if m not in self.gone]
        assert [m.id for m in self.store.tree(self.conversation)] == shown
        newest = [m for m in reversed(shown) if m not in self.greetings]
        assert [hit.message for hit in self.store.search("x")] == newest[:50]


TreeMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestTree = TreeMachine.TestCase
