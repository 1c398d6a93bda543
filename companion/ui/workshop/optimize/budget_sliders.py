"""What a build may cost, as three sliders: each is a limit, or none at its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from companion.core.amounts import bytes_text
from companion.core.build_plan import LEAST_DIVERGENCE, BuildPlan
from companion.core.recipes.quantize import USUAL_DIVERGENCE, Budget
from companion.ui.charts.lines import number_text, rounded
from companion.ui.elided_combo import ElidedComboBox
from companion.ui.wheel_guard import WheelGuard

STEPS = 200
"""Places of a slider, the one without a limit not counted."""
CLOSEST: Final = "closest"
GOALS: Final = {
    "speed": "The fastest within that",
    "size": "The smallest within that",
    CLOSEST: "The closest to the model",
}
"""What to gain within the limits. The closest is what a limit of size or speed gives by itself, and only with one."""


class LimitSlider(QWidget):
    """One limit. `value` is exactly what was set, 0 without a limit, until the person moves the slider."""

    moved = Signal()

    def __init__(self, title: str, sentence: str, told: Callable[[float], str], *, is_least: bool, is_log: bool = False) -> None:
        """`is_least` when the value is to be reached and not kept below: no limit is then at the left end."""
        super().__init__()
        self._told, self._is_least, self._is_log = told, is_least, is_log
        self._low, self._high = 0.0, 1.0
        self.value = 0.0
        self.title = QLabel(title)
        self.words = QLabel()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 10)
        self.slider.setAccessibleName(title)
        self.slider.setToolTip(sentence)
        self.slider.valueChanged.connect(self._slid)
        WheelGuard(self).watch(self.slider)
        self._is_quiet = False
        self.title.setBuddy(self.slider)
        self.words.setProperty("role", "heading")
        row = QHBoxLayout()
        row.addWidget(self.title, 1)
        row.addWidget(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.slider)
        self.set_value(0.0)

    def set_range(self, low: float, high: float) -> None:
        """From the least to the greatest value that makes a difference; the limit stays."""
        self._low, self._high = low, max(high, low * 1.001)
        self.set_value(self.value)

    def set_value(self, value: float) -> None:
        """0 sets no limit. Emits nothing."""
        self.value = value
        self._is_quiet = True
        self.slider.setValue(self._place(value))
        self._is_quiet = False
        self._show()

    def _slid(self, place: int) -> None:
        if self._is_quiet:
            return
        free = 0 if self._is_least else STEPS
        self.value = 0.0 if place == free else self._value(place)
        self._show()
        self.moved.emit()

    def _value(self, place: int) -> float:
        share = (place - 1) / (STEPS - 1) if self._is_least else place / (STEPS - 1)
        low, high = (math.log(self._low), math.log(self._high)) if self._is_log else (self._low, self._high)
        found = low + share * (high - low)
        return math.exp(found) if self._is_log else found

    def _place(self, value: float) -> int:
        if not value:
            return 0 if self._is_least else STEPS
        low, high, at = self._low, self._high, min(max(value, self._low), self._high)
        share = math.log(at / low) / math.log(high / low) if self._is_log else (at - low) / (high - low)
        return round(share * (STEPS - 1)) + (1 if self._is_least else 0)

    def _show(self) -> None:
        words = self._told(self.value) if self.value else "no limit"
        self.words.setText(words)
        self.slider.setAccessibleDescription(words)


class BudgetSliders(QWidget):
    """The limits of a build; `budget` is what they say."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.size_limit = LimitSlider("Size at most", "Bytes of the file.", bytes_text, is_least=False)
        self.divergence = LimitSlider(
            "Divergence at most",
            "How far the chances of the next word may move, in nats per token: few people notice 0.02.",
            lambda value: number_text(rounded(value, 2)),
            is_least=False,
            is_log=True,
        )
        self.speed = LimitSlider(
            "Writes at least",
            "Tokens per second on this computer.",
            lambda value: f"{number_text(rounded(value))} tok/s",
            is_least=True,
        )
        self._prefer: Literal["speed", "size"] = "speed"
        """What is gained within a divergence, also while the closest is looked for."""
        self.goal = ElidedComboBox()
        self.goal.setAccessibleName("What to gain within these limits")
        for name, words in GOALS.items():
            self.goal.addItem(words, name)
        WheelGuard(self).watch(self.goal)
        self.rule = QLabel()
        self.rule.setProperty("role", "caption")
        self.rule.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        for limit in self.limits:
            column.addWidget(limit)
            limit.moved.connect(self._changed)
        column.addWidget(self.goal)
        column.addWidget(self.rule)
        self.goal.activated.connect(self._choose_goal)
        self._follow()

    @property
    def limits(self) -> tuple[LimitSlider, LimitSlider, LimitSlider]:
        return self.size_limit, self.divergence, self.speed

    def show_plan(self, plan: BuildPlan) -> None:
        """Limits reach from the least to the most that was foreseen."""
        builds = plan.builds
        worst = max(build.divergence for build in builds)
        self.size_limit.set_range(builds[0].bytes, builds[-1].bytes)
        self.divergence.set_range(LEAST_DIVERGENCE, max(worst, 2 * LEAST_DIVERGENCE))
        self.speed.set_range(min(build.write for build in builds), max(build.write for build in builds))

    def budget(self) -> Budget:
        return Budget(
            size=math.ceil(self.size_limit.value), divergence=self.divergence.value, speed=self.speed.value, prefer=self._prefer
        )

    def set_budget(self, budget: Budget) -> None:
        """Emits nothing."""
        self.size_limit.set_value(budget.size)
        self.divergence.set_value(budget.divergence)
        self.speed.set_value(budget.speed)
        self._prefer = budget.prefer
        self._follow()

    def _changed(self) -> None:
        self._follow()
        self.changed.emit()

    def _choose_goal(self) -> None:
        """The fastest or the smallest is found within a divergence, the closest without: the slider says so."""
        goal = self.goal.currentData()
        if goal == CLOSEST:
            self.divergence.set_value(0.0)
        else:
            self._prefer = "size" if goal == "size" else "speed"
            if not self.divergence.value and (self.size_limit.value or self.speed.value):
                self.divergence.set_value(USUAL_DIVERGENCE)
        self._changed()

    def _follow(self) -> None:
        """What the limits mean together."""
        budget = self.budget()
        has_other = bool(budget.size or budget.speed)
        is_closest = has_other and not budget.divergence
        self.goal.setCurrentIndex(self.goal.findData(CLOSEST if is_closest else self._prefer))
        if isinstance(choices := self.goal.model(), QStandardItemModel):
            choices.item(self.goal.findData(CLOSEST)).setEnabled(has_other)
        if is_closest:
            self.rule.setText("Of all builds within these limits, the one whose words move least.")
        elif budget.divergence:
            self.rule.setText("A build that keeps within the divergence is measured before it counts.")
        else:
            self.rule.setText("Without any limit, a build may diverge by 0.02: few people would notice.")
