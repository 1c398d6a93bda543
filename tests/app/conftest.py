from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from companion.app.characters import Characters
from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.memories import Memories
from companion.app.notices import Notice, Notices
from companion.app.personas import Personas
from companion.app.preferences import Preferences
from companion.app.prompting import Prompting
from companion.app.scenes import Scenes
from companion.core.character_library import CharacterLibrary
from companion.core.messages import LoadOptions
from companion.core.paths import database_file, settings_file
from companion.core.sampling import Sampling
from companion.core.settings import Settings, save_settings
from companion.core.storage.store import Store

SAM = Settings(person_name="Sam")


class Household:
    """Who there is and what is kept: everything that needs no engine, with the real database and settings."""

    def __init__(self, settings: Settings = SAM) -> None:
        save_settings(settings_file(), settings)
        self.notices = Notices()
        self.told: list[Notice] = []
        self.notices.notice_raised.connect(self.told.append)
        self.store = Store(database_file())
        self.preferences = Preferences(settings_file(), self.notices)
        self.characters = Characters(CharacterLibrary(), self.preferences, self.notices)
        self.personas = Personas(self.store, self.notices, self.preferences)
        self.memories = Memories(self.store, self.notices)
        self.conversations = Conversations(self.store, self.notices, self.characters, self.personas)

    def close(self) -> None:
        self.characters.close()
        self.preferences.save()
        self.store.close()


class Desk(Household):
    """Everything below the widgets, with the real engine process."""

    def __init__(self) -> None:
        self.settings = replace(SAM, sampling=Sampling(max_tokens=40, seed=1))
        super().__init__(self.settings)
        self.engine = Engine()
        self.scenes = Scenes(self.store, self.characters, self.personas, self.memories, lambda: self.settings, lambda: 4096)
        self.prompting = Prompting(self.engine, self.scenes, lambda: self.settings)
        self.chat = Chat(self.store, self.engine, self.conversations, self.prompting, self.notices)
        self.conversations.start()

    def close(self) -> None:
        self.chat.interrupt()
        self.engine.close()
        super().close()

    def texts(self) -> list[str]:
        return [step.message.text for step in self.chat.path]

    def last(self):
        return self.chat.path[-1].message

    def said(self) -> str:
        return " ".join(f"{notice.what} {notice.remedy}" for notice in self.told)


@pytest.fixture
def desk(qapp) -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.close()


@pytest.fixture
def ready(desk: Desk, qtbot, talkative_model: Path) -> Desk:
    with qtbot.waitSignal(desk.engine.model_ready, timeout=30_000):
        desk.engine.load(str(talkative_model), LoadOptions())
    return desk


@pytest.fixture
def endless(ready: Desk) -> Desk:
    """Replies that go on until they are stopped, or nearly so."""
    ready.settings = Settings(person_name="Sam", sampling=Sampling(max_tokens=30_000, temperature=1.5))
    return ready
