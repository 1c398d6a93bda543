"""The characters there are, the one whom new conversations are with, and what can be done with a whole card."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Signal

from companion.app.background import Background
from companion.app.notices import Notice, Notices, Tone
from companion.app.preferences import Preferences
from companion.core.cards.limits import MAX_PICTURE_BYTES
from companion.core.character import BUILT_IN, Card, Character, CharacterOptions
from companion.core.character_library import CharacterLibrary, CharacterSummary, built_in_character
from companion.core.conversation import Conversation
from companion.core.errors import CharacterError

log = logging.getLogger(__name__)

CARD_ENDINGS = frozenset({".png", ".json", ".charx"})
"""Of files that may be cards; the reader looks inside them."""
CardForm = Literal["png", "v3", "v2", "charx"]
KEEP_DELETED_SECONDS = 24 * 3600
"""A deleted character can be brought back until the first start after this long."""
TOLD_ONE_BY_ONE = 2
"""More refused files than this are told in one notice: no more have room beside the summary."""
NAMED = 3


class Characters(QObject):
    """Every method is one action of the person; failures become notices. Files are read and written in the background
    where they may be large."""

    changed = Signal()
    """The list changed."""
    chosen = Signal(object)
    """A Character whom the person wants to talk with; also when it is the present one."""
    talk_wanted = Signal()
    """The person chose somebody in order to talk: the conversation is to be seen."""
    added = Signal(object)
    """A Character came in: imported, copied, made or brought back."""
    character_changed = Signal(object)
    """A Character whose card, portrait or options were saved."""
    import_progressed = Signal(int, int)
    """Files done, and all of them; the import has ended when they are equal."""

    def __init__(self, library: CharacterLibrary, preferences: Preferences, notices: Notices) -> None:
        super().__init__()
        self._library = library
        self._preferences = preferences
        self._notices = notices
        self._background = Background(parent=self)
        self._import = _Import()
        self._told: set[str] = set()
        self.notice = ""
        """What to tell the person once there is a window to tell it in; empty when all is well."""
        self.current = self._begin_with(preferences.settings.character)

    def start(self) -> None:
        """At the program's start: forget what was deleted long ago."""
        self._background.run(partial(self._library.purge_trash, KEEP_DELETED_SECONDS), lambda _: None)

    def close(self) -> None:
        """What is being imported or exported is finished, what waits is not begun."""
        self._import.waiting.clear()
        self._background.close()

    def all(self) -> tuple[CharacterSummary, ...]:
        """The built-in one, then the others by name; a folder that cannot be read is told of once."""
        found = self._library.all()
        news = [damaged for damaged in self._library.damaged if damaged.folder not in self._told]
        self._told.update(damaged.folder for damaged in news)
        if len(news) == 1:
            self._notices.warning(news[0].what, news[0].remedy)
        elif news:
            what = f"{len(news)} of your characters cannot be read: {_some(Path(d.folder).name for d in news)}."
            self._notices.warning(what, f"Their files are untouched in “{self._library.folder}”.")
        return found

    def load(self, identifier: str) -> Character | None:
        """A character with its card; None, and a notice, when it cannot be read."""
        with self._notices.telling(CharacterError):
            return self._library.load(identifier)
        return None

    def choose(self, identifier: str) -> None:
        """Talk with this one from now on."""
        if self._take(identifier):
            self.talk_wanted.emit()

    def _take(self, identifier: str) -> bool:
        character = self.load(identifier)
        if character is None:
            return False
        self.current = character
        self._preferences.update(character=identifier)
        self.chosen.emit(character)
        return True

    def follow(self, identifier: str) -> None:
        """A conversation with this one was opened: new ones are with it too. One that is gone changes nothing."""
        if identifier == self.current.identifier:
            return
        try:
            self.current = self._library.load(identifier)
        except CharacterError:
            return
        self._preferences.update(character=identifier)

    def of(self, conversation: Conversation) -> Character:
        """Whom a conversation is with; one that is gone still has the name it is remembered by."""
        if conversation.character == self.current.identifier:
            return self.current
        try:
            return self._library.load(conversation.character)
        except CharacterError:
            return Character(identifier=conversation.character, card=Card(name=conversation.character_name))

    # Coming in

    def import_files(self, paths: Iterable[Path]) -> None:
        """Take in cards one after another; files that come while others are under way join them."""
        begins = not self._import.is_running
        self._import.add(paths)
        if begins and self._import.waiting:
            self._import_next()
        elif not begins:
            self.import_progressed.emit(self._import.done, self._import.total)

    def stop_import(self) -> None:
        """After the file that is being read; those that are in stay."""
        self._import.stopped = bool(self._import.waiting)
        self._import.waiting.clear()

    def create(self, card: Card | None = None, portrait: bytes | None = None) -> Character | None:
        """A new character, empty but for a name unless there is a card; `portrait` is the content of a picture file."""
        return self._came(lambda: self._library.create(card or Card(name="New character"), portrait))

    def duplicate(self, identifier: str) -> Character | None:
        """A copy with all its files; that of the built-in character can be edited."""
        return self._came(lambda: self._library.duplicate(identifier))

    # Changing

    def save(self, identifier: str, card: Card, portrait: bytes | None = None) -> Character | None:
        """Keep a changed card, and another portrait unless it stays; of the built-in character a copy is changed.

        Returns the character as it is now, None when it could not be saved.
        """
        if identifier == BUILT_IN:
            copy = self.duplicate(BUILT_IN)
            if copy is None:
                return None
            identifier = copy.identifier
        return self._saved(lambda: self._library.save(identifier, card, portrait))

    def save_options(self, identifier: str, options: CharacterOptions) -> Character | None:
        """Keep what the person chose for a character, the built-in one included."""

        def save() -> Character:
            self._library.save_options(identifier, options)
            return self._library.load(identifier)

        return self._saved(save)

    def delete(self, identifier: str) -> None:
        """Delete, with a way back; the built-in character takes the place of the one talked with."""
        if identifier == BUILT_IN:
            self._notices.information(f"{built_in_character().name} is built in and stays.")
            return
        name = next((known.name for known in self._library.all() if known.identifier == identifier), identifier)
        was_current = identifier == self.current.identifier
        try:
            self._library.delete(identifier)
        except CharacterError as error:
            self._notices.error(error.what, error.remedy)
            return
        self.changed.emit()
        if was_current:
            self._take(BUILT_IN)

        def undo() -> None:
            if self._came(lambda: self._library.restore(identifier)) is not None and was_current:
                self._take(identifier)

        self._notices.undoable(f"“{name}” was deleted.", undo, waits=True)

    # Going out

    def export(self, identifier: str, path: Path, form: CardForm, draw: Callable[[Character], bytes]) -> None:
        """Write a card file; `draw` makes a PNG of a character whose portrait is none, and is called here, not in a thread."""
        character = self.load(identifier)
        if character is None:
            return
        write: Callable[[], None]
        if form == "png":
            drawn = _png_of(character) or draw(character)
            write = partial(self._library.export_png, identifier, path, drawn)
        elif form == "charx":
            write = partial(self._library.export_charx, identifier, path)
        else:
            write = partial(self._library.export_json, identifier, path, form)

        def tell(error: CharacterError | None) -> None:
            if error is not None:
                self._notices.error(error.what, error.remedy)
            else:
                self._notices.raise_notice(Notice(Tone.SUCCESS, f"{character.name} is saved as “{path.name}”."))

        self._background.run(partial(_refusal, write), tell)

    # Inside

    def _begin_with(self, identifier: str) -> Character:
        try:
            return self._library.load(identifier)
        except CharacterError as error:
            stand_in = self._library.load(BUILT_IN)
            self.notice = f"{error.what} {stand_in.name} takes her place."
            return stand_in

    def _came(self, make: Callable[[], Character]) -> Character | None:
        with self._notices.telling(CharacterError):
            character = make()
            self.changed.emit()
            self.added.emit(character)
            return character
        return None

    def _saved(self, save: Callable[[], Character]) -> Character | None:
        with self._notices.telling(CharacterError):
            character = save()
            if character.identifier == self.current.identifier:
                self.current = character
            self.changed.emit()
            self.character_changed.emit(character)
            return character
        return None

    def _import_next(self) -> None:
        path = self._import.waiting.popleft()  # first: whoever hears of it may stop what waits
        self.import_progressed.emit(self._import.done, self._import.total)
        self._background.run(partial(_take_in, self._library, path), partial(self._imported, path))

    def _imported(self, path: Path, answer: Character | CharacterError) -> None:
        imported = self._import
        imported.done += 1
        if isinstance(answer, Character):
            imported.came.append(answer)
        else:
            imported.refused.append((path, answer))
        if imported.waiting:
            self._import_next()
            return
        self._import = _Import()
        self.import_progressed.emit(imported.total, imported.total)
        if imported.came:
            self.changed.emit()
            self.added.emit(imported.came[-1])
        self._tell_of(imported)

    def _tell_of(self, imported: _Import) -> None:
        if len(imported.refused) <= TOLD_ONE_BY_ONE:
            for _, error in imported.refused:
                self._notices.error(error.what, error.remedy)
        else:
            what = f"{len(imported.refused)} files could not be imported: {_some(path.name for path, _ in imported.refused)}."
            self._notices.error(what, imported.refused[0][1].remedy)
        count, last = len(imported.came), imported.came[-1] if imported.came else None
        if count == 1 and last is not None:
            talk = partial(self.choose, last.identifier)
            self._notices.raise_notice(Notice(Tone.SUCCESS, f"{last.name} is among your characters.", action="Talk", act=talk))
        elif count:
            part = f"{count} of {imported.total}" if imported.stopped or imported.refused else str(count)
            self._notices.raise_notice(Notice(Tone.SUCCESS, f"{part} characters were imported."))


class _Import:
    """The files of one import."""

    def __init__(self) -> None:
        self.waiting: deque[Path] = deque()
        self.total = self.done = 0
        self.came: list[Character] = []
        self.refused: list[tuple[Path, CharacterError]] = []
        self.stopped = False

    @property
    def is_running(self) -> bool:
        return self.done < self.total

    def add(self, paths: Iterable[Path]) -> None:
        new = list(paths)
        self.waiting.extend(new)
        self.total += len(new)


def _take_in(library: CharacterLibrary, path: Path) -> Character | CharacterError:
    try:
        return library.add(path)
    except CharacterError as error:
        return error
    except Exception:  # a file from anywhere: the others still come in
        log.exception("import of %s", path)
        return CharacterError(f"“{path.name}” cannot be read as a character.", "Try the same card in another form.")


def _refusal(write: Callable[[], None]) -> CharacterError | None:
    try:
        write()
    except CharacterError as error:
        return error
    return None


def _png_of(character: Character) -> bytes:
    """The portrait as it is, when it is a PNG; empty when it is none."""
    path = Path(character.portrait)
    try:
        if path.suffix.lower() == ".png" and path.stat().st_size <= MAX_PICTURE_BYTES:
            return path.read_bytes()
    except OSError as error:
        log.info("no portrait: %s", error)
    return b""


def _some(names: Iterable[str]) -> str:
    """The first few of them, and how many more."""
    listed = list(names)
    rest = len(listed) - NAMED
    return ", ".join(listed[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
