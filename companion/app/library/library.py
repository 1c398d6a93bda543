"""The library while the program runs: read in the background, shown by one page, changed by the person."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from companion.app.background import Background
from companion.app.library.adoption import Adoption
from companion.app.models import Models
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.library.collection import Collection, GivenUp, Librarian
from companion.core.library.elsewhere import Elsewhere, look_elsewhere
from companion.core.library.item import Item
from companion.core.library.trash import KEEP_SECONDS, Deleted, Trash
from companion.core.library.uses import Use

log = logging.getLogger(__name__)


class Library(QObject):
    """Nothing is read before the first `refresh`: most starts do not need it."""

    changed = Signal(object)
    """A Collection."""
    found_elsewhere = Signal(object)
    """A tuple of Elsewhere: models of other programs that are not linked yet."""
    restored = Signal(object)
    """Path: it was brought back from the trash."""
    hashing = Signal(str)
    """Name of the file whose checksum is being computed; empty when none is."""

    def __init__(
        self,
        librarian: Librarian,
        trash: Trash,
        adoption: Adoption,
        models: Models,
        preferences: Preferences,
        notices: Notices,
    ) -> None:
        super().__init__()
        self._librarian = librarian
        self._trash = trash
        self.adoption = adoption
        self._models = models
        self._preferences = preferences
        self._notices = notices
        self._background = Background(parent=self)
        self._reading = self._again = self._purged = False
        self.collection: Collection | None = None
        adoption.changed.connect(self._refresh_if_read)

    def close(self) -> None:
        """The program ends; a checksum under way is given up."""
        self._librarian.leave()
        self._background.close()

    def refresh(self) -> None:
        """Look at all files again, in the background; ends in `changed`, perhaps twice: checksums take a while."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        if not self._purged:
            self._purged = True
            self._background.run(partial(self._trash.purge, KEEP_SECONDS), lambda _freed: None)
        settings = self._preferences.settings
        self._background.run(partial(self._librarian.collect, settings.linked_models, settings.model), self._collected)

    # What the person does to an item

    def delete(self, item: Item) -> None:
        """Move it to the trash, with a way back. Whoever uses it goes on with what others use."""
        used = self.uses(item)
        try:
            deleted = self._trash.put(item)
        except ModelError as error:
            self._notices.error(error.what, error.remedy)
            return
        was_everybodys = any(use.character is None for use in used)
        if was_everybodys:
            self._models.choose_starter()
        self.refresh()

        def undo() -> None:
            if self.restore(deleted) and was_everybodys:
                self._models.choose(item.path)

        self._notices.undoable(f"“{item.name}” was deleted ({bytes_text(deleted.bytes)} in the trash).", undo)

    def restore(self, deleted: Deleted) -> bool:
        """Bring something back from the trash; whether it is there again."""
        restored = False
        with self._notices.telling(ModelError):
            self._trash.restore(deleted.number)
            restored = True
            self.restored.emit(Path(deleted.files[0]))
        self.refresh()
        return restored

    def empty_trash(self) -> None:
        """Delete for good what is in the trash."""

        def told(freed: int) -> None:
            self._notices.information(f"{bytes_text(freed)} of disk are free again.")
            self.refresh()

        self._background.run(self._trash.purge, told)

    def look_elsewhere(self) -> None:
        """Look into the folders of other programs; ends in `found_elsewhere`."""

        def told(found: tuple[Elsewhere, ...]) -> None:
            known = {Path(path).resolve() for path in self._preferences.settings.linked_models}
            self.found_elsewhere.emit(tuple(each for each in found if each.path.resolve() not in known))

        self._background.run(look_elsewhere, told)

    def link(self, paths: Iterable[Path]) -> None:
        """Show models of other programs here; their files stay where they are."""
        linked = self._preferences.settings.linked_models
        new = tuple(dict.fromkeys((*linked, *(str(path) for path in paths))))
        if new != linked:
            self._preferences.update(linked_models=new)
            self.refresh()

    def unlink(self, item: Item) -> None:
        """Show it no longer; its file stays as it is."""
        linked = self._preferences.settings.linked_models
        self._preferences.update(linked_models=tuple(path for path in linked if path != item.key))
        self.refresh()

        def undo() -> None:
            self._preferences.update(linked_models=linked)
            self.refresh()

        self._notices.undoable(f"“{item.name}” is no longer shown here; its file was not touched.", undo)

    def uses(self, item: Item) -> tuple[Use, ...]:
        """Who uses it."""
        return self.collection.uses.get(item.key, ()) if self.collection is not None else ()

    # Reading

    def _refresh_if_read(self) -> None:
        if self.collection is not None or self._reading:
            self.refresh()

    def _collected(self, collection: Collection) -> None:
        self._reading = False
        if self._again:  # what was read is out of date already
            self._again = False
            self.refresh()
            return
        self.collection = collection
        self.changed.emit(collection)
        waiting = next((item for item in collection.without_checksum if not self._librarian.is_hashed(item)), None)
        self.hashing.emit(waiting.name if waiting is not None else "")
        if waiting is not None:
            self._reading = True
            self._background.run(partial(self._hash, waiting), lambda _: self._hashed())

    def _hash(self, item: Item) -> None:
        try:
            self._librarian.add_checksum(item)
        except GivenUp:
            log.info("the checksum of %s was given up", item.path.name)

    def _hashed(self) -> None:
        self._reading = False
        self.refresh()
