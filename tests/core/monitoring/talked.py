"""Conversations of many days in a real database, said with the dialogues that were written for Hoshi."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from companion.core.conversation import Conversation, Message
from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.paths import models_folder
from companion.core.storage.store import Store

NOON = 1_790_000_000.0
DAY = 86400.0


def written(name: str = "hearts_and_days", count: int = 200) -> list[Dialogue]:
    """Shuffled: they were written in portions, each of a kind."""
    lines = (models_folder() / "hoshi" / "dialogues" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    random.Random(1).shuffle(lines)
    lines = lines[:count]
    return [Dialogue(messages=tuple(DialogueTurn(**turn) for turn in json.loads(line)["messages"])) for line in lines]


def talk(store: Store, dialogue: Dialogue, day: int, **facts: object) -> None:
    """One conversation on one day; `facts` are those of her replies."""
    messages, number = [], 0
    for turn in dialogue.messages:
        if turn.role == "system" or (not messages and turn.role == "assistant"):
            continue
        number += 1
        mine = {"model": "starter", "ending": "end"} | facts if turn.role == "assistant" else {}
        messages.append(
            Message(
                id=number, conversation=0, parent=number - 1 or None, role=turn.role, text=turn.content,
                created=NOON + day * DAY + number, **mine,
            )
        )  # fmt: skip
    begun = Conversation(
        id=0, title="", titled_by_person=False, character="", character_name="Hoshi", created=NOON, updated=NOON, active=number,
    )  # fmt: skip
    store.insert_conversation(begun, messages)


def talks(store: Store, dialogues: Sequence[Dialogue], first_day: int = 0, **facts: object) -> int:
    """Two a day; returns the day after the last."""
    for number, dialogue in enumerate(dialogues):
        talk(store, dialogue, first_day + number // 2, **facts)
    return first_day + (len(dialogues) + 1) // 2


def changed(dialogue: Dialogue, text: str) -> Dialogue:
    """Every reply of hers is another one."""
    turns = (DialogueTurn(turn.role, text if turn.role == "assistant" else turn.content) for turn in dialogue.messages)
    return Dialogue(messages=tuple(turns))
