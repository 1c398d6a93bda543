"""What a person does in a conversation, with the real engine process, a tiny model and the real database."""

from __future__ import annotations

import os
import signal
import time

import pytest

from companion.app.engine_state import EngineState
from companion.core.errors import StoreError
from companion.core.messages import LoadOptions
from companion.core.paths import database_file
from companion.core.storage.store import Store


def say(desk, qtbot, text: str) -> None:
    with qtbot.waitSignal(desk.chat.reply_finished, timeout=30_000):
        desk.chat.send(text)


def test_the_first_greeting_is_there_before_any_model(desk):
    assert desk.engine.state is EngineState.STOPPED
    assert "I'm Hoshi" in desk.texts()[0]
    assert desk.chat.path[0].alternates > 1, "the card's other greetings are alternates"


def test_a_reply_comes_and_is_stored(ready, qtbot):
    say(ready, qtbot, "Hello, I am Sam.")
    roles = [step.message.role for step in ready.chat.path]
    assert roles == ["assistant", "user", "assistant"]
    assert ready.last().status == "complete"
    assert ready.last().tokens > 0
    assert ready.last().model == "talkative"
    assert ready.conversations.current.title == "Hello, I am Sam"


def test_what_is_said_while_the_model_loads_is_answered_when_it_is_ready(desk, qtbot, talkative_model):
    desk.engine.load(str(talkative_model), LoadOptions())
    with qtbot.waitSignal(desk.chat.reply_finished, timeout=30_000):
        desk.chat.send("Are you awake?")
    assert desk.last().status == "complete"


def test_without_a_model_the_message_is_kept_and_the_reason_is_said(desk, qtbot, tmp_path):
    with qtbot.waitSignal(desk.engine.load_failed, timeout=30_000):
        desk.engine.load(str(tmp_path / "gone.gguf"), LoadOptions())
    desk.chat.send("Hello?")
    assert desk.texts()[1] == "Hello?"
    assert desk.last().status == "failed"
    assert "no model to answer with" in desk.said()


def test_the_streamed_pieces_are_the_reply(ready, qtbot):
    pieces = []
    ready.chat.piece_received.connect(lambda message, text: pieces.append(text))
    say(ready, qtbot, "Hello.")
    assert "".join(pieces).rstrip() == ready.last().text


def test_regenerating_adds_an_alternate_and_both_can_be_chosen(ready, qtbot):
    say(ready, qtbot, "Hello.")
    first = ready.last()
    with qtbot.waitSignal(ready.chat.reply_finished, timeout=30_000):
        ready.chat.regenerate(first.id)
    second = ready.chat.path[-1]
    assert (second.alternate, second.alternates) == (2, 2)
    ready.chat.choose_alternate(second.message.id, -1)
    assert ready.last().id == first.id


def test_continuing_a_reply_adds_to_it(ready, qtbot):
    say(ready, qtbot, "Hello.")
    before = ready.last()
    with qtbot.waitSignal(ready.chat.reply_finished, timeout=30_000):
        ready.chat.continue_reply(before.id)
    after = ready.last()
    assert after.id == before.id
    assert after.text.startswith(before.text)
    assert after.status == "complete"


def test_editing_ones_words_is_answered_anew_on_a_branch(ready, qtbot):
    say(ready, qtbot, "Hello.")
    mine = ready.chat.path[1].message
    with qtbot.waitSignal(ready.chat.reply_finished, timeout=30_000):
        ready.chat.edit(mine.id, "Good evening.")
    assert ready.texts()[1] == "Good evening."
    assert ready.chat.path[1].alternates == 2
    ready.chat.choose_alternate(ready.chat.path[1].message.id, -1)
    assert ready.texts()[1] == "Hello."
    assert len(ready.chat.path) == 3, "the old branch still has its reply"


def test_editing_her_words_keeps_both_versions(ready, qtbot):
    say(ready, qtbot, "Hello.")
    ready.chat.edit(ready.last().id, "Hello yourself.")
    assert ready.last().text == "Hello yourself."
    assert ready.last().edited
    assert ready.chat.path[-1].alternates == 2


def test_deleting_a_message_can_be_undone(ready, qtbot):
    say(ready, qtbot, "Hello.")
    before = ready.texts()
    ready.chat.delete(ready.chat.path[1].message.id)
    assert len(ready.chat.path) == 1
    ready.told[-1].act()
    assert ready.texts() == before


def test_thumbs_are_stored(ready, qtbot):
    say(ready, qtbot, "Hello.")
    ready.chat.give_feedback(ready.last().id, 1)
    assert ready.last().feedback == 1
    ready.chat.give_feedback(ready.last().id, 0)
    assert ready.last().feedback == 0


def test_stopping_keeps_what_was_written(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("Talk.")
    with qtbot.waitSignal(endless.chat.reply_finished, timeout=10_000):
        endless.chat.stop()
    assert endless.last().status in {"stopped", "complete"}
    assert endless.last().text


def test_opening_another_conversation_stops_the_reply_and_keeps_it(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("Talk.")
    first = endless.conversations.current.id
    endless.conversations.new()
    assert len(endless.chat.path) == 1
    qtbot.waitUntil(lambda: endless.engine.state is EngineState.READY, timeout=10_000)
    endless.conversations.open(first)
    assert endless.last().status == "stopped"
    assert endless.last().text


@pytest.mark.parametrize("text", ["a\x00b", "\ud800 alone", "<|im_end|>", "\u202eabc", "👩‍👩‍👧‍👦"])
def test_odd_text_is_kept_and_answered(ready, qtbot, text):
    say(ready, qtbot, text)
    assert ready.last().status == "complete"


def test_a_message_that_cannot_fit_is_kept_and_the_reason_is_said(ready, qtbot):
    with qtbot.waitSignal(ready.engine.reply_failed, timeout=30_000):
        ready.chat.send("star " * 200_000)
    assert len(ready.chat.path[1].message.text) == 999_999
    assert ready.last().status == "failed"
    assert "too long for her" in ready.said()
    ready.chat.edit(ready.chat.path[1].message.id, "Shorter.")
    qtbot.waitUntil(lambda: ready.last().status == "complete", timeout=30_000)


@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_engines_leave_as_many_partial_replies_and_recover(endless, qtbot, kills):
    recoveries = []
    for number in range(kills):
        with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
            endless.chat.send(f"Talk {number}.")
        qtbot.wait(10 + 7 * (number % 5))
        if not endless.chat.is_writing:
            pytest.fail("the reply was meant to be long")
        began = time.monotonic()
        with qtbot.waitSignals([endless.engine.died, endless.engine.model_ready], timeout=30_000):
            os.kill(endless.engine.process_id, signal.SIGKILL)
        recoveries.append(time.monotonic() - began)
        assert endless.last().status == "interrupted"
        assert endless.last().text, "what was written is kept"
        endless.conversations.new()
    assert max(recoveries) < 3, f"slowest recovery {max(recoveries):.2f} s"
    assert len(endless.conversations.all()) >= kills


def test_an_interrupted_reply_can_be_continued_or_asked_again(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("Talk.")
    with qtbot.waitSignals([endless.engine.died, endless.engine.model_ready], timeout=30_000):
        os.kill(endless.engine.process_id, signal.SIGKILL)
    before = endless.last()
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.continue_reply(before.id)
    endless.chat.stop()
    qtbot.waitUntil(lambda: not endless.chat.is_writing, timeout=10_000)
    assert endless.last().text.startswith(before.text)


def test_memory_marker_appears_when_old_turns_no_longer_fit(desk, qtbot, talkative_model):
    with qtbot.waitSignal(desk.engine.model_ready, timeout=30_000):
        desk.engine.load(str(talkative_model), LoadOptions(context_tokens=2048))
    ready = desk
    marks = []
    ready.chat.memory_begins.connect(marks.append)
    for number in range(6):
        say(ready, qtbot, f"Number {number}. " + "and so on " * 60)
    assert marks[-1] > 0
    assert marks[-1] in [step.message.id for step in ready.chat.path]


def test_deleting_a_conversation_can_be_undone(ready, qtbot):
    say(ready, qtbot, "Hello.")
    conversation = ready.conversations.current.id
    ready.conversations.delete(conversation)
    assert conversation not in [c.id for c in ready.conversations.all()]
    ready.told[-1].act()
    assert ready.conversations.current.id == conversation
    assert ready.texts()[1] == "Hello."


def test_new_does_not_pile_up_empty_conversations(desk):
    for _ in range(3):
        desk.conversations.new()
    assert len(desk.conversations.all()) == 1


def test_a_conversation_with_a_vanished_character_is_readable(ready):
    gone = ready.store.create_conversation(character="/gone/card.json", character_name="Mira", greetings=("I was here.",))
    ready.conversations.open(gone.id)
    assert ready.texts() == ["I was here."]


def test_a_conversation_goes_out_and_comes_back(ready, qtbot, tmp_path):
    say(ready, qtbot, "Hello.")
    for form in ("companion", "sillytavern"):
        path = tmp_path / f"{form}.jsonl"
        ready.conversations.export_file(ready.conversations.current.id, path, form)
        before = ready.texts()
        ready.conversations.import_file(path)
        assert ready.texts() == before


def test_an_import_that_fails_says_where(desk, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"user_name":"You","character_name":"X"}\n{"name":"X","mes":"hi"}\n{broken\n')
    desk.conversations.import_file(path)
    assert "3" in desk.said()
    assert len(desk.conversations.all()) == 1


def test_what_was_cut_off_is_marked_at_the_next_start(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("Talk.")
    qtbot.wait(700)
    other = Store(database_file())  # the next start, after this program was killed
    assert other.recover_interrupted() == 1
    path = other.path(endless.conversations.current.id)
    assert path[-1].message.status == "interrupted"
    assert path[-1].message.text
    other.close()


def test_two_messages_said_while_the_model_loads_are_both_kept_and_answered_together(desk, qtbot, talkative_model):
    desk.engine.load(str(talkative_model), LoadOptions())
    desk.chat.send("First.")
    with qtbot.waitSignal(desk.chat.reply_finished, timeout=30_000):
        desk.chat.send("Second.")
    assert desk.texts()[1:3] == ["First.", "Second."]
    assert [step.message.role for step in desk.chat.path] == ["assistant", "user", "user", "assistant"]


def test_a_reply_that_waits_for_a_model_that_fails_is_marked_and_the_next_can_be_said(desk, qtbot, tmp_path, talkative_model):
    with qtbot.waitSignal(desk.engine.load_failed, timeout=30_000):
        desk.engine.load(str(tmp_path / "gone.gguf"), LoadOptions())
        desk.chat.send("Hello?")
    assert not desk.chat.is_writing
    assert desk.last().status == "failed"
    with qtbot.waitSignal(desk.engine.model_ready, timeout=30_000):
        desk.engine.load(str(talkative_model), LoadOptions())
    say(desk, qtbot, "And now?")


def test_a_reply_asked_for_while_the_engine_ends_another_is_not_forgotten(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("Talk.")
    endless.conversations.new()
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("And here?")
    assert endless.texts()[1] == "And here?"


def test_opening_the_conversation_that_is_open_does_not_stop_her(endless, qtbot):
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("Talk.")
    endless.conversations.open(endless.conversations.current.id)
    assert endless.chat.is_writing


def test_opening_it_again_shows_all_that_she_has_written_so_far(endless, qtbot):
    pieces: list[str] = []
    endless.chat.piece_received.connect(lambda _message, text: pieces.append(text))
    endless.chat.send("Hello")
    qtbot.waitUntil(lambda: len(pieces) > 3, timeout=20_000)
    with qtbot.waitSignal(endless.chat.path_changed) as shown:
        endless.conversations.open(endless.conversations.current.id)
    assert shown.args[0][-1].message.text == "".join(pieces)


def test_continuing_an_empty_reply_writes_one(desk, qtbot, talkative_model):
    desk.chat.send("Talk.")
    desk.chat.stop()
    assert (desk.last().status, desk.last().text) == ("stopped", "")
    with qtbot.waitSignal(desk.engine.model_ready, timeout=30_000):
        desk.engine.load(str(talkative_model), LoadOptions())
    with qtbot.waitSignal(desk.chat.reply_finished, timeout=30_000):
        desk.chat.continue_reply(desk.last().id)
    assert desk.last().text


def test_undo_while_she_writes_waits(endless, qtbot):
    endless.chat.send("Talk.")
    endless.chat.stop()
    qtbot.waitUntil(lambda: not endless.chat.is_writing, timeout=10_000)
    endless.chat.delete(endless.chat.path[1].message.id)
    undo = endless.told[-1].act
    with qtbot.waitSignal(endless.chat.piece_received, timeout=30_000):
        endless.chat.send("Something else.")
    undo()
    assert endless.texts()[1] == "Something else."
    assert "She is writing" in endless.said()


def test_words_that_cannot_be_stored_come_back_to_the_composer(ready, monkeypatch):
    def full(*_args, **_facts):
        raise StoreError("The disk is full.", "Make room.")

    monkeypatch.setattr(ready.store, "add_message", full)
    unsent = []
    ready.chat.unsent.connect(unsent.append)
    ready.chat.send("Precious words.")
    assert unsent == ["Precious words."]
    assert "The disk is full." in ready.said()


def test_a_reply_can_be_asked_for_when_hers_was_deleted(ready, qtbot):
    say(ready, qtbot, "Hello.")
    ready.chat.delete(ready.last().id)
    assert ready.last().role == "user"
    with qtbot.waitSignal(ready.chat.reply_finished, timeout=30_000):
        ready.chat.regenerate(ready.last().id)
    assert ready.last().role == "assistant"


def test_the_memory_marker_is_there_again_when_the_conversation_is_opened_anew(desk, qtbot, talkative_model):
    with qtbot.waitSignal(desk.engine.model_ready, timeout=30_000):
        desk.engine.load(str(talkative_model), LoadOptions(context_tokens=2048))
    for number in range(6):
        say(desk, qtbot, f"Number {number}. " + "and so on " * 60)
    conversation = desk.conversations.current.id
    desk.conversations.new()
    marks = []
    desk.chat.memory_begins.connect(marks.append)
    desk.conversations.open(conversation)
    qtbot.waitUntil(lambda: bool(marks and marks[-1] > 0), timeout=10_000)
