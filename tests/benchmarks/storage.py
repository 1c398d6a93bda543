"""`start.py bench storage`: what the window waits for when there are thousands of messages, memories and characters.

A frame has 16 ms; a page may take a hundred to open.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from companion.core.character import Card
from companion.core.character_library import CharacterLibrary
from companion.core.conversation import Message
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.storage.memory_vectors import packed, signs_of, unit
from companion.core.storage.store import Store
from tests.benchmark_report import Report, fresh_home

MESSAGES, CONVERSATIONS, MEMORIES, CHARACTERS = 2000, 1000, 10_000, 500
ROUNDS = 5
_WORDS = [f"word{n}" for n in range(3000)] + ["cat", "dog", "tea", "coffee", "porto", "sister", "guitar", "garden", "winter"]
_SAID = (
    "Do you like the garden in winter, Sam? My sister and I like to drink tea there, with the cat and the dog.",
    "I would like that very much. " * 20,
    "I want to go to Porto with my sister, and play the guitar, and drink coffee. What do I like best?",
)


def milliseconds(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Of the quickest round."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        taken.append((time.perf_counter() - began) * 1000)
    return min(taken)


def conversations(report: Report) -> None:
    """A talk of two thousand messages beside a thousand other talks."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "bench.sqlite3")
        begun = store.create_conversation(character="", character_name="Hoshi")
        messages = tuple(
            Message(id=n, conversation=0, parent=n - 1 or None, role="user", text="word " * 40, created=n)
            for n in range(1, MESSAGES + 1)
        )
        long = store.insert_conversation(msgspec.structs.replace(begun, active=MESSAGES), messages)
        for _ in range(CONVERSATIONS):
            store.create_conversation(character="", character_name="Hoshi", greetings=("Hello, here I am.", "Or here."))
        reply = store.add_message(long.id, parent=None, role="assistant", text="", status="streaming")
        store.show_message(store.tree(long.id)[0].id)
        text = "text " * 500
        report.add("path_of_2000_messages", milliseconds(lambda: store.path(long.id)), "ms", goal=50)
        report.add("list_of_1000_conversations", milliseconds(store.conversations), "ms", goal=50)
        report.add("save_a_reply_so_far", milliseconds(lambda: store.save_text(reply.id, text)), "ms", goal=1)
        report.add(
            "finish_a_reply", milliseconds(lambda: store.finish_message(reply.id, text=text, status="complete")), "ms", goal=5
        )
        store.close()


def memories(report: Report) -> None:
    """Ten thousand memories with vectors: recalled, and looked through on their page."""
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "bench.sqlite3")
        with store._database.transaction() as connection:  # one by one they would be compared with each other
            for number in range(1, MEMORIES + 1):
                text = f"Sam likes {' '.join(chance.choices(_WORDS, k=7))}."
                connection.execute(
                    "INSERT INTO memories (character, text, writer, created) VALUES ('', ?, 'model', ?)", (text, float(number))
                )
                vector = unit([chance.uniform(-1, 1) for _ in range(384)])
                assert vector is not None
                row = (number, signs_of(vector), packed(vector))
                connection.execute("INSERT INTO memory_vectors VALUES (?, 'model', ?, ?)", row)
        query = [chance.uniform(-1, 1) for _ in range(384)]
        kept = store.memories
        report.add("recall_by_words", milliseconds(lambda: kept.retrieve("", _SAID)), "ms", goal=16)

        def with_vector() -> object:
            return kept.retrieve("", _SAID, vector=query, vector_model="model")

        report.add("first_recall_with_vectors", milliseconds(with_vector, 1), "ms", goal=100)
        report.add("recall_with_vectors", milliseconds(with_vector), "ms", goal=16)
        report.add("page_of_10000_memories", milliseconds(lambda: kept.all("")), "ms", goal=100)
        report.add("search_in_10000_memories", milliseconds(lambda: kept.search("", "garden winter")), "ms", goal=100)
        report.add("keep_one_more_memory", milliseconds(lambda: kept.add("", "Sam has a new cupboard")), "ms", goal=10)
        store.close()


def characters(report: Report) -> None:
    """The list of five hundred characters, when nothing has changed."""
    book = Lorebook(entries=tuple(LoreEntry(keys=(f"key {n}",), content="lorem ipsum " * 20) for n in range(30)))
    with tempfile.TemporaryDirectory() as folder:
        library = CharacterLibrary(Path(folder))
        first = library.create(Card(name="Ada", description="bla " * 500, lorebook=book))
        content = Path(first.folder, "card.json").read_bytes()
        for number in range(CHARACTERS - 1):
            (library.folder / f"ada-{number + 2}").mkdir()
            (library.folder / f"ada-{number + 2}" / "card.json").write_bytes(content)
        report.add("first_list_of_500_characters", milliseconds(library.all, 1), "ms")
        report.add("list_of_500_characters", milliseconds(library.all), "ms", goal=50)


def main() -> int:
    report = Report("Storage")
    with fresh_home():
        for part in (conversations, memories, characters):
            if report.wants(part.__name__):
                part(report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
