"""Adopting a model or an adapter, and going back to what was used before."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from companion.app.characters import Characters
from companion.app.models import Models
from companion.app.notices import Notice, Notices, Tone
from companion.app.preferences import Preferences
from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.character import CharacterAdapter, CharacterOptions
from companion.core.errors import ModelError, StoreError
from companion.core.fingerprint import known_sha256
from companion.core.gguf.header import read_header
from companion.core.library.history import Change, Choice, History
from companion.core.library.item import Item
from companion.core.paths import starter_model
from companion.core.settings import Settings


class Adoption(QObject):
    """Every change is noted with what was before. The next reply uses what was adopted: the engine loads a model anew, and
    swaps adapters between two prompts."""

    changed = Signal()
    """Somebody uses something else, or the history changed."""

    def __init__(
        self, models: Models, characters: Characters, preferences: Preferences, notices: Notices, history: History
    ) -> None:
        super().__init__()
        self._models = models
        self._characters = characters
        self._preferences = preferences
        self._notices = notices
        self.history = history
        self._taking_back: Change | None = None
        """A change of everybody's model that is being taken back: the model has to be loaded first."""
        preferences.changed.connect(self._settings_changed)

    def use_for_everybody(self, model: Item) -> None:
        """All characters think with it who have no model of their own. Noted once it is loaded."""
        self._models.choose(model.path)

    def use_for(self, character: str, item: Item) -> None:
        """A character thinks with this model, or talks with this adapter instead of those before. An adapter of another
        model than she thinks with is refused in a sentence."""
        if item.kind == "adapter" and not self._suits(character, item):
            return
        if item.kind == "model":
            told = "thinks with"
            self._choose(character, told, item, lambda options: replace(options, model=str(item.path)))
        else:
            told = "talks with"
            adapters = (CharacterAdapter(str(item.path)),)
            self._choose(character, told, item, lambda options: replace(options, adapters=adapters))

    def _suits(self, character: str, adapter: Item) -> bool:
        current = self._characters.load(character)
        model = self._models.of(current.options) if current is not None else None
        if model is None:
            return True  # nothing to compare with yet: the engine looks when a model is loaded
        try:
            refuse_other_base(read_adapter(adapter.path), read_header(model), known_sha256(model))
        except ModelError as error:
            self._notices.error(error.what, error.remedy)
            return False
        return True

    def stop_using(self, character: str, item: Item) -> None:
        """A character goes back to everybody's model, or talks without this adapter."""
        path = item.path.resolve()

        def without(options: CharacterOptions) -> CharacterOptions:
            if item.kind == "model":
                return replace(options, model="")
            kept = tuple(adapter for adapter in options.adapters or () if Path(adapter.file).resolve() != path)
            return replace(options, adapters=kept)

        self._choose(character, "no longer uses", item, without)

    def roll_back(self, change: Change | None = None) -> None:
        """Take a change back, the last one unless another is named: what was used before is used again."""
        change = change or self.history.last()
        if change is None:
            return
        if change.character is None:
            self._roll_back_everybody(change)
            return
        current = self._characters.load(change.character)
        if current is None:
            self._forget(change)  # a character that is gone is told of by then
            return
        options = replace(current.options, model=change.before.model, adapters=change.before.adapters)
        if self._characters.save_options(change.character, options) is not None:
            self._forget(change)
            self._notices.raise_notice(Notice(Tone.SUCCESS, f"{change.name} talks {_words(change.before)}."))

    def _roll_back_everybody(self, change: Change) -> None:
        before = change.before.model or str(starter_model() or "")
        if not before or not Path(before).is_file():
            what = f"“{Path(before).name or 'The starter model'}”, which was used before, is no longer there."
            self._notices.error(what, "Choose another model.")
            self._forget(change)
            return
        if self._preferences.settings.model == change.before.model:
            self._forget(change)
            return
        self._taking_back = change
        self._models.choose(Path(before))

    def _choose(self, character: str, told: str, item: Item, change: Callable[[CharacterOptions], CharacterOptions]) -> None:
        current = self._characters.load(character)
        if current is None:
            return
        options = change(current.options)
        before, after = _choice(current.options), _choice(options)
        if before == after:
            return
        if self._characters.save_options(character, options) is None:
            return
        noted = Change(when=time.time(), character=character, name=current.name, before=before, after=after)
        self._note(noted)
        what = f"{current.name} {told} “{item.name}” from the next reply on."
        self._notices.raise_notice(Notice(Tone.SUCCESS, what, action="Roll back", act=lambda: self.roll_back(noted)))

    def _settings_changed(self, new: Settings, old: Settings) -> None:
        """Another model was loaded for everybody, whoever asked for it."""
        if new.model == old.model:
            return
        taken_back, self._taking_back = self._taking_back, None
        if taken_back is not None and new.model == taken_back.before.model:
            self._forget(taken_back)
            return
        self._note(Change(when=time.time(), before=Choice(model=old.model), after=Choice(model=new.model)))

    def _note(self, change: Change) -> None:
        with self._notices.telling(StoreError):
            self.history.add(change)
        self.changed.emit()

    def _forget(self, change: Change) -> None:
        with self._notices.telling(StoreError):
            self.history.remove(change)
        self.changed.emit()


def _choice(options: CharacterOptions) -> Choice:
    return Choice(model=options.model, adapters=options.adapters)


def _words(choice: Choice) -> str:
    """How a character talks with what was used before, for a sentence."""
    if choice.adapters is None:
        return f"with “{Path(choice.model).stem}” again" if choice.model else "again as before any change"
    model = f"again with {f'“{Path(choice.model).stem}”' if choice.model else 'everybody’s model'}"
    names = ", ".join(f"“{Path(adapter.file).stem}”" for adapter in choice.adapters)
    return f"{model} {f'with {names}' if names else 'without an adapter'}"
