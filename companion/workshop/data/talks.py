"""Dialogues of one conversation begin alike: each of its branches repeats what was said before. Whatever is counted of them
counts once."""

from __future__ import annotations

from typing import NamedTuple

from companion.core.dataset import Dialogue, DialogueTurn


class New(NamedTuple):
    """What a dialogue has that no other branch of its conversation had before."""

    turns: tuple[DialogueTurn, ...]
    learned: int
    """Replies that are learned from."""
    conversation: str = ""
    """Its name; empty for a dialogue of none."""
    is_version: bool = False
    """Whether it is there for a reply that stands beside another one of its conversation."""


class Talks:
    """Remembers a number for each message of each conversation; nothing of dialogues that belong to none."""

    def __init__(self) -> None:
        self._said: set[int] = set()
        self._learned: set[int] = set()
        self._names: set[str] = set()
        self.dialogues = 0
        """Those that belong to a conversation."""
        self.versions = 0
        """Replies among them that stand beside another reply of their conversation."""

    @property
    def conversations(self) -> int:
        return len(self._names)

    def add(self, dialogue: Dialogue) -> New:
        name = _name(dialogue)
        if not name:
            return New(dialogue.messages, sum(_is_learned(turn) for turn in dialogue.messages))
        turns, learned, place = list[DialogueTurn](), 0, hash(name)
        for turn in dialogue.messages:
            place = hash((place, turn.role, turn.content))
            if place not in self._said:
                self._said.add(place)
                turns.append(turn)
            if _is_learned(turn) and place not in self._learned:
                self._learned.add(place)
                learned += 1
        is_version = bool(turns) and name in self._names
        self.dialogues += 1
        self.versions += is_version
        self._names.add(name)
        return New(tuple(turns), learned, name, is_version)


def _name(dialogue: Dialogue) -> str:
    """Of the conversation, stored or exported, that `sources.conversations` made it from; empty for any other."""
    label = dialogue.labels.get("conversation", "")
    for name in (label, f"conversation-{label}"):
        if label and (dialogue.id == name or (dialogue.id.startswith(f"{name}-") and dialogue.id[len(name) + 1 :].isdecimal())):
            return name
    return ""


def _is_learned(turn: DialogueTurn) -> bool:
    return turn.role == "assistant" and turn.train
