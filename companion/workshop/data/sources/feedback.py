"""From the tree of a conversation to preferences: what the person wrote over, went on from, asked for again, or judged.

What was said openly comes before what follows from a choice: an edit beats the replies it stands in for, praise beats a
thumb down, and only then does the alternate that the talk went on from beat those that were asked for again and left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

from companion.core.conversation import Message
from companion.core.dataset import Dialogue, DialogueTurn, Preference, Why

_FINISHED = ("complete", "stopped")


def praised_of(messages: Sequence[Message], labels: Mapping[str, str], name: str) -> Iterator[Dialogue]:
    """A dialogue for every reply that the person praised or wrote; only that reply is to be learned from."""
    tree = Judged(messages, None)
    for message in tree.replies():
        if tree.is_praised(message):
            turns = (*tree.before(message), DialogueTurn("assistant", message.text))
            yield Dialogue(messages=turns, id=f"{name}-{message.id}", labels=dict(labels))


def preferences_of(messages: Sequence[Message], active: int | None, labels: Mapping[str, str], name: str) -> Iterator[Preference]:
    """Pairs first, then thumbs on replies that are on this side of no pair. `active` is the last message of the active path."""
    tree = Judged(messages, active)
    better: set[int] = set()
    worse: set[int] = set()
    for winner, loser in tree.pairs():
        better.add(winner.id)
        worse.add(loser.id)
        yield Preference(
            messages=tree.before(winner),
            chosen=winner.text,
            rejected=loser.text,
            why=tree.why(winner, loser),
            id=f"{name}-{winner.id}-{loser.id}",
            labels=dict(labels),
        )
    for message in tree.replies():
        said = {"messages": tree.before(message), "why": "thumbs", "id": f"{name}-{message.id}", "labels": dict(labels)}
        if message.feedback > 0 and message.id not in better:
            yield Preference(chosen=message.text, **said)  # type: ignore[arg-type]
        elif message.feedback < 0 and message.id not in worse:
            yield Preference(rejected=message.text, **said)  # type: ignore[arg-type]


class Judged:
    """The replies of a tree, and what the person thought of each."""

    def __init__(self, messages: Sequence[Message], active: int | None) -> None:
        self._by_id = {message.id: message for message in messages}
        self._siblings: defaultdict[int, list[Message]] = defaultdict(list)
        self._answered = {message.parent for message in messages}
        for message in messages:
            if (
                message.role == "assistant"
                and message.parent is not None
                and message.status in _FINISHED
                and message.text.strip()
            ):
                self._siblings[message.parent].append(message)
        self._active = set(self._path(active))

    def replies(self) -> Iterator[Message]:
        """Everything she answered; a greeting answers nothing."""
        return (message for siblings in self._siblings.values() for message in siblings)

    def pairs(self) -> Iterator[tuple[Message, Message]]:
        """Better and worse; no two say the opposite of each other."""
        for siblings in self._siblings.values():
            for a, b in permutations(siblings, 2):
                if self.why(a, b) and a.text.strip() != b.text.strip():
                    yield a, b

    def why(self, winner: Message, loser: Message) -> Why:
        """What says that one is better than the other; empty when nothing does, or more says the opposite."""
        openly = self._openly(winner, loser)
        if openly or self._openly(loser, winner):
            return openly
        left = not self.is_praised(loser) and loser.id not in self._answered
        return "alternate" if left and self._is_chosen(winner) else ""

    def is_praised(self, message: Message) -> bool:
        return message.feedback > 0 or (message.edited and message.feedback == 0)

    def before(self, message: Message) -> tuple[DialogueTurn, ...]:
        """Everything that was said before it, as context."""
        path = [self._by_id[each] for each in self._path(message.parent)][::-1]
        return tuple(DialogueTurn(each.role, each.text, train=False) for each in path if each.text.strip())

    def _openly(self, winner: Message, loser: Message) -> Why:
        replaced = winner.edited and not loser.edited and loser.id < winner.id
        if replaced and winner.feedback >= 0 and loser.feedback <= 0:
            return "edit"
        return "thumbs" if self.is_praised(winner) and loser.feedback < 0 else ""

    def _is_chosen(self, message: Message) -> bool:
        """Whether the talk went on from it: that it is the last one shown says nothing yet."""
        return message.id in self._active and message.feedback >= 0 and message.id in self._answered

    def _path(self, leaf: int | None) -> list[int]:
        """From `leaf` up to the first message."""
        found: list[int] = []
        while leaf is not None and leaf in self._by_id and len(found) <= len(self._by_id):
            found.append(leaf)
            leaf = self._by_id[leaf].parent
        return found
