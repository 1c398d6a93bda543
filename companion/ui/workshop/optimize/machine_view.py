"""This computer: what it is, and what every type of weights costs on it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from companion.app.background import Background
from companion.app.measuring import Measuring
from companion.core.amounts import bytes_text
from companion.core.benchmark import Benchmark, kept_benchmark
from companion.core.hardware import Hardware, describe, probe
from companion.ui.cards import plain_label, say
from companion.ui.charts.bars import Bar, Bars
from companion.ui.keyboard import pass_on
from companion.ui.scroll_page import scroll_page
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.optimize.widths import NARROW, WIDEST
from companion.ui.workshop.progress_row import ProgressRow

SENTENCE = "How fast she writes is bounded by how fast memory delivers the weights, and by what unpacking their type costs here."
UNKNOWN = "What each type of weights costs here was not measured yet. It takes twenty seconds, best while nothing else runs."
BARS = "Tokens per second that a model of one billion weights would write, by the type of its weights."


class MachineView(QWidget):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._is_read = False
        self._background = Background(parent=self)
        self.measuring = Measuring(desk.jobs.measuring, self)
        self.progress = ProgressRow()
        self.bars = Bars(desk.theme, "What each type of weights costs here")
        self.measured, self.notice, self.problem = plain_label("muted", UNKNOWN), plain_label("problem"), plain_label("problem")
        self.waits = plain_label("muted")
        self.measure_button = QPushButton("Measure this computer")
        self._facts = QGridLayout()
        self._bars_card = QFrame()
        self._build()
        self._connect()
        self._follow_jobs()

    def measure(self) -> None:
        """Twenty seconds, by a process."""
        say(self.problem)
        self.measuring.measure_machine()
        self.progress.tell("Measuring this computer", 0.0)
        self._follow_jobs()

    def show_benchmark(self, found: Benchmark | None) -> None:
        self._end_progress()
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

    def hideEvent(self, event: QHideEvent) -> None:
        """Twenty seconds are not worth going on behind the back."""
        super().hideEvent(event)
        self._stop()

    def _read(self, found: tuple[Hardware, Benchmark | None]) -> None:
        hardware, benchmark = found
        for row, (name, value) in enumerate(describe(hardware)):
            self._facts.addWidget(plain_label("muted", name), row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(plain_label("", value), row, 1)
        if not self.measuring.is_running:
            self.show_benchmark(benchmark)

    def _stop(self) -> None:
        self.measuring.stop()
        self._end_progress()

    def _end_progress(self) -> None:
        self._follow_jobs()
        pass_on(self.progress, self.measure_button)
        self.progress.hide()

    def _failed(self, what: str, remedy: str) -> None:
        self._stop()
        say(self.problem, what, remedy)

    def _follow_jobs(self) -> None:
        computing = self._desk.jobs.in_the_way
        may_measure = computing is None and not self.measuring.is_running
        if not may_measure:
            pass_on(self.measure_button, self.progress.stop_button)
        self.measure_button.setEnabled(may_measure)
        say(self.waits, computing.keeps_from_measuring if computing is not None and not self.measuring.is_running else "")

    def _connect(self) -> None:
        self.measure_button.clicked.connect(self.measure)
        self.measuring.progressed.connect(lambda words, share: self.progress.tell(words[:1].upper() + words[1:], share))
        self.measuring.machine_measured.connect(self.show_benchmark)
        self.measuring.failed.connect(self._failed)
        self.progress.stopped.connect(self._stop)
        self._desk.jobs.changed.connect(self._follow_jobs)

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
        column.setContentsMargins(0, 20, 0, 24)
        column.setSpacing(12)
        above: tuple[QWidget, ...] = (plain_label("title", "This computer"), plain_label("muted", SENTENCE), facts, self.measured)
        for each in (*above, self.notice, self.problem, self.progress):
            column.addWidget(each)
        measure = QHBoxLayout()
        measure.setSpacing(16)
        measure.addWidget(self.measure_button)
        measure.addWidget(self.waits, 1)
        measure.addStretch()
        column.addLayout(measure)
        column.addWidget(self._bars_card)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll_page(column, NARROW, within=WIDEST))
