"""The character editor: every field of a card, what it costs, and the prompt it becomes."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from companion.core.character import BUILT_IN, Card, Character
from companion.core.persona import Persona
from companion.core.prompts.scene import Scene
from companion.ui.characters.editor_fields import CardField
from companion.ui.characters.editor_header import LONGEST, EditorBar, EditorHeader
from companion.ui.characters.editor_sections import ALWAYS, TITLES, WIDEST, EditorSections
from companion.ui.characters.editor_totals import totals
from companion.ui.characters.lore_trial import called_up
from companion.ui.characters.prompt_parts import prompt_parts
from companion.ui.characters.prompt_preview import PromptPreview
from companion.ui.characters.token_counts import TokenCounts
from companion.ui.scroll_page import UNBOUNDED
from companion.ui.section_bar import SectionBar
from companion.ui.theme import Theme

PREVIEW_FROM = 980
"""A page at least this wide has room for the preview beside the fields."""
PREVIEW_WIDTH, PREVIEW_SHARE = 380, 0.3
"""The least that the preview grows to, and the share of a wider page."""
REFRESH_MS = 300
BUILT_IN_WORDS = "This is the built-in character: look at everything, and edit a copy. Look and Memory are yours to choose."


class Draft(NamedTuple):
    """What was written and not saved."""

    card: Card
    portrait: bytes | None


class CharacterEditor(QWidget):
    """Shows one character. What it does not show of a card is kept as it is.

    After `save_requested`, `load` with the saved character makes it the new ground to compare with; until then the
    changes count as unsaved. Loading another character while something is unsaved keeps it as a draft, which is there
    again when its character is loaded again.
    """

    save_requested = Signal(object, object)
    """The card, and the bytes of a PNG portrait or None when it stays."""
    options_changed = Signal(object)
    copy_requested = Signal(str)
    count_requested = Signal(tuple)
    closed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._character = Character(identifier=BUILT_IN, card=Card(name=""))
        self._persona = Persona()
        self._read_only = self._leaving = False
        self._submitted: Draft | None = None
        self._drafts: dict[str, Draft] = {}
        self._context_tokens = 4096
        self.counts = TokenCounts(self)
        self.sections = EditorSections(theme, self.counts, self)
        self.header, self.bar = EditorHeader(theme), EditorBar()
        self.warning = QLabel()
        self.section_bar = SectionBar(theme, TITLES, WIDEST)
        self.preview = PromptPreview(theme)
        self._pages = QStackedWidget()
        self._made: dict[int, QWidget] = {}
        """The pages that were shown, by the number of their section."""
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(REFRESH_MS)
        self._build()
        self._connect()
        self._show_page(0)

    # What it holds

    def load(self, character: Character, *, read_only: bool = False) -> None:
        """Show a character; the built-in one is always read-only. Emits nothing."""
        before = self._character
        same = character.identifier == before.identifier and read_only == self._read_only
        kept = Draft(self.card(), self.sections.portrait.png)
        if self.unsaved and not (same and kept == self._submitted):
            self._drafts[before.identifier] = kept
        self._submitted = None
        self._character, self._read_only = character, read_only or character.identifier == BUILT_IN
        draft = None if self._read_only else self._drafts.pop(character.identifier, None)
        self.bar.hide()
        self._show(draft)
        if draft is not None and not same and self.unsaved:
            self.bar.ask(f"You changed {self._called()} before and did not save it. Save or discard?", savable=self._savable)
        if self._leaving and same and not self.unsaved:
            self._close()
        self._leaving = False

    @property
    def identifier(self) -> str:
        """Of the character that is shown."""
        return self._character.identifier

    @property
    def unsaved(self) -> bool:
        """Whether something was changed that nobody has saved."""
        if self._read_only:
            return False
        return self.sections.portrait.png is not None or self.card() != self._character.card

    def card(self) -> Card:
        """The card as it stands now."""
        values = {name: field.value() for name, field in self.sections.fields.items()}
        return msgspec.structs.replace(self._character.card, **values)

    def set_context_tokens(self, tokens: int) -> None:
        """How much the model keeps in mind."""
        self._context_tokens = tokens
        self._show_totals()
        self._refresh.start()

    def forget_token_counts(self) -> None:
        """Another model counts differently."""
        self.counts.forget()

    def set_persona(self, persona: Persona) -> None:
        """Who {{user}} is in the preview."""
        self._persona = persona
        self._refresh.start()

    def set_token_counts(self, counts: tuple[int, ...], texts: tuple[str, ...]) -> None:
        """The engine's answer to `count_requested`, with the texts that were in it."""
        self.counts.set_counts(counts, texts)

    # What the person does

    def save(self) -> None:
        if self.unsaved and self._savable:
            self._submitted = Draft(self.card(), self.sections.portrait.png)
            self.save_requested.emit(*self._submitted)
            self._show_state()

    def leave(self) -> bool:
        """Close the editor when nothing is unsaved; else ask first, and return False."""
        if not self.unsaved:
            self._close()
            return True
        self.bar.ask(f"You changed {self._called()}. Save or discard?", savable=self._savable)
        return False

    def discard(self) -> None:
        """Back to the card as it was loaded."""
        self._show(None)

    @property
    def page(self) -> QWidget:
        """The section that is shown."""
        return self._made[self.section_bar.menu.currentIndex()]

    def show_section(self, title: str) -> None:
        self.section_bar.choose(TITLES.index(title))

    # Inside

    def _show_page(self, number: int) -> None:
        if number not in self._made:
            self._made[number] = page = self.sections.page(TITLES[number])
            self._pages.addWidget(page)
        self._pages.setCurrentWidget(self._made[number])

    @property
    def _savable(self) -> bool:
        return bool(str(self.sections.fields["name"].value()).strip())

    def _called(self) -> str:
        name = " ".join((self.card().name or self._character.name)[:LONGEST].split())
        return name if len(name) <= 60 else f"{name[:59]}…"

    def _show(self, draft: Draft | None) -> None:
        card = draft.card if draft is not None else self._character.card
        for name, field in self.sections.fields.items():
            field.set_value(getattr(card, name))
            field.set_read_only(self._read_only)
            field.show_counts(self.counts)
        self.sections.portrait.set_character(self._character)
        self.sections.portrait.set_png(draft.portrait if draft is not None else None)
        self.sections.portrait.set_read_only(self._read_only)
        self.sections.options.load(self._character)
        self._show_state()
        self._show_totals()
        self._want_counts()
        self._refresh.start()

    def _edited(self, field: CardField) -> None:
        field.show_counts(self.counts)
        self._show_state()
        self._refresh.start()

    def _show_state(self) -> None:
        unsaved = self.unsaved
        self.header.save.setVisible(not self._read_only)
        self.header.copy.setVisible(self._read_only)
        self.header.save.setEnabled(unsaved and self._savable)
        self.header.name.show_words(str(self.sections.fields["name"].value()) or "No name yet")
        name = self.sections.name
        name.words.sentence.setText("" if self._savable else "She needs a name before she can be saved.")
        name.words.sentence.setVisible(not self._savable)
        if not unsaved:
            self.bar.hide()

    def _show_totals(self) -> None:
        words, warning = totals(self.sections, self.counts, self._context_tokens)
        self.header.total.show_words(words)
        self.warning.setText(warning or BUILT_IN_WORDS)
        self.warning.setVisible(bool(warning) or self._read_only)
        self.warning.setStyleSheet(f"color: {self._theme.colour('warn' if warning else 'muted').name()};")

    def _want_counts(self) -> None:
        fields = self.sections.fields
        names = [*ALWAYS, *(name for name in fields if name not in ALWAYS)]
        self.counts.want(text for name in names for text in fields[name].texts())

    def _show_counts(self) -> None:
        for field in self.sections.fields.values():
            field.show_counts(self.counts)
        self._show_totals()

    def _preview(self) -> None:
        """The slow things, once nobody types."""
        self._show_totals()
        self._want_counts()
        said = self.sections.lorebook.trial.text()
        character = msgspec.structs.replace(self._character, card=self.card())
        scene = Scene(character=character, persona=self._persona, context_tokens=self._context_tokens)
        self.sections.lorebook.show_called_up(called_up(scene, said) if said.strip() else ())
        if self.preview.isVisible():
            self.preview.show_parts(prompt_parts(scene, said))

    def _save_and_leave(self) -> None:
        self._leaving = True
        self.save()

    def _discard_and_leave(self) -> None:
        self.discard()
        self._close()

    def _close(self) -> None:
        self._leaving = False
        self.bar.hide()
        self.closed.emit()

    # Layout

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """The preview stands beside the fields, or takes their place while its button is pressed."""
        wide = self.width() >= PREVIEW_FROM
        asked = self.header.preview.isChecked()
        self.header.preview.setVisible(not wide)
        self.preview.setVisible(wide or asked)
        widest = max(PREVIEW_WIDTH, int(self.width() * PREVIEW_SHARE))
        self.preview.setMaximumWidth(widest if wide else UNBOUNDED)
        self._fields.setVisible(wide or not asked)
        if self.preview.isVisible():
            self._refresh.start()

    def _connect(self) -> None:
        for field in self.sections.fields.values():
            field.edited.connect(lambda field=field: self._edited(field))
        self.sections.portrait.edited.connect(self._show_state)
        self.sections.options.changed.connect(self.options_changed)
        self.sections.lorebook.trial_changed.connect(self._refresh.start)
        self.section_bar.chosen.connect(self._show_page)
        self.header.back_requested.connect(self.leave)
        self.header.save_requested.connect(self.save)
        self.header.copy_requested.connect(lambda: self.copy_requested.emit(self._character.identifier))
        self.header.preview_toggled.connect(self._fit)
        self.bar.save_requested.connect(self._save_and_leave)
        self.bar.discard_requested.connect(self._discard_and_leave)
        self.counts.count_requested.connect(self.count_requested)
        self.counts.changed.connect(self._show_counts)
        self._refresh.timeout.connect(self._preview)
        self._theme.changed.connect(self._show_totals)
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self.save)

    def _build(self) -> None:
        self.warning.setProperty("role", "caption")
        self.warning.setWordWrap(True)
        self._fields = QWidget()
        left = QVBoxLayout(self._fields)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(4)
        tabs = QHBoxLayout()
        tabs.setContentsMargins(20, 0, 24, 0)
        tabs.addStretch(1)
        tabs.addWidget(self.section_bar, 1000)  # as wide as the column below
        tabs.addStretch(1)
        left.addLayout(tabs)
        left.addWidget(self._pages, 1)
        around = QVBoxLayout()
        around.setContentsMargins(24, 0, 24, 8)
        around.setSpacing(8)
        around.addWidget(self.warning)
        around.addWidget(self.bar)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 8, 16)
        row.setSpacing(8)
        row.addWidget(self._fields, 3)
        row.addWidget(self.preview, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addLayout(around)
        column.addLayout(row, 1)
