"""A memory told in one conversation and recalled in the next, with the real starter model, engine, database and window parts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from companion.app.engine_state import EngineState
from companion.core.appearance import Appearance
from companion.core.paths import settings_file
from companion.core.sampling import PRESETS
from companion.core.settings import Settings, save_settings
from companion.program import Program
from companion.ui.shell import Shell


@pytest.fixture
def program(qapp: QApplication, qtbot, starter: Path):
    exact = msgspec.structs.replace(PRESETS["Exact"], max_tokens=40)
    save_settings(
        settings_file(),
        Settings(person_name="Sam", sampling=exact, preset="Exact", typing_rhythm=False, reduce_motion=True),
    )
    window = Shell(qapp, Appearance())
    qtbot.addWidget(window)
    window.show()
    made = Program(qapp, window)
    qtbot.waitUntil(lambda: made.engine.state is EngineState.READY, timeout=60_000)
    yield made
    made.close()
    made.theme.deleteLater()


def say(program: Program, qtbot, text: str) -> str:
    with qtbot.waitSignal(program.chat.reply_finished, timeout=60_000):
        program.chat.send(text)
    return program.chat.path[-1].message.text


def test_what_was_told_in_one_conversation_is_known_in_the_next(program: Program, qtbot):
    say(program, qtbot, "I have a cat called Miso and she sleeps on my keyboard.")
    first = program.conversations.current.id
    with qtbot.waitSignal(program.quiet.remembered, timeout=60_000):
        pass  # at a quiet moment
    (memory,) = program.memories.all("")
    assert "Miso" in memory.text
    assert memory.conversation == first

    program.conversations.new()
    assert program.conversations.current.id != first
    assert "Miso" in say(program, qtbot, "What is my cat called?")


def test_a_forgotten_conversation_takes_the_memory_with_it(program: Program, qtbot, home: Path):
    say(program, qtbot, "I have a cat called Mochipuff and she sleeps on my keyboard.")
    with qtbot.waitSignal(program.quiet.remembered, timeout=60_000):
        pass
    program.wiring.forget()
    assert program.memories.all("") == ()
    assert "Mochipuff" not in say(program, qtbot, "What is my cat called?")
    program.close()
    for file in (home / "data").rglob("*"):
        assert not file.is_file() or b"Mochipuff" not in file.read_bytes(), file
    for file in (home / "logs").rglob("*"):
        assert b"Mochipuff" not in file.read_bytes(), file
