"""Where notices appear: a small stack of cards near the bottom edge of the window."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QAbstractAnimation,
    QEasingCurve,
    QEvent,
    QObject,
    QPoint,
    QPropertyAnimation,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QEnterEvent, QKeyEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsOpacityEffect,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from companion.app.notices import Notice, Tone
from companion.ui.cards import breakable
from companion.ui.icons import icon, pixmap
from companion.ui.theme import Theme

SHOWN_MS, SHOWN_WITH_ACTION_MS = 8000, 20000
AFTER_HOVER_MS = 3000
MOTION_MS = 160
SLIDE = 16
MOST = 3
MOVING = frozenset({QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide})
"""After these, the room for notices may be another one."""
WIDTH, MARGIN = 480, 24
NARROW = 400
"""In a card of fewer pixels the button stands below the words, which it would squeeze."""
LOOKS = {
    Tone.INFORMATION: ("information", "accent2", "Information"),
    Tone.SUCCESS: ("check", "ok", "Done"),
    Tone.WARNING: ("warning", "warn", "Warning"),
    Tone.ERROR: ("error", "bad", "Error"),
}
"""Icon, colour and spoken word of each tone: never colour alone."""
PASSING = (Tone.INFORMATION, Tone.SUCCESS, Tone.WARNING)
"""Tones that leave by themselves; an error stays until it is closed."""


class NoticeCard(QFrame):
    """One notice. It leaves when closed, when acted on, with Escape, or after its time; the pointer or the keyboard
    focus on it holds that time."""

    dismissed = Signal()

    def __init__(self, notice: Notice, theme: Theme) -> None:
        super().__init__()
        self.notice = notice
        self._theme = theme
        self.setProperty("role", "toast")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.spoken = " ".join(filter(None, (f"{LOOKS[notice.tone][2]}:", notice.what, notice.remedy)))
        self.setAccessibleName(self.spoken)
        self._symbol = QLabel()
        self.close_button = QToolButton()
        self.action_button: QPushButton | None = QPushButton(notice.action) if notice.action else None
        self._build()
        self._time = QTimer(self)
        self._time.setSingleShot(True)
        self._time.timeout.connect(self.dismissed)
        self.passes = notice.tone in PASSING and not notice.waits
        if self.passes:
            self._time.start(SHOWN_WITH_ACTION_MS if self.notice.action else SHOWN_MS)
        theme.changed.connect(self._redraw)
        self._redraw()

    @property
    def is_passing(self) -> bool:
        """Whether its time is running."""
        return self._time.isActive()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._time.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        if self.passes:
            self._time.start(AFTER_HOVER_MS)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismissed.emit()
        else:
            super().keyPressEvent(event)

    def _build(self) -> None:
        self._words = words = QVBoxLayout()
        words.setSpacing(2)
        for text, role in ((self.notice.what, "heading"), (self.notice.remedy, "muted")):
            if text:
                self._last_words = _label(text, role)
                words.addWidget(self._last_words)
        self.close_button.setToolTip("Close")
        self.close_button.setAccessibleName("Close this notice")
        self.close_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.close_button.clicked.connect(self.dismissed)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 12, 12)
        row.setSpacing(12)
        edge = Qt.AlignmentFlag.AlignTop if self.notice.remedy else Qt.AlignmentFlag.AlignVCenter
        row.addWidget(self._symbol, 0, edge)
        row.addLayout(words, 1)
        if self.action_button is not None:
            self.action_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.action_button.clicked.connect(self._act)
        row.addWidget(self.close_button, 0, edge)
        self._place_button(is_narrow=False)

    def fit(self, width: int) -> None:
        """Be as high as the words need in this width."""
        self._place_button(is_narrow=width < NARROW)
        self.setVisible(True)  # a card that was never shown does not know its fonts yet
        self.setFixedHeight(self.heightForWidth(width))

    def _place_button(self, *, is_narrow: bool) -> None:
        if (button := self.action_button) is None:
            return
        is_below = is_narrow or bool(self.notice.remedy)  # beside long words it would squeeze them
        if is_below == (self._words.indexOf(button) >= 0) and button.parent() is not None:
            return
        self._last_words.setContentsMargins(0, 0, 0, 6 if is_below else 0)
        (self._row if is_below else self._words).removeWidget(button)
        edge = Qt.AlignmentFlag.AlignTop if is_below else Qt.AlignmentFlag.AlignVCenter
        for part in (self._symbol, self.close_button):
            self._row.setAlignment(part, edge)
        if is_below:
            self._words.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            self._row.insertWidget(2, button, 0, Qt.AlignmentFlag.AlignVCenter)

    def _act(self) -> None:
        self.dismissed.emit()
        if self.notice.act is not None:
            self.notice.act()

    def _redraw(self) -> None:
        name, token, _ = LOOKS[self.notice.tone]
        self._symbol.setPixmap(pixmap(name, self._theme, token, self._theme.grown(20), self.devicePixelRatioF()))
        side, size = self._theme.grown(28), self._theme.grown(16)
        self.close_button.setFixedSize(side, side)
        self.close_button.setIconSize(QSize(size, size))
        self.close_button.setIcon(icon("close", self._theme, "muted", size))


def _label(text: str, role: str) -> QLabel:
    label = QLabel(breakable(text))
    label.setProperty("role", role)
    label.setTextFormat(Qt.TextFormat.PlainText)  # a file name must never become markup
    label.setWordWrap(True)
    return label


class NoticeArea(QWidget):
    """The stack of at most three cards, newest below. It is only as large as its cards, so it never blocks the window."""

    placed = Signal()
    """It stands elsewhere, is larger or smaller, or gone: what lies below it may have to make room."""

    def __init__(self, theme: Theme, parent: QWidget, room: Callable[[], QRect] | None = None) -> None:
        """`room` is where the cards may stand, in the parent's coordinates; all of it when left out."""
        super().__init__(parent)
        self._theme, self._room = theme, room or parent.rect
        self.cards: list[NoticeCard] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        parent.installEventFilter(self)
        theme.changed.connect(self._place)
        self.hide()

    def show_notice(self, notice: Notice) -> None:
        """Show a notice and say it to screen readers; the same notice again replaces the one that is shown."""
        for card in [c for c in self.cards if c.notice[:3] == notice[:3]]:
            self._remove(card)
        if len(self.cards) >= MOST:
            self._remove(next((c for c in self.cards if c.passes), self.cards[0]))
        card = NoticeCard(notice, self._theme)
        card.dismissed.connect(lambda: self._leave(card))
        self.cards.append(card)
        self._column.addWidget(card)
        self.show()
        self.raise_()
        self._place()
        QTimer.singleShot(0, self, self._place)  # at the start, the window has not been laid out yet
        self._come(card)
        announcement = QAccessibleAnnouncementEvent(card, card.spoken)
        if notice.tone not in PASSING:
            announcement.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(announcement)

    def withdraw(self, notice: Notice) -> None:
        """Take it away before its time."""
        for card in [each for each in self.cards if each.notice is notice]:
            self._leave(card)

    def place_again(self) -> None:
        """The room for the cards is another one."""
        self._place()

    def follow(self, widget: QWidget) -> None:
        """The room depends on where this is, too."""
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in MOVING:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        if not self.cards:
            self.placed.emit()
            return
        room = self._room()
        sides = MARGIN if room.width() > NARROW else 16
        width = max(min(WIDTH, room.width() - 2 * sides), 160)
        for card in self.cards:
            card.fit(width)
        height = sum(card.height() for card in self.cards) + self._column.spacing() * (len(self.cards) - 1)
        self.setGeometry(room.x() + (room.width() - width) // 2, room.bottom() + 1 - MARGIN - height, width, height)
        self.placed.emit()

    def _come(self, card: NoticeCard) -> None:
        duration = self._theme.duration(MOTION_MS)
        if duration == 0:
            return
        fade = _fade(card, 0.0, 1.0, duration)
        # An effect left on a widget makes Qt draw it through a pixmap for ever: it goes when the card has arrived.
        fade.finished.connect(lambda: card.setGraphicsEffect(None))  # type: ignore[arg-type]
        slide = QPropertyAnimation(self, b"pos", card)
        slide.setDuration(duration)
        slide.setStartValue(self.pos() + QPoint(0, SLIDE))
        slide.setEndValue(self.pos())
        slide.setEasingCurve(QEasingCurve.Type.OutCubic)
        slide.start(QAbstractAnimation.DeletionPolicy.DeleteWhenStopped)

    def _leave(self, card: NoticeCard) -> None:
        duration = self._theme.duration(MOTION_MS)
        if card not in self.cards or duration == 0:
            self._remove(card)
            return
        card.setEnabled(False)
        _fade(card, 1.0, 0.0, duration).finished.connect(lambda: self._remove(card))

    def _remove(self, card: NoticeCard) -> None:
        if card not in self.cards:
            return
        self.cards.remove(card)
        self._column.removeWidget(card)
        card.hide()
        card.deleteLater()
        self.setVisible(bool(self.cards))
        self._place()


def _fade(card: NoticeCard, start: float, end: float, duration: int) -> QPropertyAnimation:
    effect = QGraphicsOpacityEffect(card)
    effect.setOpacity(start)
    card.setGraphicsEffect(effect)
    fade = QPropertyAnimation(effect, b"opacity", effect)
    fade.setDuration(duration)
    fade.setStartValue(start)
    fade.setEndValue(end)
    fade.setEasingCurve(QEasingCurve.Type.OutCubic)
    fade.start()
    return fade
