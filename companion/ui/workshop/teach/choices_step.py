"""The steps with a few cards to choose from: what it is for, and how thoroughly."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QButtonGroup, QHBoxLayout, QPushButton, QWidget

from companion.app.teaching import Teaching
from companion.core.teaching.goals import Goal
from companion.core.teaching.plan import EFFORTS, Effort
from companion.ui.cards import plain_label, say
from companion.ui.theme import Theme
from companion.ui.workshop.teach.choice_card import ChoiceCard
from companion.ui.workshop.teach.step import Step

NOT_MEASURED = "not measured yet\n\n"
"""As many lines as a cost takes: nothing below moves when it comes."""
"""Takes the room of the figure: nothing below moves when that comes."""
SIDE_BY_SIDE = 620
"""A narrower step has its cards below one another; at the usual size of letters."""


class GoalStep(Step):
    chosen = Signal(object)
    """A Goal."""

    def __init__(self) -> None:
        super().__init__(3, "What is it for?")
        self.cards = {goal: ChoiceCard(goal.value) for goal in Goal}
        self._group = _grouped(self, self.cards)
        for goal, card in self.cards.items():
            card.chosen.connect(lambda goal=goal: self.chosen.emit(goal))
            self.column.addWidget(card)

    def refresh(self, teaching: Teaching) -> None:
        for offer in teaching.offers:
            self.cards[offer.goal].offer(offer.sentence, offer.refusal)
            self.cards[offer.goal].setToolTip(offer.method)
        _mark(self._group, self.cards[teaching.goal] if teaching.goal is not None else None)


class EffortStep(Step):
    chosen = Signal(str)
    """One of EFFORTS."""
    measuring_wanted = Signal(bool)
    """To find out what it takes, or to stop finding out."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(4, "How thoroughly?")
        self._theme = theme
        self.cards: dict[Effort, ChoiceCard] = {effort: ChoiceCard(effort.capitalize()) for effort in EFFORTS}
        self._group = _grouped(self, self.cards)
        self._row = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._row.setSpacing(10)
        for effort, card in self.cards.items():
            card.offer(EFFORTS[effort], "")
            card.chosen.connect(lambda effort=effort: self.chosen.emit(effort))
            self._row.addWidget(card, 1)
        self._measures = False
        self.measured = plain_label("caption")
        self.measure_button = QPushButton()
        self.measure_button.setProperty("role", "quiet")
        kept = self.measure_button.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.measure_button.setSizePolicy(kept)
        self.measure_button.clicked.connect(lambda: self.measuring_wanted.emit(not self._measures))
        below = QHBoxLayout()
        below.addWidget(self.measured, 1)
        below.addWidget(self.measure_button)
        self.keeping = plain_label("muted")
        self.column.addLayout(self._row)
        self.column.addLayout(below)
        self.column.addWidget(self.keeping)

    def refresh(self, teaching: Teaching, waits_for: str) -> None:
        """`waits_for` says when what computes now is over: measuring beside it would say too much."""
        _mark(self._group, self.cards[teaching.effort])
        costs = teaching.costs
        for effort, card in self.cards.items():
            card.show_note(costs[effort].words if effort in costs else NOT_MEASURED)
        self._measures = teaching.is_measuring
        if costs:
            told = "Measured on this computer with what you chose. It may stop earlier, when it no longer helps."
        elif self._measures:
            told = f"{teaching.progress} …"
        elif waits_for:
            told = f"What it takes can be measured when {waits_for}."
        else:
            told = "What it takes is measured on this computer, in less than a minute."
        self.measured.setText(told)
        self.measure_button.setText("Stop measuring" if self._measures else "Measure")
        self.measure_button.setVisible(self._measures or not (costs or waits_for))
        say(self.keeping, teaching.keeping)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_wide = self.width() >= SIDE_BY_SIDE * max(self._theme.font_size / 14, 1.0)
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if is_wide else QBoxLayout.Direction.TopToBottom)


def _grouped(parent: QWidget, cards: Mapping[Goal, ChoiceCard] | Mapping[Effort, ChoiceCard]) -> QButtonGroup:
    group = QButtonGroup(parent)
    for card in cards.values():
        group.addButton(card.radio)
    return group


def _mark(group: QButtonGroup, card: ChoiceCard | None) -> None:
    """Show which one is chosen, if any."""
    if card is not None:
        card.radio.setChecked(True)
    elif (checked := group.checkedButton()) is not None:
        group.setExclusive(False)  # else one of them is always chosen
        checked.setChecked(False)
        group.setExclusive(True)
