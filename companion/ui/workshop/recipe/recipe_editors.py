"""Editors for what recipes have and settings have not: numbers of any size, several of a few words, lists of numbers."""

from __future__ import annotations

import math
import re
from typing import Final

from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QCheckBox, QDoubleSpinBox, QLineEdit

from companion.core.fields import Field
from companion.ui.flow_layout import FlowLayout
from companion.ui.settings.editors import WIDTH, Editor, TextEditor, editor_for

LARGEST_WHOLE: Final = 2**31 - 1
"""More than this no QSpinBox holds."""
MOST: Final = 1e15
WIDEST: Final = 2 * WIDTH
"""Of boxes to tick: the words beside them need room, too."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_BEGUN = re.compile(r"[+-]?\d*[.,]?\d*([eE][+-]?\d*)?")


class FineSpin(QDoubleSpinBox):
    """Shows “0.0003” and “1e-08” as they are, and takes them so; a step is a tenth of the number's own size."""

    def __init__(self) -> None:
        super().__init__()
        self.setDecimals(12)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)

    def textFromValue(self, value: float) -> str:
        return f"{value:.10g}"

    def valueFromText(self, text: str) -> float:
        return _number(text)

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        if _NUMBER.fullmatch(text.strip()):
            fits = self.minimum() <= _number(text) <= self.maximum()
            return QValidator.State.Acceptable if fits else QValidator.State.Intermediate, text, position
        begun = _BEGUN.fullmatch(text.strip()) is not None
        return QValidator.State.Intermediate if begun else QValidator.State.Invalid, text, position

    def fixup(self, text: str) -> str:
        """One out of bounds becomes the nearest that is possible."""
        if not _NUMBER.fullmatch(text.strip()):
            return text
        return self.textFromValue(min(max(_number(text), self.minimum()), self.maximum()))

    def stepBy(self, steps: int) -> None:
        value = self.value()
        size = 10.0 ** math.floor(math.log10(abs(value))) if value else 0.1
        if value and steps < 0 and math.isclose(abs(value), size):
            size /= 10  # from 0.001 down to 0.0009, not to 0
        self.setValue(value + steps * size)


class FineNumberEditor(Editor):
    """A number that may be tiny or huge, within the field's bounds."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._is_whole = field.kind is int
        self.spin = FineSpin()
        if self._is_whole:
            self.spin.setDecimals(0)
        low, high = field.minimum, field.maximum
        self.spin.setRange(-MOST if low is None else low, MOST if high is None else high)
        self.spin.setAccessibleName(field.title)
        self.spin.lineEdit().setTextMargins(8, 0, 0, 0)
        self.spin.setKeyboardTracking(False)
        self._quiet = False
        self.spin.valueChanged.connect(self._tell)
        self._adopt(self.spin)

    def value(self) -> float:
        return round(self.spin.value()) if self._is_whole else self.spin.value()

    def set_value(self, value: float) -> None:
        self._quiet = True
        self.spin.setValue(value)
        self._quiet = False

    def _tell(self) -> None:
        if not self._quiet:
            self.edited.emit()


class ChecksEditor(Editor):
    """Some of a few words."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.setMinimumWidth(WIDTH)
        self.setMaximumWidth(WIDEST)
        self.boxes = {choice: QCheckBox(choice) for choice in field.choices}
        flow = FlowLayout(12, 2)
        self.setLayout(flow)
        for choice, box in self.boxes.items():
            box.setAccessibleName(f"{field.title}: {choice}")
            box.clicked.connect(self.edited)
            flow.addWidget(box)
        self.setFocusProxy(next(iter(self.boxes.values())))

    def value(self) -> tuple[str, ...]:
        return tuple(choice for choice, box in self.boxes.items() if box.isChecked())

    def set_value(self, value: tuple[str, ...]) -> None:
        for choice, box in self.boxes.items():
            box.setChecked(choice in value)


class NumbersEditor(Editor):
    """Whole numbers with commas between them."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setAccessibleName(f"{field.title}, numbers with commas between them")
        self.line.setPlaceholderText("1, 4")
        self.line.textEdited.connect(self.edited)
        self._adopt(self.line)

    def value(self) -> tuple[int, ...]:
        return tuple(int(number) for number in re.findall(r"\d{1,9}", self.line.text()))

    def set_value(self, value: tuple[int, ...]) -> None:
        if value != self.value():
            self.line.setText(", ".join(map(str, value)))


def recipe_editor(field: Field, longest: int | None) -> Editor:
    """The editor that fits a field of a recipe."""
    if field.kind is tuple:
        if field.choices:
            return ChecksEditor(field)
        return NumbersEditor(field) if field.items is int else editor_for(field)
    if field.kind is float or (field.kind is int and (field.maximum is None or field.maximum > LARGEST_WHOLE)):
        return FineNumberEditor(field)
    return TextEditor(field, longest) if field.kind is str and not field.choices else editor_for(field, longest)


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return 0.0
