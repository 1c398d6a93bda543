"""Who the person can be, in the database of the conversations. Deleting is soft, as everywhere there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from companion.core.conversation import plain_text
from companion.core.errors import StoreError
from companion.core.persona import Persona
from companion.core.storage.database import Database
from companion.core.storage.stored_rows import one_line

MAX_DESCRIPTION = 20_000
"""Letters of a description; longer ones are cut."""
_PERSONAS = "SELECT id, name, description, portrait FROM personas WHERE deleted IS NULL"


class PersonaStore:
    """Part of the Store, which opens the database; raises StoreError as the Store does.

    Portraits are kept by file name, so that the data folder can be moved; a Persona has the whole path.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.folder: Path = database.path.parent / "personas"
        """Where the portraits are."""

    def all(self) -> tuple[Persona, ...]:
        """By name, then by age."""
        found = [self._persona(row) for row in self._database.rows(f"{_PERSONAS} ORDER BY id")]
        return tuple(sorted(found, key=lambda persona: persona.name.casefold()))

    def persona(self, persona: int) -> Persona | None:
        """None when it is deleted or never was."""
        rows = self._database.rows(f"{_PERSONAS} AND id = ?", (persona,))
        return self._persona(rows[0]) if rows else None

    def named(self, name: str) -> Persona | None:
        """The oldest one of this name."""
        rows = self._database.rows(f"{_PERSONAS} AND name = ? ORDER BY id LIMIT 1", (one_line(name),))
        return self._persona(rows[0]) if rows else None

    def add(self, name: str, description: str = "", portrait: str = "") -> Persona:
        """`portrait` is a file in `folder`."""
        with self._database.transaction() as connection:
            number = connection.execute(
                "INSERT INTO personas (name, description, portrait, created) VALUES (?, ?, ?, ?)",
                (*_fields(name, description, portrait), time.time()),
            ).lastrowid
        return self._existing(int(number or 0))

    def update(self, persona: Persona) -> Persona:
        """As stored, all fields of it."""
        self._database.change(
            "UPDATE personas SET name = ?, description = ?, portrait = ? WHERE id = ? AND deleted IS NULL",
            (*_fields(persona.name, persona.description, persona.portrait), persona.id),
        )
        return self._existing(persona.id)

    def delete(self, persona: int) -> None:
        """Conversations keep it in mind: it is theirs again when it comes back."""
        self._set_deleted(persona, time.time())

    def restore(self, persona: int) -> None:
        self._set_deleted(persona, None)

    def portraits(self) -> frozenset[str]:
        """File names that a persona has, or a deleted one that may come back."""
        return frozenset(row[0] for row in self._database.rows("SELECT portrait FROM personas WHERE portrait <> ''"))

    def _set_deleted(self, persona: int, moment: float | None) -> None:
        self._database.change("UPDATE personas SET deleted = ? WHERE id = ?", (moment, persona))

    def _existing(self, persona: int) -> Persona:
        found = self.persona(persona)
        if found is None:
            raise StoreError("This persona no longer exists.")
        return found

    def _persona(self, row: Sequence[Any]) -> Persona:
        number, name, description, portrait = row
        path = str(self.folder / Path(portrait).name) if portrait else ""
        return Persona(id=number, name=name, description=description, portrait=path)


def _fields(name: str, description: str, portrait: str) -> tuple[str, str, str]:
    if not one_line(name):
        raise StoreError("A persona needs a name.")
    return one_line(name), plain_text(description)[:MAX_DESCRIPTION].strip(), Path(plain_text(portrait)).name
