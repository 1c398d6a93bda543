"""She is there: what happens in the program is seen on her, in the large window and in the small one."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from companion.core.character import BUILT_IN
from companion.core.moods import Mood
from companion.core.persona import Persona
from companion.program import Program
from companion.ui import presence as presence_module

JOY = Mood(label="joy", score=0.9, valence=0.8, arousal=0.5)


@pytest.fixture
def mira(tmp_path: Path) -> Path:
    path = tmp_path / "mira.json"
    card = {
        "spec": "chara_card_v2",
        "spec_version": "2.0",
        "data": {"name": "Mira", "first_mes": "Hm, {{user}}.", "extensions": {}},
    }
    path.write_text(json.dumps(card), encoding="utf-8")
    return path


def test_a_mood_is_seen_on_every_picture_of_her(program: Program, qtbot):
    program.chat.mood_heard.emit(1, JOY)
    assert program.content.stage._mood.text() == "joy"
    assert program.content.strip._mood.text() == "joy"
    program.mode.enter()
    assert program.mode.small.figure.figure._mood == "joy"
    program.mode.leave()


def test_companion_mode_shows_only_her_and_leads_back(program: Program, qtbot):
    program.mode.enter()
    assert program.window.isHidden()
    assert program.mode.small.isVisible()
    assert program.mode.small.bubble.text == program.chat.path[-1].message.text
    program.mode.small.back_requested.emit()
    assert program.window.isVisible()
    assert not program.mode.is_on


def test_she_answers_in_companion_mode(ready: Program, qtbot):
    ready.mode.enter()
    ready.mode.small.edit.setText("Hello there")
    with qtbot.waitSignal(ready.chat.reply_finished, timeout=20_000):
        ready.mode.small.edit.returnPressed.emit()
    reply = ready.chat.path[-1].message.text
    assert " ".join(ready.mode.small.bubble.text.split()) == " ".join(reply.split())
    ready.mode.leave()


def test_an_imported_character_takes_the_stage_and_hoshi_comes_back(program: Program, qtbot, mira: Path):
    with qtbot.waitSignal(program.characters.added, timeout=10_000) as added:
        program.wiring.cards_dropped.emit([mira])
    program.characters.choose(added.args[0].identifier)
    assert program.content.stage.accessibleName() == "Portrait of Mira"
    assert program.chat.path[0].message.text == "Hm, Sam."
    program.characters.choose(BUILT_IN)
    assert program.content.stage.accessibleName() == "Portrait of Hoshi"
    assert [talk.character_name for talk in program.conversations.all()] == ["Mira", "Hoshi"]


def test_opening_a_conversation_brings_whom_it_is_with(program: Program, qtbot, mira: Path):
    hoshis = program.conversations.current.id
    with qtbot.waitSignal(program.characters.added, timeout=10_000) as added:
        program.characters.import_files([mira])
    program.characters.choose(added.args[0].identifier)
    program.conversations.open(hoshis)
    assert program.content.stage.accessibleName() == "Portrait of Hoshi"
    assert program.preferences.settings.character == BUILT_IN


def test_the_battery_holds_her_still_if_that_is_wanted(program: Program, monkeypatch):
    monkeypatch.setattr(presence_module, "on_battery", lambda: True)
    program.presence.look_at_the_battery()
    assert program.content.stage._paused
    program.preferences.update(still_on_battery=False)
    program.presence.look_at_the_battery()
    assert not program.content.stage._paused


def test_the_author_and_the_persona_reach_the_prompt(program: Program, qtbot):
    added = program.personas.add("Captain Ana", "She commands a small ship.")
    program.wiring.show_talk()
    card = program.wiring.talk_card
    card.persona.setCurrentIndex(card.persona.findData(added.id))
    card.persona.activated.emit(card.persona.currentIndex())
    card.note.setPlainText("It is raining.")
    card.hide()
    conversation = program.conversations.current
    assert (conversation.persona, conversation.note) == (added.id, "It is raining.")
    scene = program.chat._scenes.scene(conversation, [step.message for step in program.chat.path])
    assert scene.persona == msgspec.structs.replace(
        Persona(id=added.id, name="Captain Ana", description="She commands a small ship."), portrait=scene.persona.portrait
    )
    assert scene.note == "It is raining."


def test_every_page_opens_from_the_rail(program: Program, qtbot):
    for page in ("characters", "memory", "settings", "chat"):
        program.content.rail.buttons[page].click()
        assert program.content.rail.buttons[page].isChecked()
    program.content.show_page("personas")
    assert program.pages.personas_page.isVisible()


def test_a_memory_can_be_written_and_found_in_the_window(program: Program, qtbot):
    program.content.show_page("memory")
    page = program.pages.memory_page
    page.add_requested.emit("Sam is allergic to nuts.")
    page.add_requested.emit("Sam plays the cello.")
    assert page.model.rowCount() == 2
    page.search.setText("cello")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)


def test_an_unsaved_card_holds_the_window_once(program: Program, qtbot):
    program.pages.edit(BUILT_IN)
    assert not program.pages.editor.unsaved
    program.pages.editor.sections.fields["description"].set_value("Somebody else.")
    assert not program.pages.may_close()
    assert program.pages.editor.isVisible()
    assert program.pages.may_close(), "who closes again means it"


def test_forgetting_ends_a_reply_under_way(ready: Program, qtbot):
    ready.preferences.update(sampling=msgspec.structs.replace(ready.preferences.settings.sampling, max_tokens=20_000))
    ready.chat.send("Hello")
    qtbot.waitUntil(lambda: ready.chat.is_writing, timeout=10_000)
    forgotten = ready.conversations.current.id
    ready.wiring.forget()
    assert ready.store.conversation(forgotten) is None
    assert ready.conversations.current.id != forgotten
    assert not ready.chat.is_writing
