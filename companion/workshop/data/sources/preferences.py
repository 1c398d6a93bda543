"""From the tree of a conversation to dialogues: what the person marked decides what is learned.

Every reply is learned from at most once. The active path is one dialogue; in it a reply that was marked as bad, was never
finished, or is the card's own greeting stands for context only. A better alternate beside the path, and every reply on
another branch that the person praised or wrote over, is a dialogue of its own, in which only that reply is learned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from companion.core.conversation import Message
from companion.core.dataset import Dialogue, DialogueTurn

_FINISHED = ("complete", "stopped")


def dialogues_of(messages: Sequence[Message], active: int | None, labels: Mapping[str, str], name: str) -> Iterator[Dialogue]:
    """`messages` is the whole tree, `active` the last message of the active path; `name` begins the ids."""
    tree = _Tree(messages, active)
    path = tree.path(active)
    rejected_before = tree.rejected(path[-1]) if path and path[-1].role == "assistant" else ()
    apart = {m.id for m in path[:-1] if m.role == "assistant" and tree.is_learned(m) and tree.rejected(m)}
    turns = tuple(_turn(m, learned=tree.is_learned(m) and m.id not in apart) for m in path if m.text.strip())
    if any(turn.role == "assistant" and turn.train for turn in turns):
        yield Dialogue(messages=turns, id=name, labels=dict(labels), rejected=rejected_before)
    for message in messages:
        if message.id in apart or (message.id not in tree.active and tree.is_worth_a_branch(message)):
            before = tuple(_turn(m, learned=False) for m in tree.path(message.parent) if m.text.strip())
            yield Dialogue(
                messages=(*before, _turn(message, learned=True)),
                id=f"{name}-{message.id}",
                labels=dict(labels),
                rejected=tree.rejected(message),
            )


class _Tree:
    def __init__(self, messages: Sequence[Message], active: int | None) -> None:
        self._by_id = {message.id: message for message in messages}
        self._siblings: defaultdict[int | None, list[Message]] = defaultdict(list)
        for message in messages:
            if message.role == "assistant" and message.text.strip():
                self._siblings[message.parent].append(message)
        self.active = {message.id for message in self.path(active)}

    def path(self, leaf: int | None) -> list[Message]:
        """From the first message down to `leaf`."""
        found: list[Message] = []
        while leaf is not None and leaf in self._by_id and len(found) <= len(self._by_id):
            found.append(self._by_id[leaf])
            leaf = found[-1].parent
        return found[::-1]

    def is_learned(self, message: Message) -> bool:
        """Whether a reply on the active path is something to learn: the greeting is the card's, unless it was praised."""
        if message.role != "assistant" or message.feedback < 0 or message.status not in _FINISHED:
            return False
        return bool(message.parent is not None or message.model or message.edited or message.feedback > 0)

    def is_worth_a_branch(self, message: Message) -> bool:
        """Whether a reply beside the active path is learned: praised, written over, or the best where a bad one stands."""
        if not self.is_learned(message) or not message.text.strip():
            return False
        rivals = self._siblings[message.parent]
        best = max(rivals, key=lambda each: (_worth(each), each.id in self.active, each.id))
        if message.id != best.id:
            return message.feedback > 0
        return _worth(message) > 0 or any(rival.feedback < 0 for rival in rivals)

    def rejected(self, message: Message) -> tuple[str, ...]:
        """The alternates that were marked as worse than this one: thumbs down, and what the person wrote over."""
        texts = []
        for rival in self._siblings[message.parent]:
            written_over = message.edited and not rival.edited and rival.feedback <= 0 and rival.id < message.id
            if rival.id != message.id and rival.text != message.text and (rival.feedback < 0 or written_over):
                texts.append(rival.text)
        return tuple(dict.fromkeys(texts))


def _worth(message: Message) -> int:
    """The person's own words count most, then their praise."""
    return -1 if message.feedback < 0 else 2 * message.edited + (message.feedback > 0)


def _turn(message: Message, *, learned: bool) -> DialogueTurn:
    return DialogueTurn(message.role, message.text, learned or message.role == "user")
