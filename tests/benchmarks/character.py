"""`start.py bench character`: her face, her moods, her prompts and her gallery, against the goals of the design.

The face and the gallery run in the real window, in a process of their own, on whatever screen there is (offscreen without
one: Qt then paints with the processor, as it does on machines without a GPU).
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from companion.core.character import Card, Character
from companion.core.conversation import Message
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.persona import Persona
from companion.core.prompts.lore_scan import activate
from companion.core.prompts.prompt import Scene, assemble
from companion.core.storage.store import Store
from companion.engine.client import EngineClient
from companion.mood.classifier import MoodReader
from tests.benchmark_report import Report, fresh_home, median, medians_of, starter_or_leave

SENTENCES = (
    "The kettle is on, so you have about four minutes to tell me everything.",
    "I can't believe you remembered that, thank you!",
    "That is the worst pun I have heard since Tuesday.",
    "Hm.",
    "I'm so sorry about your grandmother; she sounded like somebody I would have liked, and I wish I had known her longer.",
)
LORE_ENTRIES, MEMORIES, MESSAGES = 1000, 10_000, 60
ROUNDS = 41
_WORDS = [a + b for a in ("sta", "lu", "ob", "har", "mi", "tel", "or", "ve", "ka", "ru", "sel", "dor") for b in ("r", "na", "sk",
          "bour", "so", "escope", "ion", "ga", "lin", "th", "mir", "wen")]  # fmt: skip


def prompts(report: Report) -> None:
    """A prompt with a thousand lorebook entries and ten thousand memories: recalled, scanned and put together."""
    chance = random.Random(1)

    def words(count: int) -> str:
        return " ".join(chance.choice(_WORDS) for _ in range(count))

    entries = tuple(
        LoreEntry(keys=(words(1), f"{words(1)}{n}", words(2)), content=words(30), insertion_order=n, use_regex=n % 50 == 0)
        for n in range(LORE_ENTRIES)
    )
    card = Card(name="Mira", description=words(200), mes_example=words(50), lorebook=Lorebook(entries=entries, scan_depth=4))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "bench.sqlite3")
        for n in range(MEMORIES):
            store.memories.add("mira", f"Sam's {words(1)} number {n} is called {words(3)}.")
        scene = Scene(character=Character(identifier="mira", card=card), persona=Persona(name="Sam"), seed=1)
        talk = [
            Message(id=n + 1, conversation=1, parent=n or None, role="assistant" if n % 2 else "user", text=words(40), created=n)
            for n in range(MESSAGES)
        ]
        recalls, assemblies, totals = [], [], []
        for number in range(ROUNDS):
            said = msgspec.structs.replace(talk[-1], text=f"Do you remember what my {words(1)} number {number} is called?")
            began = time.perf_counter()
            found = store.memories.retrieve("mira", [message.text for message in (*talk[-4:], said)])
            recalled = time.perf_counter()
            assemble(msgspec.structs.replace(scene, memories=tuple(m.text for m in found)), [*talk, said])
            ended = time.perf_counter()
            recalls.append(recalled - began)
            assemblies.append(ended - recalled)
            totals.append(ended - began)
        store.close()
    recursive = msgspec.structs.replace(card, lorebook=Lorebook(entries=entries, scan_depth=4, recursive_scanning=True))
    scene, scans = msgspec.structs.replace(scene, character=Character(identifier="mira", card=recursive)), []
    for number in range(ROUNDS):
        said = msgspec.structs.replace(talk[-1], text=f"And {words(3)} number {number}?")
        began = time.perf_counter()
        activate(scene, [*talk, said])
        scans.append(time.perf_counter() - began)
    report.add("recursive_lore", median(scans[1:]) * 1000, "ms", goal=20)
    report.add("memories_recalled", median(recalls[1:]) * 1000, "ms")
    report.add("lore_and_prompt", median(assemblies[1:]) * 1000, "ms")
    report.add("first_prompt_of_a_card", totals[0] * 1000, "ms")
    report.add("prompt_assembly", median(totals[1:]) * 1000, "ms", goal=20)


def moods(report: Report) -> None:
    """One sentence at a time, in this process and through the engine's pipes."""
    began = time.perf_counter()
    reader = MoodReader.load()
    reader.read(["Hello."])
    report.add("mood_first_reading", (time.perf_counter() - began) * 1000, "ms")
    times = []
    for _ in range(200):
        for sentence in SENTENCES:
            began = time.perf_counter()
            reader.read([sentence])
            times.append(time.perf_counter() - began)
    times.sort()
    report.add("mood_per_sentence", median(times) * 1000, "ms", goal=10)
    report.add("mood_per_sentence_slowest_of_100", times[len(times) * 99 // 100] * 1000, "ms", goal=10)
    with EngineClient() as engine:
        engine.read_moods(["Hello."])
        trips = []
        for sentence in SENTENCES * 40:
            began = time.perf_counter()
            engine.read_moods([sentence])
            trips.append(time.perf_counter() - began)
    report.add("mood_through_the_engine", median(trips) * 1000, "ms")


def face(report: Report) -> None:
    """Frames while a reply streams, and what she costs while nothing happens."""
    shown, dropped, worst, idle, busy = medians_of("alive.py", 3)
    report.add("frames_per_second_while_speaking", shown, "fps", goal=55, most=False)
    report.add("dropped_frames_while_speaking", dropped, "%", goal=5)
    report.add("longest_frame_while_speaking", worst, "ms")
    report.add("idle_share_of_a_core", idle, "%", goal=5)
    report.add("speaking_share_of_a_core", busy, "%")


def gallery(report: Report) -> None:
    """Five hundred cards with portraits: opening the page until its first frame, and until every visible face is there."""
    first, faces = medians_of("gallery.py", 3)
    report.add("gallery_first_paint", first, "ms", goal=300)
    report.add("gallery_visible_faces", faces, "ms")


def main() -> int:
    report = Report("Character")
    starter_or_leave()
    with fresh_home():
        for part in (prompts, moods, face, gallery):
            if report.wants(part.__name__):
                part(report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
