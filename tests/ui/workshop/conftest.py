"""What pages of the workshop are given: the real objects, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import pytest

from companion.app.addons import Addons
from companion.app.characters import Characters
from companion.app.conversations import Conversations
from companion.app.datasets import Datasets
from companion.app.downloads import Downloads
from companion.app.engine import Engine
from companion.app.jobs import Jobs
from companion.app.library.adoption import Adoption
from companion.app.library.library import Library
from companion.app.models import Models
from companion.app.notices import Notice, Notices
from companion.app.personas import Personas
from companion.app.preferences import Preferences
from companion.core.character_library import CharacterLibrary
from companion.core.library.collection import Librarian
from companion.core.library.history import History
from companion.core.library.trash import Trash
from companion.core.paths import database_file, settings_file
from companion.core.storage.store import Store
from companion.ui.theme import Theme
from companion.ui.workshop.desk import Desk, Side


class Room:
    """A desk with everything behind it, and where its pages wanted to lead."""

    def __init__(self, theme: Theme) -> None:
        self.notices = Notices()
        self.told: list[Notice] = []
        self.notices.notice_raised.connect(self.told.append)
        self.preferences = Preferences(settings_file(), self.notices)
        self.store = Store(database_file())
        self.engine = Engine()
        self.characters = Characters(CharacterLibrary(), self.preferences, self.notices)
        personas = Personas(self.store, self.notices, self.preferences)
        self.conversations = Conversations(self.store, self.notices, self.characters, personas)
        self.conversations.start()
        self.jobs = Jobs(self.notices, self.preferences)
        self.datasets = Datasets()
        self.went: list[str] = []
        self.compared: list[tuple[Side, Side]] = []
        self.desk = Desk(
            theme, self.jobs, self.notices, self.preferences, self.engine, self.conversations, self.characters,
            self.datasets, self._library, lambda: Downloads(self.notices), lambda: self.addons, self._reload_model,
            *[self.went.append] * 5,
            lambda one, other: self.compared.append((one, other)),
        )  # fmt: skip

    def _reload_model(self) -> None:
        self.models.reload()

    def _library(self) -> Library:
        return self.library

    @cached_property
    def addons(self) -> Addons:
        return Addons(self.engine, self.notices)

    @cached_property
    def models(self) -> Models:
        return Models(self.engine, self.preferences, self.notices)

    @cached_property
    def library(self) -> Library:
        trash = Trash()
        adoption = Adoption(self.models, self.characters, self.preferences, self.notices, History())
        return Library(Librarian(CharacterLibrary(), trash), trash, adoption, self.models, self.preferences, self.notices)

    def close(self) -> None:
        if "addons" in self.__dict__:
            self.addons.close()
        self.datasets.close()
        self.jobs.close()
        self.characters.close()
        self.engine.close()
        self.preferences.save()
        self.store.close()
        if "library" in self.__dict__:
            self.library.close()


@pytest.fixture
def room(theme: Theme) -> Iterator[Room]:
    made = Room(theme)
    yield made
    made.close()
