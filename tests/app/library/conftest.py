"""Everything the library needs, with the real engine, settings and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.app.engine_state import EngineState
from companion.app.library.adoption import Adoption
from companion.app.library.library import Library
from companion.app.models import Models
from companion.core.character_library import CharacterLibrary
from companion.core.library.collection import Collection, Librarian
from companion.core.library.history import History
from companion.core.library.item import Item
from companion.core.library.trash import Trash
from companion.core.paths import own_adapters_folder, own_models_folder
from tests.app.conftest import Desk
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama

LOADED_MS = 120_000
"""The starter model is checked and measured once, on a machine that may be busy."""


class Office(Desk):
    def __init__(self, qtbot) -> None:
        super().__init__()
        self.qtbot = qtbot
        self.base = write_tiny_llama(_made(own_models_folder()) / "base.gguf", context=4096, ends=False)
        self.other = write_tiny_llama(own_models_folder() / "other.gguf", context=4096, ends=False, seed=5)
        self.voice = write_adapter(_made(own_adapters_folder()) / "voice.gguf", self.base, name="Voice")
        self.models = Models(self.engine, self.preferences, self.notices)
        self.conversations.opened.connect(lambda _talk: self.models.suit(self.conversations.partner))
        self.characters.character_changed.connect(lambda _character: self.models.suit(self.conversations.partner))
        trash = Trash()
        self.adoption = Adoption(self.models, self.characters, self.preferences, self.notices, History())
        librarian = Librarian(CharacterLibrary(), trash)
        self.library = Library(librarian, trash, self.adoption, self.models, self.preferences, self.notices)

    def collect(self) -> Collection:
        """What the library shows when every checksum is known."""
        with self.qtbot.waitSignal(
            self.library.changed, timeout=LOADED_MS, check_params_cb=lambda found: not found.without_checksum
        ) as signal:
            self.library.refresh()
        return signal.args[0]

    def item(self, path: Path) -> Item:
        return self.collect().family.item(str(path))

    def wait_for(self, path: Path) -> None:
        def loaded() -> bool:
            model = self.engine.model
            return self.engine.state is EngineState.READY and model is not None and Path(model.path) == path

        self.qtbot.waitUntil(loaded, timeout=LOADED_MS)

    def close(self) -> None:
        self.library.close()
        super().close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def office(qapp, qtbot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Office]:
    # The adapter that is shipped for Hoshi is for the starter model.
    monkeypatch.setattr("companion.core.character_adapters.models_folder", lambda: tmp_path / "nothing")
    made = Office(qtbot)
    made.models.choose(made.base)
    made.wait_for(made.base)
    yield made
    made.close()
