"""The pages beside the chat, each made when it is first asked for, and what connects them with the program."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QStackedWidget

from companion.app.characters import CardForm, Characters
from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.memories import Memories
from companion.app.personas import Personas
from companion.app.preferences import Preferences
from companion.core.character import Card, CharacterOptions
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from companion.app.updates import Updates
    from companion.ui.characters.editor import CharacterEditor
    from companion.ui.characters.gallery import Gallery
    from companion.ui.memory.memory_page import MemoryPage
    from companion.ui.personas.personas_page import PersonasPage
    from companion.ui.settings.settings_page import SettingsPage
    from companion.ui.workshop_wiring import WorkshopWiring


class Pages(QObject):
    """`show` fills a page with what is true now and brings it to the front of the stack."""

    def __init__(
        self,
        theme: Theme,
        stack: QStackedWidget,
        preferences: Preferences,
        engine: Engine,
        conversations: Conversations,
        characters: Characters,
        memories: Memories,
        personas: Personas,
        workshop: WorkshopWiring,
        updates: Callable[[], Updates],
        go: Callable[[str], None],
    ) -> None:
        """`go` leads the whole window to a page by its name."""
        super().__init__()
        self._theme = theme
        self._stack = stack
        self._preferences = preferences
        self._engine = engine
        self._conversations = conversations
        self._characters = characters
        self._memories = memories
        self._personas = personas
        self._workshop = workshop
        self._updates = updates
        self._go = go
        self._counting: dict[int, tuple[str, ...]] = {}
        """Texts whose tokens the engine is counting, by request."""
        self._voices: tuple[str, ...] = ()
        self._asked_about: Card | None = None
        """The unsaved card that the person was asked about when the window was to close."""
        characters.changed.connect(self._refresh_gallery)
        conversations.opened.connect(lambda _conversation: self._refresh_gallery())
        memories.changed.connect(self._refresh_memories)
        personas.changed.connect(self._refresh_personas)
        engine.tokens_counted.connect(self._counted)

    def show(self, name: str) -> None:
        """ "characters", "editor", "memory", "personas", "workshop" or "settings"."""
        match name:
            case "characters":
                self._stack.setCurrentWidget(self.gallery)
                self._refresh_gallery()
                self.gallery.setFocus()
            case "editor":
                self._stack.setCurrentWidget(self.editor)
            case "memory":
                self._stack.setCurrentWidget(self.memory_page)
                self._refresh_memories()
                self.memory_page.focus_on_list()
            case "personas":
                self._stack.setCurrentWidget(self.personas_page)
                self._refresh_personas()
            case "workshop":
                self._workshop.show()
            case "settings":
                self._show_settings()

    def foot_height(self, name: str) -> int:
        """Pixels at the bottom of a page that no notice may cover."""
        return self._workshop.foot_height() if name == "workshop" else 0

    def focus_search(self, name: str) -> bool:
        """Go to the search of a page; False when it has none."""
        match name:
            case "characters":
                self.gallery.focus_search()
            case "memory":
                self.memory_page.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
            case _:
                return False
        return True

    def edit(self, identifier: str) -> None:
        """Open a character in the editor. The built-in card is only read there, but how she looks and what she keeps are
        the person's to choose."""
        character = self._characters.load(identifier)
        if character is None:
            return
        if (model := self._engine.model) is not None:
            self.editor.set_context_tokens(model.context_tokens)
        self.editor.set_persona(self._personas.default)
        self.editor.load(character)
        self._go("editor")

    def _edit_copy(self, identifier: str) -> None:
        if (copy := self._characters.duplicate(identifier)) is not None:
            self.edit(copy.identifier)

    def may_close(self) -> bool:
        """Whether nothing would be lost: a changed card is shown and asked about, once; who closes again means it."""
        if "editor" not in self.__dict__ or not self.editor.unsaved or self._asked_about == self.editor.card():
            return True
        self._asked_about = self.editor.card()
        self._go("editor")
        return self.editor.leave()

    def close(self) -> None:
        """The program ends: no more pictures are read."""
        if "gallery" in self.__dict__:
            self.gallery.thumbnails.close()

    # Settings

    @cached_property
    def settings_page(self) -> SettingsPage:
        from companion.ui.settings.settings_page import SettingsPage

        page = SettingsPage(self._theme)
        page.changed.connect(self._preferences.replace)
        # What is asked for is not always granted: a voice that cannot speak sets the switch back.
        self._preferences.changed.connect(lambda _new, _old: page.follow(self._preferences.settings))
        updates, part = self._updates(), page.updates
        part.look_pressed.connect(updates.look)
        part.page_pressed.connect(updates.open_page)
        updates.changed.connect(part.show_standing)
        part.show_standing(updates.standing)
        self._stack.addWidget(page)
        return page

    def offer_voices(self, names: tuple[str, ...]) -> None:
        """The system's voices have become known."""
        self._voices = names
        if "settings_page" in self.__dict__:
            self.settings_page.offer_voices(names)

    def _show_settings(self) -> None:
        self.settings_page.offer_voices(self._voices)
        self.settings_page.load(self._preferences.settings)
        if (model := self._engine.model) is not None:
            self.settings_page.suggest({"context_tokens": model.context_tokens, "threads": model.threads})
        self._stack.setCurrentWidget(self.settings_page)

    # Characters

    @cached_property
    def gallery(self) -> Gallery:
        from companion.ui.characters.gallery import Gallery

        page, actions = Gallery(self._theme), self._characters
        page.talk_requested.connect(self._talk)
        page.edit_requested.connect(self.edit)
        page.new_requested.connect(self._new_character)
        page.import_requested.connect(self._import_cards)
        page.stop_requested.connect(actions.stop_import)
        page.duplicate_requested.connect(actions.duplicate)
        page.delete_requested.connect(actions.delete)
        page.export_requested.connect(self._export_card)
        actions.added.connect(lambda character: page.put_cursor_on(character.identifier))
        actions.chosen.connect(lambda character: page.set_chosen(character.identifier))
        actions.import_progressed.connect(page.show_progress)
        self._stack.addWidget(page)
        return page

    def _refresh_gallery(self) -> None:
        if "gallery" in self.__dict__ and self.gallery.isVisible():
            talks = sorted(self._conversations.all(), key=lambda talk: talk.updated)
            used = {talk.character: talk.updated for talk in talks}
            self.gallery.show_characters(self._characters.all(), self._characters.current.identifier, used)

    def _talk(self, identifier: str) -> None:
        self._characters.choose(identifier)
        self._go("chat")

    def _new_character(self) -> None:
        if (created := self._characters.create()) is not None:
            self.edit(created.identifier)

    def _import_cards(self, paths: list[Path]) -> None:
        from companion.ui.file_dialogs import ask_for_cards

        self._characters.import_files(paths or ask_for_cards(self._stack))

    def _export_card(self, identifier: str, form: CardForm) -> None:
        from companion.ui.characters.pictures import portrait_png
        from companion.ui.file_dialogs import ask_where_to_export_card

        character = self._characters.load(identifier)
        if character is not None and (path := ask_where_to_export_card(self._stack, character.name, form)) is not None:
            self._characters.export(identifier, path, form, portrait_png)

    @cached_property
    def editor(self) -> CharacterEditor:
        from companion.ui.characters.editor import CharacterEditor

        page = CharacterEditor(self._theme)
        page.save_requested.connect(self._save_card)
        page.options_changed.connect(self._save_options)
        page.copy_requested.connect(self._edit_copy)
        page.count_requested.connect(self._count)
        page.closed.connect(lambda: self._go("characters"))
        self._engine.model_ready.connect(lambda model: page.set_context_tokens(model.context_tokens))
        self._engine.model_ready.connect(lambda _model: page.forget_token_counts())
        self._stack.addWidget(page)
        return page

    def _save_card(self, card: Card, portrait: bytes | None) -> None:
        if (saved := self._characters.save(self.editor.identifier, card, portrait)) is not None:
            self.editor.load(saved)

    def _save_options(self, options: CharacterOptions) -> None:
        self._characters.save_options(self.editor.identifier, options)

    def _count(self, texts: tuple[str, ...]) -> None:
        if request := self._engine.count_tokens(texts):
            self._counting[request] = texts

    def _counted(self, request: int, counts: tuple[int, ...]) -> None:
        texts = self._counting.pop(request, None)
        if texts is not None:
            self.editor.set_token_counts(counts, texts)

    # Memory

    @cached_property
    def memory_page(self) -> MemoryPage:
        from companion.ui.memory.memory_page import MemoryPage

        page, actions = MemoryPage(self._theme), self._memories
        page.add_requested.connect(lambda text: actions.add(self._conversations.partner.identifier, text))
        page.edit_requested.connect(actions.edit)
        page.pin_requested.connect(actions.pin)
        page.delete_requested.connect(actions.delete)
        page.source_requested.connect(self._conversations.open_at)
        page.search_changed.connect(lambda _text: self._refresh_memories())
        page.export_requested.connect(self._export_memories)
        page.remember_changed.connect(self._set_remember)
        self._stack.addWidget(page)
        return page

    def _refresh_memories(self) -> None:
        if "memory_page" not in self.__dict__ or self._stack.currentWidget() is not self.memory_page:
            return
        character = self._conversations.partner
        person = self._personas.of(self._conversations.current).name.strip()
        self.memory_page.set_character(character.name)
        self.memory_page.show_memories(
            self._memories.search(character.identifier, self.memory_page.search.text(), person),
            {talk.id: talk.title for talk in self._conversations.all()},
            remembers=character.options.remember,
            total=self._memories.count(character.identifier),
            person=person,
        )

    def _export_memories(self) -> None:
        from companion.ui.file_dialogs import ask_where_to_export_lorebook

        character = self._conversations.partner
        if (path := ask_where_to_export_lorebook(self._stack, character.name)) is not None:
            self._memories.export(character.identifier, character.name, path)

    def _set_remember(self, remember: bool) -> None:
        from msgspec.structs import replace

        character = self._conversations.partner
        self._characters.save_options(character.identifier, replace(character.options, remember=remember))

    # Personas

    @cached_property
    def personas_page(self) -> PersonasPage:
        from companion.ui.personas.personas_page import PersonasPage

        page, actions = PersonasPage(self._theme), self._personas
        page.new_requested.connect(self._new_persona)
        page.changed.connect(lambda persona: actions.update(persona.id, persona.name, persona.description))
        page.picture_requested.connect(self._choose_picture)
        page.picture_dropped.connect(lambda persona, path: actions.set_portrait(persona, Path(path)))
        page.default_requested.connect(actions.set_default)
        page.delete_requested.connect(actions.delete)
        page.back_requested.connect(lambda: self._go("chat"))
        self._stack.addWidget(page)
        return page

    def _refresh_personas(self) -> None:
        if "personas_page" in self.__dict__ and self._stack.currentWidget() is self.personas_page:
            self.personas_page.flush()  # may change what there is
            self.personas_page.show_personas(self._personas.all(), self._preferences.settings.persona)

    def _new_persona(self) -> None:
        if (added := self._personas.add("New persona")) is not None:
            self.personas_page.focus_on(added.id)

    def _choose_picture(self, persona: int) -> None:
        from companion.ui.file_dialogs import ask_for_picture

        if (path := ask_for_picture(self._stack)) is not None:
            self._personas.set_portrait(persona, path)
