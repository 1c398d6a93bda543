"""She is there: what happens in the program is seen on her, in the large window and in the small one."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

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


def test_she_does_not_doze_off_while_somebody_uses_the_window(program: Program, qtbot):
    stage = program.content.stage
    with qtbot.waitSignal(stage.figure.prepared):
        qtbot.waitUntil(lambda: stage.figure.character is not None)
    program.presence._dozing.timeout.emit()
    assert stage.figure._asleep
    program.content.show_page("settings")
    QTest.mouseMove(program.window.windowHandle(), QPoint(300, 300))
    assert not stage.figure._asleep
    assert program.presence._dozing.remainingTime() > 0
    program._begin_what_can_wait()
    program.fitting._quiet = 30_000
    QTest.mouseMove(program.window.windowHandle(), QPoint(310, 300))
    assert program.fitting._quiet == 0


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
    scene = program.chat._prompting._scenes.scene(conversation, [step.message for step in program.chat.path])
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
    program.pages.editor.copy_requested.emit(BUILT_IN)
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


def take_in(program: Program, qtbot, path: Path) -> str:
    with qtbot.waitSignal(program.characters.added, timeout=10_000) as added:
        program.characters.import_files([path])
    program.characters.choose(added.args[0].identifier)
    return added.args[0].identifier


def test_a_greeting_that_was_edited_is_heard_when_nothing_was_said_yet(program: Program, qtbot, mira: Path):
    identifier = take_in(program, qtbot, mira)
    program.content.chat_view.set_draft("Begun")
    card = msgspec.structs.replace(program.characters.current.card, first_mes="Welcome, {{user}}.")
    program.characters.save(identifier, card)
    program.characters.choose(identifier)
    assert [step.message.text for step in program.chat.path] == ["Welcome, Sam."]
    assert [talk.character_name for talk in program.conversations.all()] == ["Mira", "Hoshi"]
    assert program.content.chat_view.draft() == "Begun"


def test_deleting_a_character_leaves_the_person_among_them_and_undo_brings_her_back(program: Program, qtbot, mira: Path):
    identifier = take_in(program, qtbot, mira)
    hers = program.conversations.current.id
    notices = []
    program.notices.notice_raised.connect(notices.append)
    program.content.show_page("characters")
    program.characters.delete(identifier)
    assert program.pages.gallery.isVisible()
    program.conversations.open(hers)
    program.content.show_page("memory")
    assert program.pages.memory_page.title.text() == "What Mira remembers"
    notices[-1].act()
    assert program._shown is not None
    assert program._shown.folder


def test_talk_shows_the_conversation(program: Program, qtbot, mira: Path):
    program.content.show_page("characters")
    take_in(program, qtbot, mira)
    assert program.content.chat_view.isVisible()


def test_the_large_window_and_the_small_one_are_never_there_together(program: Program, qtbot):
    program.mode.enter()
    program.mode.small.edit.setText("I was about to say")
    program.window.come_forward()
    assert not program.mode.is_on
    assert program.content.chat_view.draft() == "I was about to say"
    assert not program.mode.small.edit.text()


def test_the_program_can_be_ended_from_companion_mode(program: Program, qtbot):
    program.mode.enter()
    program.mode.small.close()  # as Qt does it with every window
    assert program.window.isVisible()


def test_control_q_ends_the_program_from_the_small_window_too(program: Program, qtbot):
    program.mode.enter()
    small = program.mode.small
    qtbot.waitUntil(small.isActiveWindow)
    with qtbot.waitSignal(program.window.closed):
        qtbot.keyClick(small.edit, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not program.window.isVisible()
    assert not small.isVisible()


def test_what_could_not_be_sent_comes_back_where_it_was_written(program: Program, qtbot):
    view = program.content.chat_view
    program.mode.enter()
    view.set_draft("Begun")
    program.chat.unsent.emit("From the small one")
    assert (program.mode.small.edit.text(), view.draft()) == ("From the small one", "Begun")
    program.mode.small.edit.clear()
    program.mode.leave()
    view.set_draft("")
    program.chat.unsent.emit("From the large one")
    assert (program.mode.small.edit.text(), view.draft()) == ("", "From the large one")


def test_a_voice_that_is_not_there_says_so_at_the_first_press(program: Program, qtbot):
    notices = []
    program.notices.notice_raised.connect(notices.append)
    program.voice._engine = "no-such-engine"
    program.content.chat_view.header.voice_button.click()
    qtbot.waitUntil(lambda: bool(notices), timeout=20_000)
    assert [notice.what for notice in notices] == ["This computer has no voice that Companion can use."]
    assert not program.preferences.settings.speak


def test_she_falls_silent_at_once_when_something_is_said_or_stopped_or_opened(program: Program, qtbot):
    program.voice._engine = "mock"
    program.preferences.update(speak=True)
    qtbot.waitUntil(lambda: program.voice.is_on, timeout=20_000)
    for silence in (
        lambda: qtbot.keyClick(program.content.chat_view.composer.edit, Qt.Key.Key_Escape),
        program.content.chat_view.stop_requested.emit,
        lambda: program.chat.send("Wait."),
        program.conversations.new,
        lambda: program.preferences.update(speak=False),
    ):
        program.voice.interrupt()
        program.voice.hear("A sentence that would take some time to say, and would be heard. Another one. ")
        assert program.voice.is_speaking
        silence()
        assert not program.voice.is_speaking


def test_a_switch_that_was_not_granted_is_off_again_on_the_page(program: Program, qtbot):
    program.voice._engine = "no-such-engine"
    program.content.show_page("settings")
    box = program.pages.settings_page.forms["Voice"].rows["speak"].editor.box
    box.click()
    qtbot.waitUntil(lambda: not program.preferences.settings.speak, timeout=20_000)
    assert not box.isChecked()


def test_what_cannot_be_saved_yet_stays_while_something_else_changes(program: Program, qtbot):
    program.content.show_page("settings")
    page = program.pages.settings_page
    text = page.sampling.rows["stop"].editor.text
    text.setPlainText("\n".join(f"stop {number}" for number in range(17)))
    assert page.check()
    program.preferences.update(theme="light")
    assert "stop 16" in text.toPlainText()


def test_what_she_will_remember_is_told_in_words(program: Program, qtbot):
    notices = []
    program.notices.notice_raised.connect(notices.append)
    memory = program.memories.add(program.characters.current.identifier, "{{user}}'s cat is called Miso.")
    program.quiet.remembered.emit((memory,))
    assert notices[-1].what == "Hoshi will remember: Sam's cat is called Miso."


def test_a_memory_is_changed_in_words_and_stays_about_whoever_the_person_is(program: Program, qtbot):
    memory = program.memories.add(program.characters.current.identifier, "{{user}} likes tea.")
    program.content.show_page("memory")
    model = program.pages.memory_page.model
    assert model.data(model.index(0)) == "Sam likes tea."
    model.setData(model.index(0), "Sam likes green tea.")
    assert [m.text for m in program.memories.all(memory.character)] == ["{{user}} likes green tea."]


def test_new_personas_do_not_lose_what_is_being_written(program: Program, qtbot):
    program.content.show_page("personas")
    page = program.pages.personas_page
    page.new_button.click()
    page.cards[0].description.setPlainText("Tired.")
    page.new_button.click()
    assert sorted(card.description.toPlainText() for card in page.cards) == ["", "Tired."]
    assert page._cards.count() == 2
    assert len(program.personas.all()) == 2


def test_control_r_changes_nothing_that_is_not_seen(program: Program, qtbot):
    program.content.show_page("memory")
    before = program.chat.path
    program.wiring.regenerate_last()
    assert program.chat.path == before


def test_no_page_takes_the_keyboard_from_the_window_when_it_is_made(program: Program, qtbot):
    for page in ("characters", "memory", "personas", "settings"):
        program.content.show_page(page)
        assert program.window.isActiveWindow()
    program.pages.editor.copy_requested.emit(BUILT_IN)
    qtbot.wait(50)
    assert program.window.isActiveWindow()


def test_what_was_forgotten_meanwhile_is_not_told(program: Program):
    notices = []
    memory = program.memories.add(program.characters.current.identifier, "{{user}} likes tea.")
    program.memories.take_back(memory.id)
    program.notices.notice_raised.connect(notices.append)
    program.quiet.remembered.emit((memory,))
    assert notices == []


def test_a_forgotten_conversation_takes_its_draft_with_it(program: Program):
    program.content.chat_view.set_draft("A secret")
    program.wiring.forget()
    assert program.content.chat_view.draft() == ""


def test_notices_have_their_width_when_the_window_was_made_narrow(program: Program, qtbot):
    program.notices.error("Something happened.", "Do something.")
    program.window.resize(700, 800)
    card = program.content.notice_area.cards[0]
    qtbot.waitUntil(lambda: card.width() > 400)


def test_a_notice_from_another_page_does_not_cover_the_composer(program: Program, qtbot):
    program.window.resize(800, 700)
    program.content.show_page("memory")
    program.notices.error("Something happened.", "Do something.")
    program.content.show_page("chat")
    composer = program.content.chat_view.composer
    top = composer.mapTo(program.content, composer.rect().topLeft()).y()
    assert program.content.notice_area.geometry().bottom() < top


def test_the_built_in_character_can_be_looked_at_and_her_options_are_the_persons(program: Program, qtbot):
    program.pages.edit(BUILT_IN)
    editor = program.pages.editor
    assert editor.identifier == BUILT_IN
    assert len(program.characters.all()) == 1, "looking makes no copy"
    editor.options_changed.emit(msgspec.structs.replace(program.characters.current.options, notice_mood=True))
    assert program.characters.current.options.notice_mood
    editor.copy_requested.emit(BUILT_IN)
    assert editor.identifier != BUILT_IN
    assert len(program.characters.all()) == 2


def test_whoever_tells_her_a_name_can_be_called_by_it_with_one_press(program: Program, qtbot):
    program.preferences.update(person_name="")
    notices = []
    program.notices.notice_raised.connect(notices.append)
    her = program.conversations.partner.name
    program.quiet.remembered.emit((program.memories.add("", f"{{{{user}}}}'s name is {her}."),))
    assert notices[-1].action == "Undo", "who plays with her name is not called by it"
    program.quiet.remembered.emit((program.memories.add("", "{{user}}'s name is Ana."),))
    assert notices[-1].action == "Call me Ana"
    assert notices[-1].waits, "nobody has to hurry"
    notices[-1].act()
    assert program.preferences.settings.person_name == "Ana"
    assert notices[-1].what == f"{her} calls you Ana from now on."
    notices[-1].act()
    assert program.preferences.settings.person_name == ""
    program.preferences.update(person_name="Ana")
    program.quiet.remembered.emit((program.memories.add("", "{{user}}'s name is Bo."),))
    assert notices[-1].action == "Undo", "somebody who has a name is not renamed"
