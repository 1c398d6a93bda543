"""Every object of the running program, built and connected here. Nothing else reaches across the program."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication

from companion.app.background import Background
from companion.app.characters import Characters
from companion.app.chat import Chat
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.feelings import Feelings
from companion.app.library.adoption import Adoption
from companion.app.memories import Memories
from companion.app.models import Models
from companion.app.notices import Notice, Notices, Tone
from companion.app.personas import Personas
from companion.app.preferences import Preferences
from companion.app.prompting import Prompting
from companion.app.quiet_work import QuietWork
from companion.app.rhythm import Rhythm
from companion.app.scenes import Scenes
from companion.app.voice import Voice
from companion.core.character import Character
from companion.core.character_library import CharacterLibrary
from companion.core.library.history import History
from companion.core.memory import Memory, told
from companion.core.messages import ReplyDone
from companion.core.paths import database_file, settings_file
from companion.core.settings import Settings
from companion.core.storage.store import Store
from companion.ui.shell import FLUSH_MS, Shell

if TYPE_CHECKING:
    from companion.app.downloads import Downloads
    from companion.app.fitting import Fitting
    from companion.app.library.library import Library
    from companion.app.updates import Updates
    from companion.ui.announcer import Announcer
    from companion.ui.companion_mode import CompanionMode
    from companion.ui.stage.portrait import Portrait

_NAME_TOLD = re.compile(r"\{\{user\}\}'s name is (.{1,60})\.")
LEAST_CONTEXT = 2048
"""Taken for granted while no model says how much it keeps in mind."""
FIT_MS = 20_000
"""After the start: until then nobody needs what would fit the starter model to this machine, nor news of a version."""


class Program:
    """Built once the window has its first frame; the model loads in its own process while the views are made."""

    def __init__(self, application: QApplication, window: Shell) -> None:
        """Raises StoreError when the database cannot be opened at all; then nothing has been started."""
        self.window = window
        self._is_closed = False
        self.notices = notices = Notices()
        self.preferences = preferences = Preferences(settings_file(), notices)
        self.store = Store(database_file())
        self.engine = Engine()
        self.models = Models(self.engine, preferences, notices)
        early: list[Notice] = []  # there is no view yet that could show them
        waiting = notices.notice_raised.connect(early.append)
        self.models.start()
        notices.notice_raised.disconnect(waiting)
        self._build_actions()
        self._build_views(application)
        self.conversations.start()
        self.characters.start()
        window.closed.connect(lambda geometry: preferences.update(window_geometry=geometry))
        window.set_content(self.content)
        QTimer.singleShot(FLUSH_MS, self.content, self._show_portrait)
        for sentence in (preferences.notice, self.store.notice, self.characters.notice):
            if sentence:
                notices.warning(sentence)
        for notice in early:
            self.content.notice_area.show_notice(notice)

    def close(self) -> None:
        """Keep what is under way, end the engine, close the database. May be called twice."""
        self._is_closed = True
        self.voice.close()
        self.rhythm.close()
        self.presence.close()
        if "mode" in self.__dict__:
            self.mode.close()
        self.quiet.close()
        for made in ("fitting", "library", "downloads", "updates"):
            if made in self.__dict__:
                getattr(self, made).close()
        self.chat.interrupt()
        self.preferences.save()
        self.pages.close()
        self.workshop.close()
        self._portraits.close()
        self.characters.close()
        self.engine.close()
        self.store.close()

    def _build_actions(self) -> None:
        preferences, notices, store, engine = self.preferences, self.notices, self.store, self.engine

        def settings() -> Settings:
            return preferences.settings

        self.characters = Characters(CharacterLibrary(), preferences, notices)
        self.adoption = Adoption(self.models, self.characters, preferences, notices, History())
        self.personas = Personas(store, notices, preferences)
        self.memories = Memories(store, notices)
        self.conversations = Conversations(store, notices, self.characters, self.personas)
        scenes = Scenes(store, self.characters, self.personas, self.memories, settings, self._context_tokens)
        self.chat = Chat(store, engine, self.conversations, Prompting(engine, scenes, settings), notices)
        self.rhythm = Rhythm(self.chat, lambda: preferences.settings.typing_rhythm)
        self.feelings = Feelings(engine, self.chat, store)
        self.voice = Voice()
        self.quiet = QuietWork(
            store, engine, self.chat, self.conversations, self.characters, self.memories, self.personas, settings
        )
        self.quiet.remembered.connect(self._tell_what_is_remembered)
        self.quiet.embedding_refused.connect(
            lambda what, remedy: notices.warning(f"{what} Memories are found by their words.", remedy)
        )
        preferences.changed.connect(lambda new, _old: self.voice.apply(new))

    def _build_views(self, application: QApplication) -> None:
        # Imported only now: the engine's process is starting meanwhile.
        from companion.ui.chat_wiring import ChatWiring
        from companion.ui.content import Content
        from companion.ui.engine_status import EngineStatus
        from companion.ui.pages import Pages
        from companion.ui.presence import Presence
        from companion.ui.theme import Theme
        from companion.ui.workshop_wiring import WorkshopWiring

        preferences, notices, engine, chat = self.preferences, self.notices, self.engine, self.chat
        start = preferences.settings
        self.theme = theme = Theme(application, start.theme, start.font_size, start.reduce_motion)
        self.content = content = Content(theme, notices, preferences, self.conversations)
        self.wiring = wiring = ChatWiring(
            theme, content.chat_view, content, chat, self.rhythm, self.conversations, self.models, self.personas,
            self.memories, self.voice, preferences, notices, self.store,
        )  # fmt: skip
        self.status = EngineStatus(engine, content.chat_view, lambda: wiring.model_card)
        self.workshop = WorkshopWiring(
            theme, content.stack, notices, preferences, engine, self.conversations, self.characters,
            lambda: self.library, lambda: self.downloads, self.models.reload, content.show_page,
        )  # fmt: skip
        self.pages = Pages(
            theme, content.stack, preferences, engine, self.conversations, self.characters, self.memories, self.personas,
            self.workshop, lambda: self.updates, content.show_page,
        )  # fmt: skip
        content.set_pages(self.pages)
        self.voice.changed.connect(lambda: self.pages.offer_voices(self.voice.voices))
        self.window.may_close = lambda: self.pages.may_close() and self.workshop.may_close()
        self.presence = Presence(engine, chat, self.rhythm, self.feelings, self.voice, lambda: preferences.settings)
        preferences.changed.connect(lambda _new, _old: self.presence.look_at_the_battery())
        self.presence.join(content.stage)
        self.presence.join(content.strip)
        self.workshop.stage_made.connect(self.presence.join)
        self._connect_views()

    @cached_property
    def fitting(self) -> Fitting:
        from companion.app.fitting import Fitting

        return Fitting(self.workshop.jobs, self.engine, self.models, self.preferences, self.notices)

    @cached_property
    def library(self) -> Library:
        """Made when its page is first asked for; what is adopted before is noted all the same."""
        from companion.app.library.library import Library
        from companion.core.library.collection import Librarian
        from companion.core.library.trash import Trash

        trash = Trash()
        librarian = Librarian(CharacterLibrary(), trash)
        return Library(librarian, trash, self.adoption, self.models, self.preferences, self.notices)

    @cached_property
    def downloads(self) -> Downloads:
        """Made when the library's page is first asked for."""
        from companion.app.downloads import Downloads

        return Downloads(self.notices)

    @cached_property
    def updates(self) -> Updates:
        from companion.app.updates import Updates

        updates = Updates(self.preferences, self.notices)
        updates.page_requested.connect(lambda page: QDesktopServices.openUrl(QUrl(page)))
        return updates

    @cached_property
    def mode(self) -> CompanionMode:
        """Made when it is first asked for, as most starts do not."""
        from companion.ui.companion_mode import CompanionMode

        mode = CompanionMode(
            self.theme, lambda: self.window, self.engine, self.chat, self.rhythm, self.presence, self.conversations
        )
        mode.begun.connect(self.wiring.take_words)
        return mode

    def enter_companion_mode(self) -> None:
        """Only her, above other windows."""
        self.mode.enter()

    @cached_property
    def announcer(self) -> Announcer:
        from companion.ui.announcer import Announcer

        announcer = Announcer(self.window, lambda: self.preferences.settings.notify, self.window.windowIcon())
        announcer.pressed.connect(self.window.come_forward)
        return announcer

    def _connect_views(self) -> None:
        content, wiring = self.content, self.wiring
        wiring.personas_requested.connect(lambda: content.show_page("personas"))
        wiring.cards_dropped.connect(self.characters.import_files)
        content.chat_view.header.teach_pressed.connect(self.workshop.teach)
        content.chat_view.header.small_window_pressed.connect(self.enter_companion_mode)
        content.add_shortcuts(
            {"Ctrl+R": wiring.regenerate_last, "Ctrl+O": wiring.choose_model, "Ctrl+M": self.enter_companion_mode}
        )
        content.chat_view.composer.edit.textChanged.connect(self.quiet.disturb)
        self._portraits = Background()
        self._shown: Character | None = None
        self._has_portrait = False
        self.conversations.opened.connect(lambda _conversation: self._show_character())
        self.conversations.opened.connect(lambda _conversation: self.models.suit(self.conversations.partner))
        self.characters.character_changed.connect(lambda _character: self._show_character())
        self.characters.character_changed.connect(lambda _character: self.models.suit(self.conversations.partner))
        self.characters.added.connect(lambda _character: self._show_character())  # one that was deleted may be back
        self.characters.talk_wanted.connect(lambda: content.show_page("chat"))
        self.chat.reply_finished.connect(self._announce)

    def _begin_what_can_wait(self) -> None:
        if not self._is_closed:
            self._watch.touched.connect(self.fitting.disturb)  # whoever works in the workshop needs the computer, too
            self.fitting.start()
            self.updates.start()

    def _context_tokens(self) -> int:
        return self.engine.model.context_tokens if self.engine.model is not None else LEAST_CONTEXT

    def _show_portrait(self) -> None:
        """Draw her, which takes longer than all the words: they can be on the screen before."""
        if self._is_closed:
            return
        from companion.ui.enter_presses import EnterPresses
        from companion.ui.input_watch import input_watch

        self._has_portrait = True
        EnterPresses(self.window)
        self._watch = input_watch(self.window)
        self._watch.touched.connect(self.presence.touch)
        self.voice.apply(self.preferences.settings)
        self.presence.look_at_the_battery()
        self.quiet.start()
        self.workshop.start()
        QTimer.singleShot(FIT_MS, self.content, self._begin_what_can_wait)
        self._shown = None
        self._show_character()

    def _show_character(self) -> None:
        """Whoever the open conversation is with stands on the stage."""
        if self.conversations.current is None:
            return
        character = self.conversations.partner
        if not self._has_portrait:
            self.content.show_name(character)
        elif self._shown is None or _seen(character) != _seen(self._shown):
            from companion.ui.stage.portrait import Portrait

            is_another = self._shown is None or self._shown.identifier != character.identifier
            self._shown = character
            portrait = Portrait(character)
            if portrait.is_slow:
                if is_another:
                    self.content.show_name(character)
                self._portraits.run(portrait.load, lambda _: self._show_face(character, portrait))
            else:
                self._show_face(character, portrait)

    def _show_face(self, character: Character, portrait: Portrait) -> None:
        """Her picture is read; somebody else may have been opened meanwhile."""
        if character is self._shown:
            self.content.show_face(character, portrait)
            self.presence.set_character(character, portrait)

    def _tell_what_is_remembered(self, memories: tuple[Memory, ...]) -> None:
        """A word about it, so that nothing is kept behind the person's back."""
        memories = tuple(memory for memory in memories if self.store.memories.memory(memory.id) is not None)
        if not memories:  # forgotten meanwhile
            return
        first = memories[0]
        talk = self.store.conversation(first.conversation) if first.conversation is not None else None
        name = self.characters.of(talk).name if talk is not None else self.conversations.partner.name
        words = told(first.text, self.personas.of(talk).name)
        what = f"{name} will remember: {words}"
        if len(memories) > 1:
            what = f"{name} will remember {len(memories)} things, such as: {words}"

        if self._offer_the_name(memories):
            return

        def undo() -> None:
            for memory in memories:
                self.memories.take_back(memory.id)

        self.notices.undoable(what, undo)

    def _offer_the_name(self, memories: tuple[Memory, ...]) -> bool:
        """She asked how to call the person and has been told: one press, and she does."""
        given = next((found[1] for memory in memories if (found := _NAME_TOLD.fullmatch(memory.text)) is not None), "")
        current, her = self.conversations.current, self.conversations.partner.name
        if not given or self.preferences.settings.person_name or current is None or current.persona:
            return False
        if given.casefold() == her.casefold():  # “I am Hoshi” plays with her
            return False

        def call() -> None:
            self.preferences.update(person_name=given)
            self.notices.undoable(f"{her} calls you {given} from now on.", lambda: self.preferences.update(person_name=""))

        what = f"{her} has heard your name."
        self.notices.raise_notice(Notice(Tone.INFORMATION, what, action=f"Call me {given}", act=call, waits=True))
        return True

    def _announce(self, event: ReplyDone) -> None:
        path = self.chat.path
        alone = "mode" in self.__dict__ and self.mode.is_on
        if path and not alone:  # there, her words stand above all other windows
            self.announcer.reply_done(event, self.conversations.partner.name, path[-1].message.text)


def _seen(character: Character) -> tuple[object, ...]:
    """What of a character her pictures depend on; a portrait that was exchanged comes with another card."""
    options = character.options
    return character.identifier, character.card, character.portrait, options.plain, options.costume, options.background
