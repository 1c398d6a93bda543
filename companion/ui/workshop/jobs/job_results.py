"""What came of a job so far, as a list of words: parts that are measured, builds, and files with their numbers."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.job import OutputWritten
from companion.core.job_history import JobHistory
from companion.core.job_words import MADE, adapter_sentence, build_sentences, metrics_sentence, part_sentence
from companion.core.library.report_list import REPORT
from companion.ui.cards import plain_label
from companion.ui.theme import Theme

MOST_PARTS = 200


class JobResults(QFrame):
    """Hidden while there is nothing."""

    open_requested = Signal(str)
    """A report, to be read in the window; another file, for the program that the system has for it; else its folder."""
    use_requested = Signal(str)
    """The file of a model or an adapter."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._shown: tuple[int, ...] = ()
        self._content = QWidget()
        heading = QLabel("What came of it")
        heading.setProperty("role", "heading")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 16)
        self._column.setSpacing(8)
        self._column.addWidget(heading)
        self._column.addWidget(self._content)

    def show_history(self, history: JobHistory, *, another: bool) -> None:
        now = (len(history.parts), len(history.builds), len(history.adapters), len(history.outputs))
        self.setVisible(any(now))
        if now == self._shown and not another:
            return
        self._shown = now
        content = QWidget()
        rows = QVBoxLayout(content)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(8)
        for part in history.parts[-MOST_PARTS:]:
            rows.addWidget(plain_label("muted" if part.state == "done" else "", part_sentence(part)))
        for build in history.builds:
            rows.addWidget(plain_label("", "\n".join(build_sentences(build))))
        for adapter in history.adapters:
            rows.addWidget(plain_label("", f"{adapter_sentence(adapter)}."))
        for file in {output.file: output for output in history.outputs}.values():
            rows.addWidget(self._file(file))
        self._column.replaceWidget(self._content, content)
        self._content.hide()
        self._content.deleteLater()
        self._content = content

    def _file(self, output: OutputWritten) -> QWidget:
        path = Path(output.file)
        made = MADE.get(output.kind, "File")
        row, holder = QHBoxLayout(), QWidget()
        holder.setLayout(row)
        row.setContentsMargins(0, 0, 0, 0)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(plain_label("", f"{made}: {path.name}"))
        if sentence := metrics_sentence(output.metrics):
            words.addWidget(plain_label("caption", sentence))
        row.addLayout(words, 1)
        opens = output.kind in {"report", "picture"}
        is_read = output.kind == "report" and path.suffix == Path(REPORT).suffix
        button = QPushButton("Read" if is_read else "Open" if opens else "Show")
        button.setProperty("role", "quiet")
        button.setAccessibleName(f"{button.text()} {path.name}" if opens else f"Show {path.name} in its folder")
        button.clicked.connect(lambda: self.open_requested.emit(str(path if opens else path.parent)))
        if output.kind in {"model", "adapter"}:
            use = QPushButton("Use it…")
            use.setAccessibleName(f"Use {path.name}")
            use.setToolTip("Leads to the Library: there you say for whom, and take it back with one press")
            use.clicked.connect(lambda: self.use_requested.emit(str(path)))
            row.addWidget(use, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return holder
