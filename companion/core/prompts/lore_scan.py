"""Which entries of a lorebook the model is told, given what was talked about.

- The newest `scan_depth` messages are searched (4, two exchanges, when the book does not say), so an entry stays for a
  few messages after it was last called up, and the beginning of the prompt does not change at every turn.
- The token budget is the book's own, or a quarter of the model's context; half of the context at most. Constant
  entries are the last to go, then those with the higher `priority`, then those with the higher `insertion_order`, as
  the Character Card V3 specification allows; one that does not fit gives way to smaller ones behind it.
- `probability` is settled once for a conversation: an entry that comes and goes makes the model read everything anew.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from companion.core.conversation import Message
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.prompts.lore_decorators import LoreRole, Place, Together
from companion.core.prompts.lore_ready import EVERYTHING, NOTHING, ReadyBook, ReadyEntry, made_ready
from companion.core.prompts.macros import fill_macros
from companion.core.prompts.scene import Scene
from companion.core.prompts.token_estimate import estimate_tokens

SCAN_DEPTH = 4
RECURSION_STEPS = 5
"""How many times what was just called up may call up more."""
RECURSION_ENTRIES = 200
"""How many entries may do so."""
RECURSION_SECONDS = 0.1
"""What they may take; a book that is no trap needs a few milliseconds."""


class ActiveLore(NamedTuple):
    """An entry that is told, in the order in which it is told."""

    name: str
    text: str
    place: Place
    depth: int
    role: LoreRole


class _Scan:
    """One look at the messages."""

    def __init__(self, ready: ReadyBook, book: Lorebook, scene: Scene, messages: Sequence[Message], *, ahead: bool) -> None:
        self._ready, self._scene, self._messages = ready, scene, messages
        self._her_messages = sum(message.role == "assistant" for message in messages)
        self._depth = SCAN_DEPTH if book.scan_depth is None else max(book.scan_depth, 0)
        texts = [message.text for message in messages]
        ready.index.begin()
        missing = 1 if ahead else 0  # the message that is about to be said takes the place of the oldest
        found: set[int] = set()
        searched = 0
        self._within: dict[int, frozenset[int]] = {}
        """Per depth, the keys that occur in so many of the newest messages."""
        for depth in sorted({self._depth if depth is None else depth for depth in (*ready.depths, None)}):
            newest = min(max(depth - missing, 0), len(texts))
            for text in texts[len(texts) - newest : len(texts) - searched]:
                found |= ready.index.found_in(text)
            searched = max(searched, newest)
            self._within[depth] = frozenset(found)
        older = texts[: max(len(texts) + missing - self._depth, 0)] if ready.looks_back else []
        self._before = NOTHING.union(*(ready.index.found_in(text) for text in older))
        self._from_lore = NOTHING

    def active(self, *, recursive: bool) -> list[ReadyEntry]:
        active = {ready.number: ready for ready in self._ready.constant if self._may(ready, NOTHING)}
        anywhere = NOTHING.union(*self._within.values())
        fresh = [*active.values(), *self._called(anywhere, active)]
        left, until = RECURSION_ENTRIES, time.perf_counter() + RECURSION_SECONDS
        for _ in range(RECURSION_STEPS if recursive else 0):
            calling = [ready for ready in fresh if ready.rules.calls_others][:left]
            left -= len(calling)
            keys = NOTHING.union(*self._found_in(calling, until)) - self._from_lore
            if not keys:
                break
            self._from_lore |= keys
            fresh = self._called(keys, active, from_lore=True)
        return list(active.values())

    def _found_in(self, calling: Sequence[ReadyEntry], until: float) -> Iterator[frozenset[int]]:
        for ready in calling:
            if time.perf_counter() > until:
                return
            yield self._ready.index.found_in(ready.searched)

    def _called(self, keys: frozenset[int], active: dict[int, ReadyEntry], *, from_lore: bool = False) -> list[ReadyEntry]:
        """The entries that these keys call up and that were not active; they are active now."""
        called = []
        known: dict[int, frozenset[int]] = {}
        for key in keys:
            for ready in self._ready.by_key.get(key, ()):
                if ready.number in active or (from_lore and not ready.rules.called_by_others):
                    continue
                rules = ready.rules
                depth = EVERYTHING if rules.keep else self._depth if rules.scan_depth is None else rules.scan_depth
                if depth not in known:
                    known[depth] = self._within[depth] | self._from_lore
                seen = known[depth]
                if key in seen and self._may(ready, seen):
                    active[ready.number] = ready
                    called.append(ready)
        return called

    def _may(self, ready: ReadyEntry, seen: frozenset[int]) -> bool:
        rules = ready.rules
        if rules.always:
            return True
        if self._her_messages < rules.after or self._her_messages % rules.every or not self._falls(ready):
            return False
        if rules.greeting is not None and self._greeting() not in (None, rules.greeting):
            return False
        if rules.constant:
            return True
        if rules.once and not ready.keys.isdisjoint(self._before):
            return False
        if ready.additional and ready.additional.isdisjoint(seen):
            return False
        return ready.excluded.isdisjoint(seen) and _together(rules.together, ready.secondary, seen)

    def _falls(self, ready: ReadyEntry) -> bool:
        chance = ready.rules.chance
        return chance >= 1 or random.Random(f"{self._scene.seed}:{ready.number}").random() < chance

    def _greeting(self) -> int | None:
        """Which of the card's greetings the conversation began with, if it still is one of them."""
        card = self._scene.character.card
        said = self._messages[0].text.strip() if self._messages and self._messages[0].role == "assistant" else ""
        greetings = (card.first_mes, *card.alternate_greetings)
        return next((i for i, text in enumerate(greetings) if said and fill_macros(text, self._scene).strip() == said), None)


def activate(scene: Scene, messages: Sequence[Message], *, ahead: bool = False) -> tuple[ActiveLore, ...]:
    """The entries of the character's lorebook that the model is told, in their order. Never raises.

    With `ahead` one more message is expected, of which nothing is known yet.
    """
    book = scene.character.card.lorebook
    if book is None or not book.entries:
        return ()
    ready = made_ready(book, scene.character.called, scene.persona.called)
    scan = _Scan(ready, book, scene, messages, ahead=ahead)
    active = scan.active(recursive=bool(book.recursive_scanning))
    told = _within_budget(active, _budget(book, scene), scene, len(messages) + ahead)
    told.sort(key=lambda pair: (pair[0].entry.insertion_order, pair[0].number))
    return tuple(
        ActiveLore(
            _name(ready.entry),
            text,
            ready.rules.place,
            scene.note_depth if ready.rules.place == "note" else ready.rules.depth,
            ready.rules.role,
        )
        for ready, text in told
    )


def _budget(book: Lorebook, scene: Scene) -> int:
    own = book.token_budget if book.token_budget and book.token_budget > 0 else scene.context_tokens // 4
    return min(own, scene.context_tokens // 2)


def _within_budget(active: list[ReadyEntry], budget: int, scene: Scene, turn: int) -> list[tuple[ReadyEntry, str]]:
    def rank(ready: ReadyEntry) -> tuple[bool, bool, float, float, int]:
        entry, rules = ready.entry, ready.rules
        constant = rules.constant or rules.always
        return (rules.first_to_go, not constant, -(entry.priority or 0), -entry.insertion_order, ready.number)

    told = []
    for ready in sorted(active, key=rank):
        near_the_end = ready.rules.place in ("note", "depth")
        text = fill_macros(ready.rules.content, scene, turn=turn if near_the_end else 0).strip()
        tokens = estimate_tokens(text) if len(text) <= budget * 8 else len(text)
        if text and tokens <= budget:
            budget -= tokens
            told.append((ready, text))
    return told


def _together(how: Together, keys: frozenset[int], seen: frozenset[int]) -> bool:
    if not keys:
        return True
    if how == "any":
        return not keys.isdisjoint(seen)
    if how == "all":
        return keys <= seen
    return keys.isdisjoint(seen) if how == "not_any" else not keys <= seen


def _name(entry: LoreEntry) -> str:
    """How a person recognizes it."""
    first = next((key for key in entry.keys if key.strip()), "")
    return (entry.name.strip() or entry.comment.strip() or first.strip() or "Untitled").splitlines()[0]
