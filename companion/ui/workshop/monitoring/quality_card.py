"""A card that says how she does in real talk, and offers to teach her when that has become worse."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.app.quality_watch import QualityWatch
from companion.core.monitoring.drift import Drift
from companion.core.monitoring.quality import Quality
from companion.ui.flow_layout import FlowLayout
from companion.ui.fold import Fold
from companion.ui.icons import pixmap
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.monitoring.quality_charts import QualityCharts

MOST_ALERTS: Final = 3
TEACH: Final = "Mark what is good and what is not, then teach her again."
LOOKING: Final = "Looking through your talks …"
ALL_IS_WELL: Final = "Nothing that you had to mend has become more frequent, and she talks as before."
MARKS: Final = {"steady": "✓", "not sure": "○", "some change": "!", "large change": "!"}
"""Before the word, so that no colour has to be told from another."""
COLOURS: Final = {"steady": "ok", "not sure": "muted", "some change": "warn", "large change": "bad"}
EXPLAINED: Final = (
    "The number is the population stability index: how far her newest replies have come from the others; below 0.1 is no change,"
    " from 0.25 on a large one. For meaning it is one minus the cosine of what you talked about."
)


class QualityCard(QFrame):
    """Measures whenever it is shown, and after replies while it is."""

    teach_requested = Signal()

    def __init__(self, desk: Desk, *, is_open: bool = True) -> None:
        """`is_open` shows the charts at once."""
        super().__init__()
        self._theme = desk.theme
        self._quality: Quality | None = None
        self.watch = QualityWatch(desk.conversations, desk.engine, desk.preferences, self)
        self.title, self.caption, self.sentence = QLabel("How she does"), QLabel(), QLabel(LOOKING)
        self.symbol = QLabel()
        self.teach = QPushButton("Teach")
        self.fold = Fold(desk.theme, "Look closer")
        self.charts = QualityCharts(desk.theme)
        self.chips: list[QLabel] = []
        self._chips = FlowLayout()
        self._build()
        self.fold.set_open(is_open)
        self.teach.clicked.connect(self.teach_requested)
        self.watch.measured.connect(self.show_quality)
        self.watch.failed.connect(self._show_failure)
        desk.theme.changed.connect(self._redraw)
        self._redraw()

    def show_quality(self, found: Quality) -> None:
        self._quality = found
        self.title.setText(f"How {found.name} does")
        told = [f"her newest {found.current} replies"] if found.signals else []
        if found.compared_with:
            told.append(f"beside {found.compared_with}")
        caption = ", ".join(told)
        self.caption.setText(caption[:1].upper() + caption[1:])
        self.caption.setVisible(bool(caption))
        self._show_sentence(found)
        self.fold.setVisible(bool(found.signals))
        self.charts.show_quality(found)
        self._show_drifts(found.drifts)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.watch.follow(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.watch.follow(False)

    def _show_sentence(self, found: Quality) -> None:
        alerts = found.alerts[:MOST_ALERTS]
        told = [*alerts] if alerts else [ALL_IS_WELL] if found.signals and found.drifts else []
        told += [found.too_little] if found.too_little else []
        told += [TEACH] if alerts else []
        self.sentence.setText("\n".join(told))
        self._set_role(self.sentence, "" if alerts else "muted")
        self.symbol.setVisible(bool(alerts))
        self.teach.setVisible(bool(found.signals))
        self._set_role(self.teach, "primary" if alerts else "")

    def _show_failure(self, what: str, remedy: str) -> None:
        self.sentence.setText(f"{what} {remedy}")
        self._set_role(self.sentence, "problem")
        for widget in (self.symbol, self.caption, self.teach, self.fold):
            widget.hide()

    def _show_drifts(self, drifts: tuple[Drift, ...]) -> None:
        while len(self.chips) < len(drifts):
            chip = QLabel()
            chip.setProperty("role", "chip")
            self.chips.append(chip)
            self._chips.addWidget(chip)
        for number, chip in enumerate(self.chips):
            chip.setVisible(number < len(drifts))
            if number < len(drifts):
                self._show_drift(chip, drifts[number])
        self._chips.invalidate()

    def _show_drift(self, chip: QLabel, drift: Drift) -> None:
        colour = getattr(self._theme.palette, COLOURS[drift.level])
        words = f"{drift.title} {drift.index:.2f}, {drift.level}"
        chip.setText(f'<span style="color:{colour}">{MARKS[drift.level]}</span>&nbsp; {words}')
        chip.setAccessibleName(words)
        told = f"{drift.told[0].upper()}{drift.told[1:]}. " if drift.told else ""
        chip.setToolTip(told + EXPLAINED)
        chip.setAccessibleDescription(told)

    def _redraw(self) -> None:
        self.symbol.setPixmap(pixmap("warning", self._theme, "warn", 20, self.devicePixelRatioF()))
        if self._quality is not None:
            self._show_drifts(self._quality.drifts)

    def _set_role(self, widget: QWidget, role: str) -> None:
        if widget.property("role") != role:
            widget.setProperty("role", role)
            widget.style().polish(widget)

    def _build(self) -> None:
        self.setProperty("role", "card")
        self.title.setProperty("role", "heading")
        self.caption.setProperty("role", "caption")
        for label in (self.caption, self.sentence):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.symbol.hide()
        self.caption.hide()
        self.teach.hide()
        self.fold.hide()
        self.teach.setCursor(Qt.CursorShape.PointingHandCursor)
        self.teach.setToolTip("Teach her from dialogues, with what you marked")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self.title)
        words.addWidget(self.caption)
        words.addWidget(self.sentence)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.symbol, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.teach, 0, Qt.AlignmentFlag.AlignTop)
        closer = QWidget()
        column = QVBoxLayout(closer)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        chips = QWidget()
        chips.setLayout(self._chips)
        column.addWidget(chips)
        column.addWidget(self.charts)
        self.fold.set_content(closer)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 12, 16, 12)
        outer.setSpacing(8)
        outer.addLayout(row)
        outer.addWidget(self.fold)
