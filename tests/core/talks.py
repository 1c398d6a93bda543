"""Conversations for the tests of the store."""

from __future__ import annotations

from companion.core.conversation import Conversation, Message
from companion.core.storage.store import Store


def begin(store: Store, *greetings: str, title: str = "") -> Conversation:
    return store.create_conversation(character="", character_name="Hoshi", greetings=greetings, title=title)


def chain(store: Store, conversation: int, *texts: str, parent: int | None = None) -> list[Message]:
    """Person and character in turns, each below the one before."""
    added: list[Message] = []
    for number, text in enumerate(texts):
        role = "assistant" if number % 2 else "user"
        added.append(store.add_message(conversation, parent=added[-1].id if added else parent, role=role, text=text))
    return added
