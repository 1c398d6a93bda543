"""The library beside the running program: what is adopted on its page is what answers in the chat."""

from __future__ import annotations

import shutil
from pathlib import Path

from companion.core.character import BUILT_IN
from companion.core.library.history import History
from companion.core.paths import own_adapters_folder
from companion.program import Program
from companion.ui.workshop.library.library_page import LibraryPage
from tests.tiny_adapters import write_adapter
from tests.ui.conftest import LOADED_MS


def said_with(program: Program, qtbot) -> list[str]:
    """Which adapters were on the model when she answered."""
    with qtbot.waitSignal(program.chat.reply_finished, timeout=LOADED_MS):
        program.chat.send("Hello")
    return [adapter.name for adapter in program.engine.model.adapters]


def test_adopt_reply_roll_back_reply(ready: Program, qtbot, talkative_model: Path):
    own_adapters_folder().mkdir()
    voice = write_adapter(own_adapters_folder() / "voice.gguf", talkative_model, name="Voice")
    ready.content.show_page("workshop")
    ready.workshop.show("library")
    page = ready.workshop.panel.pages["library"]
    assert isinstance(page, LibraryPage)
    qtbot.waitUntil(lambda: ready.library.collection is not None, timeout=LOADED_MS)
    assert "Voice" not in said_with(ready, qtbot)
    page.show_item(str(voice))
    page.details.character_chosen.emit(BUILT_IN, True)
    assert said_with(ready, qtbot) == ["Voice"]
    page.roll_back_button.click()
    assert "Voice" not in said_with(ready, qtbot)


def test_a_model_that_is_chosen_anywhere_is_noted(ready: Program, qtbot, talkative_model: Path, tmp_path: Path):
    other = shutil.copyfile(talkative_model, tmp_path / "other.gguf")
    with qtbot.waitSignal(ready.engine.model_ready, timeout=LOADED_MS):
        ready.models.choose(other)  # as a file that is dropped on the chat
    change = History().last(str(other))
    assert change is not None
    assert change.before.model == str(talkative_model)
    assert "library" not in ready.__dict__  # nothing of the page is needed for that
