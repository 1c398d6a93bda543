"""Whose replies they were, who is preferred and how surely; of the test that has just ended, or of one before."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from companion.app.evaluations import FoundContest
from companion.core.amounts import counted
from companion.core.judgement import BRADLEY_TERRY, Outcome, Standing
from companion.core.library.item import Item
from companion.core.report import Subject
from companion.ui.cards import card, empty, plain_label, say
from companion.ui.flow_layout import FlowLayout
from companion.ui.keyboard import pass_on
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.evaluate.blind_pairs import pairs_fold

WIDEST = 720
UNCOUNTED = "They were not counted yet. Go on with the test: at its end you read who is preferred."
LEGEND = "The thick line is where the true share lies with 95 % certainty; the dashed one is chance."
NOTHING_NEW = "There was nothing new to ask: you have judged all that these talks and prompts give. This is what it came to."
LEARNED = "They are kept as {what} to learn from, in the folder of this test."


class BlindOutcome(QWidget):
    again_requested = Signal(object)
    """To judge more: the Subjects of the test that is shown, none for the one that has just ended."""
    folder_requested = Signal(str)
    adopt_requested = Signal(object)
    """The Item of the adapter that was judged."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._folder = Path()
        self.sides: tuple[Subject, ...] = ()
        """Of the test that is shown; none for the one that has just ended."""
        self.has_just_ended = self.is_counted = False
        """Whether it is the test of now, and whether its verdicts are counted."""
        self.has_asked = True
        """Whether it had anything to ask that was not judged before."""
        self._adapter: Item | None = None
        self.sentence, self.details, self.learned = plain_label("title"), plain_label("muted"), plain_label("caption")
        self.nothing_new, self.in_use = plain_label("muted", NOTHING_NEW), plain_label("caption")
        self.bar = ShareBar(theme)
        self.left_end, self.right_end = plain_label("caption"), plain_label("caption")
        self.legend = plain_label("caption", LEGEND)
        self.adopt_button = QPushButton()
        self.again_button, self.folder_button = QPushButton("Judge more"), QPushButton("Show the folder")
        self._standings = QVBoxLayout()
        self._build()
        self.again_button.clicked.connect(lambda: self.again_requested.emit(self.sides))
        self.folder_button.clicked.connect(lambda: self.folder_requested.emit(str(self._folder)))
        self.adopt_button.clicked.connect(lambda: self.adopt_requested.emit(self._adapter))

    def show_contest(self, contest: FoundContest) -> None:
        self._folder = contest.folder
        if contest.outcome is not None:
            self.show_outcome(contest.outcome)
            self.sides, self.has_just_ended = contest.sides, False
            self.folder_button.show()
            return
        self.sides, self.has_just_ended, self.is_counted = contest.sides, False, False
        empty(self._standings)
        self.sentence.setText(f"{contest.title}: {counted(contest.verdicts, 'verdict')}")
        self.details.setText(UNCOUNTED)
        for each in (self.bar, self.left_end, self.right_end, self.legend, self.learned, self.nothing_new):
            each.hide()
        self.has_asked = True
        self.again_button.setText("Judge more")
        self.folder_button.show()

    def show_adapter(self, adapter: Item | None, name: str, *, is_used: bool) -> None:
        """The adapter that one side had and the other had not, if the library has it, and whether `name`, the character one
        talks with, uses it already."""
        self._adapter = adapter
        can_adopt = adapter is not None and not is_used
        if not can_adopt:
            pass_on(self.adopt_button)
        self.adopt_button.setVisible(can_adopt)
        self.adopt_button.setText(f"Adopt “{adapter.name}” for {name}" if adapter is not None else "")
        say(self.in_use, f"{name} talks with “{adapter.name}”." if adapter is not None and is_used else "")

    def show_outcome(self, outcome: Outcome, *, has_asked: bool = True) -> None:
        """`has_asked` is False when the test had nothing to ask that was not judged before."""
        empty(self._standings)
        self.has_just_ended = self.is_counted = True
        self.has_asked = has_asked
        self.nothing_new.setVisible(not has_asked)
        self.again_button.setText("Judge more" if has_asked else "Ask something else")
        self.sides = ()
        self.folder_button.hide()
        self.sentence.setText(outcome.sentence)
        self.details.setText(" ".join(outcome.details))
        self.bar.show_share(outcome.share, outcome.low, outcome.high)
        self.left_end.setText(f"← {outcome.a}")
        self.right_end.setText(f"{outcome.b} →")
        self.learned.setText(LEARNED.format(what=counted(outcome.preferences, "preference")))
        for each in (self.bar, self.left_end, self.right_end, self.legend):
            each.show()
        self.learned.setVisible(outcome.preferences > 0)
        if outcome.pairs:
            self._standings.addWidget(pairs_fold(outcome, self._theme))
        if len(outcome.standings) > 2:
            rows = [_standing(each) for each in outcome.standings]
            self._standings.addWidget(card("Everybody who was ever judged", _table(rows), plain_label("caption", BRADLEY_TERRY)))

    def _build(self) -> None:
        self.again_button.setProperty("role", "primary")
        buttons = FlowLayout()
        for button in (self.again_button, self.adopt_button, self.folder_button):
            buttons.addWidget(button)
        self.adopt_button.hide()
        self.in_use.hide()
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        self.right_end.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        ends = QHBoxLayout()
        ends.addWidget(self.left_end, 1)
        ends.addWidget(self.right_end, 1)
        column.addWidget(self.nothing_new)
        column.addWidget(self.sentence)
        column.addWidget(self.bar)
        column.addLayout(ends)
        for label in (self.legend, self.details, self.learned):
            column.addWidget(label)
        column.addLayout(buttons)
        column.addWidget(self.in_use)
        column.addLayout(self._standings)
        column.addStretch(1)
        fill_page(self, scroll_page(column, WIDEST, centred=False))


class ShareBar(QWidget):
    """How often one was preferred, 0 to 1, with its interval and the half where chance lies."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._value, self._low, self._high = 0.5, 0.0, 1.0
        self.setFixedHeight(round(36 * theme.font_size / BODY))
        theme.changed.connect(self.update)

    def show_share(self, value: float, low: float, high: float) -> None:
        self._value, self._low, self._high = value, low, high
        self.setAccessibleName(f"{value:.0%}, between {low:.0%} and {high:.0%}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, room, middle = 8.0, self.width() - 16.0, self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("line"))
        painter.drawRoundedRect(QRectF(left, middle - 2, room, 4), 2, 2)
        painter.setPen(QPen(self._theme.colour("muted"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(left + room / 2, 2), QPointF(left + room / 2, self.height() - 2))
        painter.setPen(QPen(self._theme.colour("accent2"), 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(left + room * self._low, middle), QPointF(left + room * self._high, middle))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("accent"))
        painter.drawEllipse(QPointF(left + room * self._value, middle), 7, 7)
        painter.end()


def _standing(each: Standing) -> tuple[str, ...]:
    between = f"{each.low:+.2f} to {each.high:+.2f}"
    return each.name, f"{each.strength:+.2f}", between, f"{each.wins:g} won, {each.losses:g} lost"


def _table(rows: list[tuple[str, ...]]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setColumnStretch(0, 1)
    for number, row in enumerate((("", "strength", "interval", ""), *rows)):
        for place, text in enumerate(row):
            grid.addWidget(plain_label("caption" if number == 0 else "", text), number, place)
    return grid
