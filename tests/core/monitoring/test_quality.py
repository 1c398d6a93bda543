"""What is told of her talk, from a real database and the folders of real jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from companion.core.adapter import DATASET
from companion.core.dataset import Dialogue
from companion.core.errors import StoreError
from companion.core.job import DataReady, JobOrder
from companion.core.job_folder import create_job
from companion.core.messages import encode
from companion.core.monitoring import observed, quality, reference, stability
from companion.core.monitoring.observed import observed_replies
from companion.core.monitoring.quality import Asked, Quality
from companion.core.paths import database_file
from companion.core.recipes.fine_tune import FineTune
from companion.core.storage.store import Store
from tests.core.monitoring.talked import DAY, NOON, changed, talks, written
from tests.tiny_adapters import write_adapter

LOOP = "I like the sky very much and you. " * 8


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stability, observed):
        monkeypatch.setattr(module, "BREATH_SECONDS", 0)


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    made = Store(database_file())
    yield made
    made.close()


def look(**facts: object) -> Quality:
    return quality.quality(Asked(database=database_file(), character="", name="Hoshi", **facts))


def shares(found: Quality) -> dict[str, float]:
    return {signal.name: signal.share for signal in found.signals}


def levels(found: Quality) -> dict[str, str]:
    return {drift.name: drift.level for drift in found.drifts}


def test_with_few_replies_it_says_so_and_nothing_else(store: Store) -> None:
    assert look().too_little.startswith("Hoshi has written 0 replies; from 50 on")
    talks(store, written(count=4))
    found = look()
    assert found.signals == ()
    assert found.alerts == ()
    assert str(found.replies) in found.too_little


def test_the_same_talk_as_ever_is_steady_and_gives_no_alert(store: Store) -> None:
    talks(store, written(count=160))
    found = look()
    assert found.compared_with == "her first 200 replies"
    assert {"length", "questions", "words", "topics"} <= set(levels(found))
    assert not {"some change", "large change"} & {levels(found)[name] for name in ("length", "questions", "words")}
    assert found.alerts == ()
    assert found.days == 7
    assert len(found.periods) > 8
    assert set(shares(found).values()) == {0.0}


def test_what_the_person_had_to_mend_is_counted(store: Store) -> None:
    conversation = store.create_conversation(character="", character_name="Hoshi", greetings=("Hello.",))
    parent = store.path(conversation.id)[-1].message.id
    asked = store.add_message(conversation.id, parent=parent, role="user", text="How are you?")
    first = store.add_message(conversation.id, parent=asked.id, role="assistant", text="", model="starter", status="streaming")
    store.finish_message(first.id, text="Fine, and", status="complete", ending="length")
    store.set_feedback(first.id, -1)
    again = store.add_message(conversation.id, parent=asked.id, role="assistant", text=LOOP, model="starter")
    store.add_message(conversation.id, parent=asked.id, role="assistant", text="Mine.", model="starter", edited=True)
    gone = store.add_message(conversation.id, parent=asked.id, role="assistant", text="Gone.", model="starter")
    store.delete_message(gone.id)
    one, two = observed_replies(database_file(), "")
    assert (one.text, one.asked, one.ending, one.feedback, one.is_another) == ("Fine, and", "How are you?", "length", -1, False)
    assert (two.text, two.is_another, two.is_loop) == (again.text, True, True)
    assert one.was_edited
    assert one.block == two.block
    assert observed_replies(database_file(), "somebody else") == ()


def test_a_rise_is_told_with_what_it_was_before(store: Store) -> None:
    day = talks(store, written(count=100))
    talks(store, written("skies_and_questions", 60), day, feedback=-1)
    found = look()
    assert shares(found)["thumbs"] > 0.9
    assert any(alert.startswith("You put a thumb down on") for alert in found.alerts)


def test_a_moderate_rise_is_one_too(store: Store) -> None:
    dialogues = written(count=160)
    day = talks(store, dialogues[:100])
    for number, dialogue in enumerate(dialogues[100:]):
        talks(store, [dialogue], day + number // 2, ending="length" if number % 4 == 0 else "end")
    found = look()
    cut = next(signal for signal in found.signals if signal.name == "cut")
    assert cut.before < 0.1 < cut.share
    assert cut.alert.endswith(f"before it was {cut.before:.0%}".replace("%", " %."))
    assert cut.alert in found.alerts


def test_other_words_and_lengths_are_found_and_told(store: Store) -> None:
    day = talks(store, written(count=80))
    talks(store, [changed(dialogue, "Yes. Quite so, indeed, dear.") for dialogue in written(count=60)], day)
    found = look()
    assert levels(found)["length"] == levels(found)["words"] == "large change"
    assert any(alert.startswith("Her replies are shorter: 5 words instead of") for alert in found.alerts)


def test_what_the_adapter_learned_from_is_the_reference(store: Store, tiny_model: Path, tmp_path: Path) -> None:
    """The dialogues of its job, in the form the program writes."""
    data = tmp_path / "learned.jsonl"
    learned = written("plain_days", 60)
    data.write_bytes(b"".join(msgspec.json.encode(dialogue) + b"\n" for dialogue in learned))
    job = create_job(FineTune(data_files=(str(data),), name="warmer"), JobOrder())
    ready = DataReady(dialogues=60, held_out=6, tokens=1, supervised_tokens=1, fingerprint="f" * 64)
    job.events_file.write_bytes(encode(ready))
    adapter = write_adapter(tmp_path / "warmer.gguf", tiny_model, name="warmer", metadata={DATASET: "f" * 64})
    talks(store, written(count=36))
    found = look(adapters=(str(adapter),))
    assert "learned from" in found.compared_with
    data.unlink()
    assert look(adapters=(str(adapter),)).drifts == (), "no reference, and no replies before the newest"
    job.held_out_file.write_bytes(b"".join(msgspec.json.encode(dialogue) + b"\n" for dialogue in learned))
    assert "learned from" in look(adapters=(str(adapter),)).compared_with, "what was held back stands for all"
    assert reference.learned_reference((str(tmp_path / "none.gguf"),)) is None


def test_replies_from_before_the_adoption_are_not_its_own(store: Store) -> None:
    talks(store, written(count=100))
    found = look(adopted=NOON + 48 * DAY)
    assert found.signals == ()
    assert "since she was taught last" in found.too_little


def test_meaning_needs_vectors_that_are_there_and_tells_a_move(store: Store) -> None:
    talks(store, written(count=160))
    newest = NOON + 60 * DAY

    def learn(direction: int, when: float, count: int = 25) -> None:
        for number in range(count):
            text = f"Sam likes {''.join(chr(97 + (number * 7 + place * 3) % 26) for place in range(9))} {direction}."
            memory = store.memories.add("", text).memory
            vector = [0.1 * ((number * place) % 5) for place in range(16)]
            vector[direction] += 3.0
            store.memories.set_vector(memory.id, "model.gguf", vector)
            store._database.change("UPDATE memories SET created = ? WHERE id = ?", (when + number, memory.id))

    assert "meaning" not in levels(look(embedding_model="model.gguf"))
    learn(1, NOON)
    learn(2, newest + 20 * DAY)
    assert levels(look(embedding_model="model.gguf"))["meaning"] == "large change"
    assert "meaning" not in levels(look(embedding_model="another.gguf"))


def test_a_database_that_cannot_be_read_is_told_in_words(home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        observed_replies(broken, "")
    assert observed_replies(tmp_path / "none.sqlite3", "") == ()


def test_dialogues_of_others_are_read_as_far_as_they_can_be(tmp_path: Path) -> None:
    file = tmp_path / "mixed.jsonl"
    good = msgspec.json.encode(
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "topic": "x"}
    )
    file.write_bytes(b"\n".join([good, b"{broken", b'{"conversations": []}', good]))
    assert [type(dialogue) for dialogue in reference._dialogues(file)] == [Dialogue, Dialogue]
