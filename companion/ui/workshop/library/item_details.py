"""The right side: everything about one item, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from companion.core.amounts import bytes_text
from companion.core.library.collection import Collection
from companion.core.library.health import Check
from companion.core.library.item import Item
from companion.ui.cards import card, empty, fill_card, plain_label
from companion.ui.icons import pixmap
from companion.ui.keyboard import pass_on, show_some
from companion.ui.memory.memory_model import day_words
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.library.family_view import FamilyView
from companion.ui.workshop.library.words import facts, origin, place, proof, still_needed, still_used, used_text

WIDEST = 720
STACK_BELOW = 520
"""A narrower page has its buttons below one another."""
_MARKS = {"good": ("check", "ok"), "unknown": ("information", "muted"), "bad": ("error", "bad")}
MARK = 18


class ItemDetails(QWidget):
    """Shows what it is given and asks for everything else."""

    member_chosen = Signal(str)
    """Key of a member of its family."""
    everybody_chosen = Signal()
    character_chosen = Signal(str, bool)
    """Identifier of a character, and whether she shall use it."""
    roll_back_requested = Signal()
    reveal_requested = Signal()
    report_requested = Signal(str)
    """The page of a report."""
    removal_requested = Signal()
    """Delete what is ours, or unlink what belongs to others."""

    def __init__(self, theme: Theme, needing: Callable[[str], tuple[str, ...]]) -> None:
        """`needing` gives the titles of the jobs that still need a file."""
        super().__init__()
        self._theme, self._needing = theme, needing
        self._item: Item | None = None
        self._collection: Collection | None = None
        self.title, self.facts = plain_label("title"), plain_label("muted")
        self.place, self.used = plain_label("caption"), plain_label()
        self.origin, self.verdict, self.proof = plain_label("muted"), plain_label(), plain_label("muted")
        self.use_button, self.roll_back_button = QPushButton("Use for…"), QPushButton("Roll back")
        self.reveal_button, self.remove_button = QPushButton("Show the file"), QPushButton("Delete")
        self.report_button = QPushButton("Open the report")
        self.menu = QMenu(self.use_button)
        self.family = FamilyView(theme)
        self.question = _Question(self.remove_button)
        self._checks = QVBoxLayout()
        self._buttons = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._report_card = QFrame()
        self._page = ""
        self._build()
        self._connect()

    def show_item(self, item: Item, collection: Collection, *, can_roll_back: bool) -> None:
        """Everything about an item; a question about another one is withdrawn."""
        if self._item is None or item.key != self._item.key:
            self.question.hide()
        self._item, self._collection = item, collection
        used = collection.uses.get(item.key, ())
        words = used_text(used)
        self.title.setText(item.name)
        self.facts.setText(facts(item))
        self.place.setText(place(item))
        is_named_otherwise = item.calls_itself not in ("", item.name)
        told = f"<span>In the file it is called “{escape(item.calls_itself)}”.</span>"  # its markup is shown, not obeyed
        self.place.setToolTip(told if is_named_otherwise else "")
        self.used.setText(f"{words[:1].upper()}{words[1:]}.")
        self.used.setVisible(bool(words))
        self.use_button.setEnabled(not item.what)
        wanted = {self.roll_back_button: can_roll_back, self.remove_button: item.is_ours or item.place == "linked"}
        show_some(wanted, self.use_button)
        self.remove_button.setText("Delete" if item.is_ours else "Unlink")
        self.family.show_item(item, collection)
        self.origin.setText(origin(item, collection))
        self._show_checks(collection.health.get(item.key, ()))
        self._show_report(item, collection)

    def ask_to_remove(self) -> None:
        """Delete at once what nobody uses and no job needs; else say first who does."""
        if self._item is None or self._collection is None or not self.remove_button.isVisibleTo(self):
            return
        used = self._collection.uses.get(self._item.key, ())
        needed = self._needing(str(self._item.path)) if self._item.is_ours else ()
        if not used and not needed:
            self.removal_requested.emit()
            return
        verb = "Delete" if self._item.is_ours else "Unlink"
        told = " ".join(filter(None, (still_used(used) if used else "", still_needed(needed) if needed else "")))
        self.question.ask(told, f"{verb} anyway ({bytes_text(self._item.bytes_on_disk)})")

    # Inside

    def _show_checks(self, checks: tuple[Check, ...]) -> None:
        empty(self._checks)
        for check in checks:
            self._checks.addWidget(_CheckLine(self._theme, check))

    def _show_report(self, item: Item, collection: Collection) -> None:
        report, made = collection.reports.get(item.key), collection.made.get(item.key)
        proven = made.proven if made is not None else None
        self._report_card.setVisible(report is not None or proven is not None)
        self.verdict.setVisible(report is not None)
        self.proof.setVisible(proven is not None)
        self.proof.setText(proof(proven) if proven is not None else "")
        self._page = report.page if report is not None else ""
        self.report_button.setVisible(bool(self._page))
        if report is not None:
            when = "before it came along" if report.came_along else day_words(report.when, datetime.now())
            self.verdict.setText(f"{report.verdict} Measured {when}.")

    def _fill_menu(self) -> None:
        item, collection = self._item, self._collection
        self.menu.clear()
        if item is None or collection is None:
            return
        used = collection.uses.get(item.key, ())
        if item.kind == "model":
            everybody = self.menu.addAction("Everybody without a model of their own")
            everybody.setCheckable(True)
            everybody.setChecked(any(use.character is None for use in used))
            everybody.triggered.connect(lambda: self.everybody_chosen.emit())  # noqa: PLW0108 (triggered has an argument)
            self.menu.addSeparator()
        mine = {use.character for use in used}
        for character in collection.characters:
            action = self.menu.addAction(character.name)
            action.setCheckable(True)
            action.setChecked(character.identifier in mine)
            who = character.identifier
            action.triggered.connect(lambda on, who=who: self.character_chosen.emit(who, on))

    def _connect(self) -> None:
        self.menu.aboutToShow.connect(self._fill_menu)
        self.family.chosen.connect(self.member_chosen)
        self.roll_back_button.clicked.connect(self.roll_back_requested)
        self.reveal_button.clicked.connect(self.reveal_requested)
        self.remove_button.clicked.connect(self.ask_to_remove)
        self.question.agreed.connect(self.removal_requested)
        self.report_button.clicked.connect(lambda: self.report_requested.emit(self._page))
        self._theme.changed.connect(self._redraw)

    def _redraw(self) -> None:
        if self._item is not None and self._collection is not None:
            self._show_checks(self._collection.health.get(self._item.key, ()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        shown = (self.use_button, self.roll_back_button, self.reveal_button, self.remove_button)
        wanted = sum(button.sizeHint().width() + 8 for button in shown if not button.isHidden())
        narrow = self.width() < max(STACK_BELOW * self._theme.font_size // BODY, wanted + 64)
        self._buttons.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)

    def _build(self) -> None:
        self.use_button.setProperty("role", "primary")
        self.use_button.setMenu(self.menu)
        self.roll_back_button.setToolTip("Use again what was used before")
        self.remove_button.setProperty("role", "danger")
        for button in (self.use_button, self.roll_back_button, self.reveal_button, self.remove_button):
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            self._buttons.addWidget(button)
        self._buttons.setSpacing(8)
        buttons = QHBoxLayout()
        buttons.addLayout(self._buttons)
        buttons.addStretch(1)
        self._checks.setSpacing(8)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(8)
        for label in (self.title, self.facts, self.place, self.used):
            column.addWidget(label)
        column.addSpacing(8)
        column.addLayout(buttons)
        column.addWidget(self.question)
        column.addSpacing(8)
        column.addWidget(card("Where it came from", self.family, self.origin))
        column.addWidget(card("Health", self._checks))
        fill_card(self._report_card, "Last report", self.verdict, self.proof, self.report_button)
        column.addWidget(self._report_card)
        column.addStretch(1)
        fill_page(self, scroll_page(column, WIDEST, centred=False))


class _CheckLine(QWidget):
    """A mark and a sentence: never colour alone."""

    def __init__(self, theme: Theme, check: Check) -> None:
        super().__init__()
        name, colour = _MARKS[check.state]
        mark, sentence = QLabel(), plain_label()
        size = round(MARK * theme.font_size / BODY)
        mark.setPixmap(pixmap(name, theme, colour, size, self.devicePixelRatioF()))
        mark.setAccessibleName({"good": "Good", "unknown": "To know", "bad": "Wrong"}[check.state])
        sentence.setText(check.sentence)
        sentence.setToolTip(check.details)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(sentence, 1)


class _Question(QFrame):
    """Asked in the page itself by one of its buttons: what is lost, and whether to go on."""

    agreed = Signal()

    def __init__(self, asked_by: QPushButton) -> None:
        super().__init__()
        self._asked_by = asked_by
        self.setProperty("role", "card")
        self._sentence = plain_label()
        self.yes, self.no = QPushButton(), QPushButton("Keep it")
        self.yes.setProperty("role", "danger")
        self.yes.clicked.connect(self._agree)
        self.no.clicked.connect(self._go)
        row = QHBoxLayout()
        row.addWidget(self.yes)
        row.addWidget(self.no)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.addWidget(self._sentence)
        column.addLayout(row)
        self.hide()

    def ask(self, sentence: str, yes: str) -> None:
        self._sentence.setText(sentence)
        self.yes.setText(yes)
        self.show()
        self.no.setFocus()

    def _agree(self) -> None:
        self._go()
        self.agreed.emit()

    def _go(self) -> None:
        """The keyboard goes back to what asked."""
        pass_on(self, self._asked_by)
        self.hide()
