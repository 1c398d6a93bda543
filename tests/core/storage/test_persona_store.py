"""Who the person can be."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from companion.core.errors import StoreError
from companion.core.storage.store import Store


def test_personas_are_listed_by_name(store: Store) -> None:
    for name in ("zoe", "Ana", "Émile"):
        store.personas.add(name)
    assert [persona.name for persona in store.personas.all()] == ["Ana", "zoe", "Émile"]


def test_all_fields_are_kept_and_changed(store: Store, tmp_path: Path) -> None:
    persona = store.personas.add(" Captain\nSam ", "Of the ship.\r\n", "/elsewhere/face.png")
    assert (persona.name, persona.description) == ("Captain Sam", "Of the ship.")
    assert persona.portrait == str(tmp_path / "personas" / "face.png")
    assert store.personas.persona(persona.id) == store.personas.named("Captain Sam") == persona
    changed = store.personas.update(msgspec.structs.replace(persona, name="Sam", portrait=""))
    assert (changed.name, changed.portrait, changed.description) == ("Sam", "", "Of the ship.")
    assert store.personas.portraits() == frozenset()
    assert store.personas.named("Captain Sam") is None


def test_one_without_a_name_is_refused(store: Store) -> None:
    persona = store.personas.add("Sam")
    for action in (lambda: store.personas.add(" \n"), lambda: store.personas.update(msgspec.structs.replace(persona, name=""))):
        with pytest.raises(StoreError, match="needs a name"):
            action()
    assert store.personas.all() == (persona,)


def test_deleting_can_be_undone_until_it_is_purged(store: Store) -> None:
    persona = store.personas.add("Sam", "", "a.png")
    store.personas.delete(persona.id)
    assert (store.personas.all(), store.personas.persona(persona.id), store.personas.named("Sam")) == ((), None, None)
    with pytest.raises(StoreError, match="no longer exists"):
        store.personas.update(persona)
    store.personas.restore(persona.id)
    assert store.personas.all() == (persona,)
    store.personas.delete(persona.id)
    assert store.personas.portraits() == {"a.png"}
    store.purge_deleted(0)
    store.personas.restore(persona.id)
    assert store.personas.all() == ()
    assert store.personas.portraits() == frozenset()
    assert store.personas.add("Sam").id != persona.id
