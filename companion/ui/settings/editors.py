"""One editor per kind of field: what a person moves, types or ticks to choose its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from companion.core.fields import Field
from companion.ui.elided_combo import ElidedComboBox
from companion.ui.wheel_guard import WheelGuard

WIDTH = 220
LARGEST = 2**31 - 1


class Editor(QWidget):
    """Holds the value of one field; `edited` comes only from the person, never from `set_value`."""

    edited = Signal()

    def value(self) -> Any:
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        raise NotImplementedError

    def _adopt(self, *controls: QWidget) -> None:
        """Lay the controls out in a row; the first takes the focus of the whole editor."""
        self.setMinimumWidth(WIDTH)  # all editors of a form begin at the same edge
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        guard = WheelGuard(self)
        for control in controls:
            row.addWidget(control)
            if isinstance(control, QAbstractSpinBox | QComboBox):
                guard.watch(control)
        self.setFocusProxy(controls[0])


class SwitchEditor(Editor):
    """Yes or no."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.box = QCheckBox()
        self.box.setAccessibleName(field.title)
        self.box.clicked.connect(self.edited)
        self._adopt(self.box)

    def value(self) -> bool:
        return self.box.isChecked()

    def set_value(self, value: bool) -> None:
        self.box.setChecked(value)


class ChoiceEditor(Editor):
    """One of a few words. A value that is not among them is shown as it is and can be left."""

    def __init__(self, field: Field, choices: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.box = ElidedComboBox()
        self.box.setAccessibleName(field.title)
        # A voice may have a long name, and all editors of a form are equally wide.
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for choice in choices or field.choices:
            self.box.addItem(choice[:1].upper() + choice[1:], choice)
        self.box.activated.connect(self.edited)
        self._adopt(self.box)

    def offer(self, choices: Mapping[str, str]) -> None:
        """Other choices, each with its words; the value stays."""
        value = self.value() if self.box.count() else next(iter(choices), "")
        self.box.clear()
        for choice, words in choices.items():
            self.box.addItem(words, choice)
        self.set_value(value)

    def value(self) -> str:
        return str(self.box.currentData())

    def set_value(self, value: str) -> None:
        if self.box.findData(value) < 0:
            self.box.addItem(value, value)
        self.box.setCurrentIndex(self.box.findData(value))


class NumberEditor(Editor):
    """A whole or a decimal number within the field's bounds; an optional one may be left to the program."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._optional = field.optional
        self.spin = _decimal(field) if field.kind is float else _whole(field)
        self.spin.setAccessibleName(field.title)
        self.spin.lineEdit().setTextMargins(8, 0, 0, 0)  # a style sheet cannot reach inside a spin box
        if field.minimum is not None and field.maximum is not None:
            self.spin.setToolTip(f"From {field.minimum:,} to {field.maximum:,}")
        self.spin.setKeyboardTracking(False)  # a half typed number is not a choice yet
        self.automatic = QCheckBox("Automatic")
        self.automatic.setAccessibleName(f"{field.title}: automatic")
        if not field.optional:
            self._adopt(self.spin)
            self.automatic.setParent(self)
            self.automatic.hide()
        else:
            self._adopt(self.automatic, self.spin)
            if self.spin.minimum() > 1:  # the least a person may ask for is seldom what they want to start from
                self.spin.setValue(int(self.spin.minimum() * 8))
        self.spin.valueChanged.connect(self._tell)
        self.automatic.clicked.connect(self._switch)
        self._quiet = False
        self._given: float = self.spin.value()
        self._shown: float = self.spin.value()

    def value(self) -> float | None:
        if self._optional and self.automatic.isChecked():
            return None
        # A value finer than the two decimals shown is kept as it was until the person changes it.
        return self._given if self.spin.value() == self._shown else self.spin.value()

    def set_value(self, value: float | None) -> None:
        self._quiet = True
        self.automatic.setChecked(value is None)
        self.spin.setVisible(value is not None)
        if isinstance(self.spin, QDoubleSpinBox):
            self.spin.setValue(value or 0.0)
        elif value is not None:
            self.spin.setValue(int(value))
        self._shown = self.spin.value()
        self._given = self._shown if value is None else value
        self._quiet = False

    def suggest(self, value: float) -> None:
        """What a person starts from who takes it into their own hands: the value that automatic chose."""
        if self._optional and self.automatic.isChecked():
            self._quiet = True
            self.spin.setValue(int(value))
            self._quiet = False

    def _switch(self, automatic: bool) -> None:
        self.spin.setVisible(not automatic)
        self.edited.emit()

    def _tell(self) -> None:
        if not self._quiet:
            self.edited.emit()


class ShareEditor(Editor):
    """A share of something, shown in percent."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.spin = _WholeSpin()
        self.spin.setRange(round(100 * (field.minimum or 0)), round(100 * (field.maximum or 1)))
        self.spin.setSuffix(" %")
        self.spin.setSingleStep(5)
        self.spin.setAccessibleName(field.title)
        self.spin.setToolTip(f"From {self.spin.minimum()} to {self.spin.maximum()} %")
        self.spin.lineEdit().setTextMargins(8, 0, 0, 0)
        self.spin.setKeyboardTracking(False)
        self._quiet = False
        self.spin.valueChanged.connect(lambda _value: None if self._quiet else self.edited.emit())
        self._adopt(self.spin)

    def value(self) -> float:
        return self.spin.value() / 100

    def set_value(self, value: float) -> None:
        self._quiet = True
        self.spin.setValue(round(100 * value))
        self._quiet = False


class TextEditor(Editor):
    """One line of text."""

    def __init__(self, field: Field, longest: int | None) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setAccessibleName(field.title)
        if longest is not None:
            self.line.setMaxLength(longest)
        self.line.textEdited.connect(self.edited)
        self._adopt(self.line)

    def value(self) -> str:
        return self.line.text()

    def set_value(self, value: str) -> None:
        if value != self.line.text():  # setting the same text would move the cursor under the person's hands
            self.line.setText(value)


class LinesEditor(Editor):
    r"""Several texts, one per line; a line break inside a text is written \n and a backslash \\."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.text = QPlainTextEdit()
        self.text.setFixedHeight(84)
        self.text.setTabChangesFocus(True)
        self.text.setPlaceholderText("One per line")
        self.text.setAccessibleName(f"{field.title}, one per line")
        self.text.textChanged.connect(self._tell)
        self._quiet = False
        self._adopt(self.text)

    def value(self) -> tuple[str, ...]:
        return tuple(_unescaped(line) for line in self.text.toPlainText().split("\n") if line)

    def set_value(self, value: tuple[str, ...]) -> None:
        if value != self.value():
            self._quiet = True
            self.text.setPlainText("\n".join(text.replace("\\", "\\\\").replace("\n", "\\n") for text in value))
            self._quiet = False

    def _tell(self) -> None:
        if not self._quiet:
            self.edited.emit()


def editor_for(field: Field, longest: int | None = None) -> Editor:
    """The editor that fits a field; `longest` limits a line of text."""
    if field.kind is bool:
        return SwitchEditor(field)
    if field.choices:
        return ChoiceEditor(field)
    if field.kind in (int, float):
        return NumberEditor(field)
    return LinesEditor(field) if field.kind is tuple else TextEditor(field, longest)


class _WholeSpin(QSpinBox):
    """Any number may be typed; one out of bounds becomes the nearest that is possible."""

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        number = self._typed(text)
        if number is None or self.minimum() <= number <= self.maximum():
            return super().validate(text, position)
        return QValidator.State.Intermediate, text, position

    def fixup(self, text: str) -> str:
        number = self._typed(text)
        return text if number is None else self.textFromValue(min(max(number, self.minimum()), self.maximum())) + self.suffix()

    def _typed(self, text: str) -> int | None:
        plain = text.removesuffix(self.suffix()).replace(self.locale().groupSeparator(), "").strip()
        return int(plain) if re.fullmatch(r"-?\d{1,9}", plain) else None


def _whole(field: Field) -> QSpinBox:
    spin = _WholeSpin()
    lowest = int(field.minimum if field.minimum is not None else -LARGEST)
    highest = int(field.maximum if field.maximum is not None else LARGEST)
    spin.setRange(lowest, highest)
    spin.setGroupSeparatorShown(highest <= 2**20)
    spin.setSingleStep(512 if lowest >= 512 else 1 if highest <= 1000 or highest == LARGEST else 16)
    return spin


def _decimal(field: Field) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setDecimals(2)
    spin.setRange(field.minimum if field.minimum is not None else -1e6, field.maximum if field.maximum is not None else 1e6)
    spin.setSingleStep(0.05)
    return spin


def _unescaped(line: str) -> str:
    return "\\".join(part.replace("\\n", "\n") for part in line.split("\\\\"))
