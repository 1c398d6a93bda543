"""This computer: what it is, and what every type of weights costs on it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from companion.app.background import Background
from companion.core.amounts import bytes_text
from companion.core.benchmark import Benchmark, kept_benchmark
from companion.core.hardware import Hardware, describe, probe
from companion.ui.cards import plain_label, say
from companion.ui.charts.bars import Bar, Bars
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.optimize.addon_card import AddonCard
from companion.ui.workshop.optimize.measure_part import MeasurePart
from companion.ui.workshop.optimize.widths import NARROW, WIDEST

SENTENCE = "How fast she writes is bounded by how fast memory delivers the weights, and by what unpacking their type costs here."
UNKNOWN = (
    "What each type of weights costs here, whatever the model, was not measured yet. It takes twenty seconds, best while "
    "nothing else runs."
)
BARS = "Tokens per second that a model of one billion weights would write, by the type of its weights."


class MachineView(QWidget):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._is_read = False
        self._background = Background(parent=self)
        self.bars = Bars(desk.theme, "What each type of weights costs here")
        self.measured, self.notice = plain_label("muted", UNKNOWN), plain_label("problem")
        self.measure_button = QPushButton("Measure this computer")
        self.part = MeasurePart(desk, self.measure_button, self)
        self.addon = AddonCard(desk.addons())
        self._facts = QGridLayout()
        self._bars_card = QFrame()
        self._build()
        self._connect()

    def measure(self) -> None:
        """Twenty seconds, by a process."""
        self.part.measuring.measure_machine()
        self.part.began("Measuring this computer")

    def show_benchmark(self, found: Benchmark | None) -> None:
        self.part.ended()
        self._bars_card.setVisible(found is not None)
        self.measure_button.setText("Measure this computer" if found is None else "Measure again")
        if found is None:
            return
        disk = f", the disk writes {bytes_text(found.disk_write)} per second" if found.disk_write else ""
        self.measured.setText(
            f"With {found.threads} threads, memory copies {bytes_text(found.memory_bandwidth)} per second{disk}. "
            f"Measured in {found.seconds:.0f} s with {found.build.split()[0]} of llama-cpp-python."
        )
        say(self.notice, found.notice)
        speeds = sorted(found.types, key=lambda each: each.best_write, reverse=True)
        self.bars.show_bars(
            [Bar(f"{each.kind} ({each.bits:.3g} bits)", each.best_write, f"{each.best_write:.1f}") for each in speeds]
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_read:
            self._is_read = True
            self._background.run(lambda: (probe(), kept_benchmark()), self._read)
            self._desk.addons().look()

    def closeEvent(self, event: QCloseEvent) -> None:
        super().closeEvent(event)
        self.part.stop()

    def _read(self, found: tuple[Hardware, Benchmark | None]) -> None:
        hardware, benchmark = found
        for row, (name, value) in enumerate(describe(hardware)):
            self._facts.addWidget(plain_label("muted", name), row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(plain_label("", value), row, 1)
        if not self.part.measuring.is_running:
            self.show_benchmark(benchmark)

    def _connect(self) -> None:
        self.measure_button.clicked.connect(self.measure)
        measuring, progress = self.part.measuring, self.part.progress
        measuring.progressed.connect(lambda words, share: progress.tell(words[:1].upper() + words[1:], share))
        measuring.machine_measured.connect(self.show_benchmark)

    def _build(self) -> None:
        facts = QFrame()
        facts.setProperty("role", "card")
        facts.setLayout(self._facts)
        self._facts.setContentsMargins(16, 14, 16, 14)
        self._facts.setHorizontalSpacing(24)
        self._facts.setVerticalSpacing(6)
        self._facts.setColumnStretch(1, 1)
        self._bars_card.setProperty("role", "card")
        inside = QVBoxLayout(self._bars_card)
        inside.setContentsMargins(16, 12, 16, 16)
        inside.setSpacing(8)
        for widget in (plain_label("heading", "What each type of weights costs"), plain_label("caption", BARS), self.bars):
            inside.addWidget(widget)
        self._bars_card.hide()
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        above: tuple[QWidget, ...] = (plain_label("title", "This computer"), plain_label("muted", SENTENCE), facts, self.addon)
        for each in (*above, self.measured, self.notice, self.part.problem, self.part.progress):
            column.addWidget(each)
        measure = QHBoxLayout()
        measure.setSpacing(16)
        measure.addWidget(self.measure_button)
        measure.addWidget(self.part.waits, 1)
        measure.addStretch()
        column.addLayout(measure)
        column.addWidget(self._bars_card)
        column.addStretch(1)
        fill_page(self, scroll_page(column, NARROW, within=WIDEST))
