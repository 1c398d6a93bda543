"""Two replies side by side: one key says which is better, another takes it back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QBoxLayout, QFrame, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from companion.app.blind_test import BlindState, BlindTest, Verdict
from companion.core.amounts import counted
from companion.ui.cards import empty, plain_label, say
from companion.ui.flow_layout import FlowLayout
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.evaluate.paged_view import PagedView

WIDEST = 1000
STACK_BELOW = 560
EARLIER_TURNS = 4
"""Turns before the person's last words that are shown."""
WAITING = {
    BlindState.LOADING: "The models are being loaded and asked. Whose reply is whose is told at the end.",
    BlindState.WAITING: "The next two replies are being written…",
    BlindState.TELLING: "The verdicts are being counted…",
}


class BlindView(PagedView):
    """Left, right, down, Backspace and Escape do what the buttons do, wherever the focus is within it."""

    def __init__(self, theme: Theme, test: BlindTest) -> None:
        super().__init__()
        self._theme, self._test = theme, test
        self._pair = ""
        self.count, self.fewer = plain_label("caption"), plain_label("caption")
        self.bar = QProgressBar()
        self.waiting = plain_label("muted")
        self.left, self.right = _Reply("Left"), _Reply("Right")
        self.tie_button, self.undo_button = QPushButton("As good as each other  ↓"), QPushButton("Take back  ⌫")
        self.skip_button, self.end_button = QPushButton("Skip  S"), QPushButton("End  Esc")
        self._said = QVBoxLayout()
        self._replies = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._asking, self.foot = QWidget(), QWidget()
        self._build()
        self._connect()

    def show_test(self) -> None:
        """Draw the test as it stands."""
        test = self._test
        self.bar.setRange(0, max(test.total, 1))
        self.bar.setValue(test.done)
        alike = f" · {counted(test.alike, 'time')} both said the same" if test.alike else ""
        number = min(test.done + 1, test.total)
        self.count.setText(f"Question {number} of {test.total}{alike}" if test.total else "")
        say(self.fewer, test.fewer)
        self.waiting.setText(WAITING.get(test.state, ""))
        self.waiting.setVisible(test.pair is None)
        self._asking.setVisible(test.pair is not None)
        for button in (self.tie_button, self.skip_button):
            button.setEnabled(test.pair is not None)
        self.undo_button.setEnabled(test.can_undo)
        self.end_button.setEnabled(test.state is not BlindState.TELLING)
        if test.pair is not None and test.pair.prompt != self._pair:
            self._show_pair()
        self._pair = test.pair.prompt if test.pair is not None else ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        across = self.width() >= STACK_BELOW * self._theme.font_size / BODY
        self._replies.setDirection(QBoxLayout.Direction.LeftToRight if across else QBoxLayout.Direction.TopToBottom)

    def _show_pair(self) -> None:
        pair = self._test.pair
        if pair is None:
            return
        empty(self._said)
        said = [turn for turn in pair.turns if turn.role != "system"]
        for turn in said[-1 - EARLIER_TURNS : -1]:
            self._said.addWidget(plain_label("caption", f"{'You' if turn.role == 'user' else 'She'}: {turn.content}"))
        self._said.addWidget(plain_label("heading", f"You: {said[-1].content}" if said else ""))
        self.left.show_text(pair.first)
        self.right.show_text(pair.second)
        self.scroll_to_top()
        self.setFocus()

    def _judge(self, answer: Verdict) -> None:
        if self._test.pair is not None:
            self._test.judge(answer)

    def _end(self) -> None:
        if self.end_button.isEnabled():
            self._test.finish()

    def _connect(self) -> None:
        self.left.chosen.connect(lambda: self._judge("first"))
        self.right.chosen.connect(lambda: self._judge("second"))
        self.tie_button.clicked.connect(lambda: self._judge("tie"))
        self.skip_button.clicked.connect(lambda: self._judge("skip"))
        self.undo_button.clicked.connect(self._test.undo)
        self.end_button.clicked.connect(self._end)
        keys = {
            Qt.Key.Key_Left: lambda: self._judge("first"),
            Qt.Key.Key_Right: lambda: self._judge("second"),
            Qt.Key.Key_Down: lambda: self._judge("tie"),
            Qt.Key.Key_S: lambda: self._judge("skip"),
            Qt.Key.Key_Backspace: self._test.undo,
            Qt.Key.Key_Escape: self._end,
        }
        for key, act in keys.items():
            shortcut = QShortcut(QKeySequence(key), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.setAutoRepeat(False)  # a key that is held down is one verdict
            shortcut.activated.connect(act)

    def _build(self) -> None:
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Blind test: left arrow, right arrow, down for a tie, Backspace to take back, Escape to end")
        self.bar.setAccessibleName("How many prompts are through")
        self.bar.setTextVisible(False)
        self._said.setSpacing(4)
        self._replies.setSpacing(12)
        self._replies.addWidget(self.left, 1)
        self._replies.addWidget(self.right, 1)
        buttons = FlowLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        for button in (self.tie_button, self.skip_button, self.undo_button, self.end_button):
            button.setAccessibleName(button.text().rpartition("  ")[0])
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            buttons.addWidget(button)
        asking = QVBoxLayout(self._asking)
        asking.setContentsMargins(0, 0, 0, 0)
        asking.setSpacing(16)
        asking.addLayout(self._said)
        asking.addLayout(self._replies)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        column.addWidget(plain_label("title", "Which reply do you like better?"))
        column.addWidget(self.count)
        column.addWidget(self.fewer)
        column.addWidget(self.bar)
        column.addWidget(self.waiting)
        column.addWidget(self._asking)
        column.addStretch(1)
        row = QWidget()
        row.setLayout(buttons)
        foot = QVBoxLayout(self.foot)
        foot.setContentsMargins(24, 12, 34, 12)
        foot.addWidget(row)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.scrolling(column, WIDEST), 1)
        outer.addWidget(self.foot)


class _Reply(QFrame):
    """One of the two, with the button that chooses it."""

    chosen = Signal()

    def __init__(self, side: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.text: QLabel = plain_label()
        arrow = "←  " if side == "Left" else ""
        behind = "  →" if side == "Right" else ""
        self.button = QPushButton(f"{arrow}This one{behind}")
        self.button.setAccessibleName(f"{side} reply is better")
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button.clicked.connect(self.chosen)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.button)
        column.addWidget(self.text)
        column.addStretch(1)

    def show_text(self, text: str) -> None:
        self.text.setText(text.strip() or "(nothing)")
