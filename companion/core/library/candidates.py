"""What of the library can be measured or judged: models alone, and with the adapters that were trained for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from companion.core.adapter_use import adapter_use
from companion.core.library.collection import Collection
from companion.core.library.item import Item
from companion.core.report import Subject


class Candidate(NamedTuple):
    model: Item
    adapter: Item | None
    is_current: bool
    """Whether the model is the one that the person chats with."""

    @property
    def files(self) -> tuple[str, ...]:
        """As recipes name it."""
        return (str(self.model.path), *([f"{self.adapter.path}:1"] if self.adapter is not None else []))

    @property
    def name(self) -> str:
        return f"{self.model.name} + {self.adapter.name}" if self.adapter is not None else self.model.name

    def is_named(self, files: Sequence[str]) -> bool:
        """Whether a recipe that names these files means this one."""
        same_model = Path(files[0]).resolve() == self.model.path.resolve()
        return same_model and len(files) == len(self.files) and all(map(_is_same, files[1:], self.files[1:]))

    def is_subject(self, subject: Subject) -> bool:
        """Whether a report or a contest speaks of these very files, as strong as here."""
        wanted = [subject.model.sha256, *(each.sha256 for each in subject.adapters)]
        mine = [self.model.sha256, *([self.adapter.sha256] if self.adapter is not None else [])]
        return bool(self.model.sha256) and mine == wanted and all(each.scale == 1 for each in subject.adapters)


def _is_same(one: str, other: str) -> bool:
    uses = adapter_use(one), adapter_use(other)
    return uses[0].scale == uses[1].scale and Path(uses[0].path).resolve() == Path(uses[1].path).resolve()


def candidates(collection: Collection, current: str) -> tuple[Candidate, ...]:
    """The model one chats with first (`current` is its path), each before what its adapters make of it, the newest first."""
    here = Path(current).resolve() if current else None
    usable = [item for item in collection.items if not item.what]
    models = [item for item in usable if item.kind == "model"]
    adapters = sorted((item for item in usable if item.kind == "adapter"), key=lambda item: -item.changed)
    models.sort(key=lambda item: (item.path.resolve() != here, item.name.casefold(), item.key))
    found = []
    for model in models:
        is_current = model.path.resolve() == here
        found.append(Candidate(model, None, is_current))
        for adapter in adapters:
            suits = collection.family.suits(adapter, model)
            if suits or (suits is None and is_current):
                found.append(Candidate(model, adapter, is_current))
    return tuple(found)


def first_choice(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The model one chats with, without and with its newest adapter."""
    current = [each for each in found if each.is_current]
    return tuple(current[:2])
