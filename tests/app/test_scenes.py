"""What the program knows of a conversation becomes the scene of its next reply."""

from __future__ import annotations

import time

import pytest

from companion.app.impression import Impression
from companion.core.character import BUILT_IN, CharacterOptions
from companion.core.messages import Turn
from companion.core.prompts.prompt import assemble
from tests.app.conftest import Desk


def scene_of(desk: Desk, impression: Impression = Impression()):  # noqa: B008 - immutable
    messages = [step.message for step in desk.chat.path]
    return desk.scenes.scene(desk.conversations.current, messages, impression), messages


def test_the_scene_holds_the_note_the_summary_the_mood_and_what_matters_of_the_memories(desk: Desk):
    conversation = desk.conversations.current
    desk.memories.add("", "{{user}}'s cat is called Miso.")
    desk.conversations.set_note("It rains.", 2)
    said = desk.store.add_message(conversation.id, parent=conversation.active, role="user", text="What is my cat called?")
    desk.store.memories.add_summary(conversation.id, said.id, "They met.")
    desk.conversations.refresh()
    scene, _ = scene_of(desk, Impression(mood="curiosity"))
    assert (scene.note, scene.note_depth, scene.summary, scene.person_mood) == ("It rains.", 2, "They met.", "curiosity")
    assert scene.memories == ("{{user}}'s cat is called Miso.",)
    assert scene.persona.name == "Sam"


def test_a_memory_that_was_told_counts_as_used(desk: Desk):
    conversation = desk.conversations.current
    memory = desk.memories.add("", "{{user}}'s cat is called Miso.")
    desk.store.add_message(conversation.id, parent=conversation.active, role="user", text="What is my cat called?")
    desk.conversations.refresh()
    scene, messages = scene_of(desk)
    desk.scenes.told(scene, [Turn("user", "nothing of it")])
    assert desk.store.memories.memory(memory.id).used == 0
    desk.scenes.told(scene, assemble(scene, messages))
    assert desk.store.memories.memory(memory.id).used > time.time() - 60


@pytest.mark.parametrize(("noticed", "mood"), [(True, "gratitude"), (False, "")])
def test_how_the_person_sounds_is_told_only_where_her_options_say_so(ready: Desk, qtbot, noticed: bool, mood: str):
    assert ready.characters.save_options(BUILT_IN, CharacterOptions(notice_mood=noticed)) is not None
    conversation = ready.conversations.current
    ready.store.add_message(conversation.id, parent=conversation.active, role="user", text="Thank you so much!")
    ready.conversations.refresh()
    messages = [step.message for step in ready.chat.path]
    heard: list[Impression] = []
    ready.prompting.take_in(conversation, messages, heard.append)
    qtbot.waitUntil(lambda: bool(heard))
    assert heard == [Impression(mood=mood)]
    turns = assemble(ready.scenes.scene(conversation, messages, heard[0]), messages)
    assert ("Sam's mood: gratitude." in "".join(turn.text for turn in turns)) == noticed


def test_a_character_that_is_gone_still_has_its_name(desk: Desk):
    gone = desk.store.create_conversation(character="nobody-there", character_name="Mira", greetings=("Hm.",))
    desk.conversations.open(gone.id)
    scene, _ = scene_of(desk)
    assert scene.character.name == "Mira"
    assert desk.characters.current.name == "Hoshi"


def test_somebody_she_knows_is_greeted_by_the_hour_and_the_first_greeting_of_the_card_is_the_next_alternate(desk: Desk):
    conversation = desk.conversations.current
    first = desk.chat.path[0].message.text
    desk.store.add_message(conversation.id, parent=conversation.active, role="user", text="I'm Sam.")
    desk.conversations.new()
    assert desk.chat.path[0].message.text != first
    desk.chat.choose_alternate(desk.chat.path[0].message.id, 1)
    assert desk.chat.path[0].message.text == first
