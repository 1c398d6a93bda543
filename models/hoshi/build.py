"""Makes the dataset that Hoshi's adapter learns from: her written dialogues, as the prompts that the program would build.

    .venv/bin/python models/hoshi/build.py OUT

Every dialogue becomes an example: the whole of it behind her card, with nobody's name known, and every reply but her
greeting is learned. Of one in four a second one is made, which stops at one of her later replies and learns only that;
there the prompt holds what the program adds in use: the person's name once it was told, what she remembers, and how the
person sounds.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from companion.core.character_library import built_in_character
from companion.core.conversation import Message
from companion.core.dataset import DatasetSource, Dialogue, DialogueTurn
from companion.core.files import write_atomic
from companion.core.persona import Persona
from companion.core.prompts.prompt import Scene, assemble
from companion.core.reflection.facts import find_facts, name_given
from companion.mood.classifier import MoodReader

HERE = Path(__file__).parent
SEED = 5
NOW = datetime(2026, 11, 21, 20, 0)
MOMENTS = 0.25
"""Share of the dialogues that become a second example."""
FEWEST_BEFORE = 2
"""The second example begins its choice behind the person's second message: before it there is nothing to remember."""


def written() -> Iterator[dict[str, Any]]:
    """The dialogues as they were written, file by file."""
    for path in sorted((HERE / "dialogues").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def messages_of(dialogue: dict[str, Any]) -> list[Message]:
    return [
        Message(id=number, conversation=1, parent=number - 1 or None, role=each["role"], text=each["content"], created=0.0)
        for number, each in enumerate(dialogue["messages"], start=1)
    ]


def whole(dialogue: dict[str, Any], messages: list[Message]) -> Dialogue:
    """Everything she says is learned, but for the greeting: in use her card says it."""
    turns = assemble(Scene(character=built_in_character(), now=NOW), messages)
    asked = False
    learned = []
    for turn in turns:
        asked = asked or turn.role == "user"
        learned.append(DialogueTurn(turn.role, turn.text, train=turn.role != "assistant" or asked))
    return Dialogue(id=dialogue["id"], messages=tuple(learned), labels=labels(dialogue, "whole"))


def moment(dialogue: dict[str, Any], messages: list[Message], moods: MoodReader, draw: random.Random) -> Dialogue | None:
    """One reply in the prompt of a program that remembers; None where the dialogue is too short for it."""
    said = [index for index, message in enumerate(messages) if message.role == "user"]
    if len(said) <= FEWEST_BEFORE:
        return None
    at = draw.choice(said[FEWEST_BEFORE:])
    name, facts = remembered(dialogue, messages[:at])
    mood = moods.read([messages[at].text])[0].label
    scene = Scene(character=built_in_character(), persona=Persona(name=name), memories=facts, person_mood=mood, now=NOW)
    turns = [DialogueTurn(turn.role, turn.text, train=turn.role != "assistant") for turn in assemble(scene, messages[: at + 1])]
    reply = DialogueTurn("assistant", messages[at + 1].text)
    return Dialogue(id=f"{dialogue['id']}-moment", messages=(*turns, reply), labels=labels(dialogue, "moment"))


def remembered(dialogue: dict[str, Any], messages: list[Message]) -> tuple[str, tuple[str, ...]]:
    """The name, if it was told by then, and the facts that the program's rules find, newest first."""
    facts = []
    for before, message in zip([None, *messages], messages, strict=False):
        if message.role == "user":
            found = list(find_facts(message.text))
            if before is not None and (given := name_given(before.text, message.text)):
                found.append(given)
            facts += [fact for fact in found if fact.kind != "name" and fact.sure]
    told = any(dialogue["user"] and dialogue["user"] in message.text for message in messages if message.role == "user")
    return dialogue["user"] if told else "", tuple(fact.text for fact in reversed(facts))


def labels(dialogue: dict[str, Any], kind: str) -> dict[str, str]:
    return {"dialogue": dialogue["id"], "topic": dialogue["topic"], "kind": kind}


def build(folder: Path) -> DatasetSource:
    """Write the dataset; the same dialogues always give the same bytes."""
    draw, moods = random.Random(SEED), MoodReader.load()
    dialogues: list[Dialogue] = []
    for dialogue in written():
        messages = messages_of(dialogue)
        dialogues.append(whole(dialogue, messages))
        if draw.random() < MOMENTS and (one := moment(dialogue, messages, moods, draw)) is not None:
            dialogues.append(one)
    source = DatasetSource(
        name="Hoshi",
        origin="models/hoshi/dialogues",
        form="openai",
        licence="Apache-2.0",
        attribution="The Companion developers",
        consent="Written for this project; nobody's private words.",
        dialogues=len(dialogues),
        turns=sum(len(dialogue.messages) for dialogue in dialogues),
        words=sum(len(turn.content.split()) for dialogue in dialogues for turn in dialogue.messages),
        steps=(f"Put into her prompts by models/hoshi/build.py with seed {SEED}.",),
    )
    encoder = msgspec.json.Encoder()
    write_atomic(folder / "data.jsonl", b"".join(encoder.encode(dialogue) + b"\n" for dialogue in dialogues))
    write_atomic(folder / "source.toml", msgspec.toml.encode(source))
    return source


if __name__ == "__main__":
    made = build(Path(sys.argv[1]))
    print(f"{made.dialogues:,} examples, {made.turns:,} messages, {made.words:,} words")
