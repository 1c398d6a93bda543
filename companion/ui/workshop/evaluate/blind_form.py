"""Asking for a blind test: two sides, and what they are asked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QFormLayout, QPushButton, QRadioButton, QVBoxLayout, QWidget

from companion.app.blind_test import BlindWish
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.library.candidates import Candidate, first_choice
from companion.core.report import Subject
from companion.ui.cards import card, plain_label
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.wheel_guard import WheelGuard
from companion.ui.workshop.desk import Desk, Side
from companion.ui.workshop.evaluate.labels import foot

WIDEST = 720
COUNTS = (10, 20, 40)
MOST_CONVERSATIONS = 50
"""The latest ones."""


class BlindForm(QWidget):
    wished = Signal(object)
    """A BlindWish."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._candidates: tuple[Candidate, ...] = ()
        self._wanted: tuple[Side, ...] = ()
        """Two that are chosen as soon as the library has them: what has just been made is not listed yet."""
        self.one, self.other, self.count = QComboBox(), QComboBox(), QComboBox()
        self.own_words, self.built_in = QRadioButton("Your own words, from your conversations"), QRadioButton("Built-in prompts")
        self.start_button = QPushButton("Begin")
        self.problem = plain_label("problem")
        self._build()
        self.one.activated.connect(self._chosen)
        self.other.activated.connect(self._chosen)
        self.start_button.clicked.connect(self.start)
        self._changed()

    def show_candidates(self, found: Sequence[Candidate]) -> None:
        """The first time it is the model one chats with: without, and with her newest adapter."""
        if tuple(found) == self._candidates:
            return
        first = first_choice(found)
        before = [self._files(box) for box in (self.one, self.other)]
        chosen = before if self._candidates else [each.files for each in first]
        self._candidates = tuple(found)
        for box, files in zip((self.one, self.other), (*chosen, (), ()), strict=False):
            box.clear()
            for each in self._candidates:
                box.addItem(each.name)
            places = [number for number, each in enumerate(self._candidates) if each.files == files]
            box.setCurrentIndex(places[0] if places else min(1, len(self._candidates) - 1))
        self._choose_wanted()
        self._changed()

    def want(self, one: Side, other: Side) -> None:
        """These two, now or when the library has read them."""
        self._wanted = (one, other)
        self._choose_wanted()
        self._changed()

    def choose(self, sides: Sequence[Subject]) -> None:
        """These two, as far as they are still in the library."""
        for box, side in zip((self.one, self.other), sides, strict=False):
            if (place := next((at for at, each in enumerate(self._candidates) if each.is_subject(side)), -1)) >= 0:
                box.setCurrentIndex(place)
        self._changed()

    def show_problem(self, *sentences: str) -> None:
        text = " ".join(filter(None, sentences))
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def start(self) -> None:
        self.show_problem("")
        partner = self._desk.conversations.partner
        self.wished.emit(
            BlindWish(
                a=self._files(self.one),
                b=self._files(self.other),
                prompts=self.count.currentData(),
                data=self._conversations() if self.own_words.isChecked() else (),
                character=partner.identifier or partner.name,
            )
        )

    def showEvent(self, event: QShowEvent) -> None:
        """There may be a conversation by now."""
        super().showEvent(event)
        has_any = bool(self._conversations())
        self.own_words.setEnabled(has_any)
        self.own_words.setToolTip("" if has_any else "There is no conversation yet.")
        if not has_any:
            self.built_in.setChecked(True)

    def _files(self, box: QComboBox) -> tuple[str, ...]:
        """What a side names; empty before anything is known."""
        return self._candidates[box.currentIndex()].files if 0 <= box.currentIndex() < len(self._candidates) else ()

    def _conversations(self) -> tuple[str, ...]:
        talks = self._desk.conversations.all()[:MOST_CONVERSATIONS]
        return tuple(f"{CONVERSATION_PREFIX}{talk.id}" for talk in talks)

    def _choose_wanted(self) -> None:
        places = [next((at for at, each in enumerate(self._candidates) if each.is_named(side)), -1) for side in self._wanted]
        for box, place in zip((self.one, self.other), places, strict=False):
            if place >= 0:
                box.setCurrentIndex(place)
        if min(places, default=-1) >= 0:
            self._wanted = ()

    def _chosen(self) -> None:
        """The person chose: nothing else is waited for."""
        self._wanted = ()
        self._changed()

    def _changed(self) -> None:
        two = bool(self._files(self.one)) and self._files(self.one) != self._files(self.other)
        self.start_button.setEnabled(two)
        missing = "Two that differ are needed: teach her something, or get another model, then come back."
        text = missing if len(self._candidates) < 2 else "Both are the same. Choose two that differ."
        self.show_problem("" if two or not self._candidates else text)

    def _build(self) -> None:
        guard = WheelGuard(self)
        for box, name in ((self.one, "One side"), (self.other, "Other side"), (self.count, "How often")):
            box.setAccessibleName(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(18)
            guard.watch(box)
        for count in COUNTS:
            self.count.addItem(f"{count} times", count)
        self.count.setCurrentIndex(1)
        self.built_in.setChecked(True)
        group = QButtonGroup(self)
        prompts = QVBoxLayout()
        for button in (self.own_words, self.built_in):
            group.addButton(button)
            prompts.addWidget(button)
        sides = QFormLayout()
        sides.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        sides.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        sides.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        sides.setHorizontalSpacing(16)
        sides.setVerticalSpacing(8)
        for title, box in (("One side", self.one), ("The other", self.other), ("How often", self.count)):
            sides.addRow(title, box)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        column.addWidget(plain_label("title", "Blind test"))
        said = "You read two replies without knowing whose they are, and say which one you like better."
        column.addWidget(plain_label("muted", said))
        column.addWidget(card("Who against whom", sides))
        column.addWidget(card("What they are asked", prompts))
        column.addStretch(1)
        self.foot = foot(self.problem, self.start_button)
        """What stands below the form and is not to be covered."""
        fill_page(self, scroll_page(column, WIDEST, centred=False), self.foot)
