"""The parts of a page side by side, or in one menu when there is no room for that."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QPushButton, QWidget

from companion.ui.theme import Theme


class SectionBar(QWidget):
    """Arrow keys walk along it, as in any row of tabs."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, titles: tuple[str, ...], widest: int) -> None:
        """`widest` is the column it stands above: it is as wide as that, or as its tabs."""
        super().__init__()
        self._theme = theme
        self._widest = widest
        self._titles = titles
        self._group = QButtonGroup(self)
        self._tabs = QWidget()
        row = QHBoxLayout(self._tabs)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for number, title in enumerate(titles):
            button = _Tab(title)
            button.stepped.connect(self._step)
            self._group.addButton(button, number)
            row.addWidget(button)
        row.addStretch()
        self.menu = QComboBox()
        self.menu.addItems(titles)
        self.menu.setAccessibleName("Section")
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._tabs)
        outer.addWidget(self.menu)
        self._group.idClicked.connect(self.choose)
        self.menu.activated.connect(self.choose)
        theme.changed.connect(self._fit)
        self.choose(0)

    def choose(self, number: int) -> None:
        self.mark(number)
        self.chosen.emit(number)

    def mark(self, number: int) -> None:
        """Show which part is shown; emits nothing."""
        self._group.button(number).setChecked(True)
        self.menu.setCurrentIndex(number)

    def set_note(self, number: int, count: int, words: str) -> None:
        """A count beside the title of a part, none for 0, and what it counts."""
        title = self._titles[number]
        shown = f"{title} · {count}" if count else title
        button = self._group.button(number)
        button.setText(shown)
        button.setToolTip(words)
        button.setAccessibleName(f"{title}, {words}" if words else title)
        self.menu.setItemText(number, shown)
        self._fit()

    def buttons(self) -> list[QPushButton]:
        return [button for button in self._group.buttons() if isinstance(button, QPushButton)]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return self.menu.minimumSizeHint()

    def _step(self, step: int) -> None:
        number = (self._group.checkedId() + step) % len(self._group.buttons())
        self.choose(number)
        self._group.button(number).setFocus()

    def _fit(self) -> None:
        self.setMaximumWidth(max(self._widest, self._tabs.sizeHint().width()))
        room = self._tabs.sizeHint().width() <= self.width()
        self._tabs.setVisible(room)
        self.menu.setVisible(not room)


class _Tab(QPushButton):
    stepped = Signal(int)

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.setCheckable(True)
        self.setProperty("role", "quiet")
        self.setStyleSheet("QPushButton { padding: 6px 11px; }")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left.value: -1, Qt.Key.Key_Right.value: 1}
        if event.key() in steps:
            self.stepped.emit(steps[event.key()])
        else:
            super().keyPressEvent(event)
