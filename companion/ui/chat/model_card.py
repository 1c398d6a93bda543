"""A card about the loaded model: what it is, how it runs here, and the way to another one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from companion.core.amounts import bytes_text, counted
from companion.core.messages import ModelInfo
from companion.ui.cards import empty, plain_label
from companion.ui.chat.popup_card import PopupCard
from companion.ui.flow_layout import FlowLayout

WIDTH = 440


class ModelCard(PopupCard):
    """Belongs to the model chip."""

    open_requested = Signal()
    starter_requested = Signal()
    reload_requested = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, WIDTH, "About the model")
        self.column.setSpacing(12)
        self._title = QLabel("No model")
        self._title.setProperty("role", "title")
        self._title.setWordWrap(True)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._trouble = QLabel()
        self._trouble.setWordWrap(True)
        self._trouble.setTextFormat(Qt.TextFormat.PlainText)
        self._trouble.hide()
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(16)
        self._facts.setVerticalSpacing(6)
        self._facts.setColumnStretch(1, 1)
        self.column.addWidget(self._title)
        self.column.addWidget(self._trouble)
        self.column.addLayout(self._facts)
        self.column.addLayout(self._buttons())

    def _buttons(self) -> FlowLayout:
        row = FlowLayout()
        for text, signal, role in (
            ("Open a model…", self.open_requested, "primary"),
            ("Use starter model", self.starter_requested, "quiet"),
            ("Reload", self.reload_requested, "quiet"),
        ):
            button = QPushButton(text)
            button.setProperty("role", role)
            button.clicked.connect(self.hide)
            button.clicked.connect(signal)
            row.addWidget(button)
        return row

    def show_model(self, model: ModelInfo) -> None:
        self._title.setText(model.name)
        self._trouble.setVisible(bool(model.notes))
        self._trouble.setText(" ".join(model.notes))
        self._fill(
            (
                ("Kind", f"{model.architecture}, {_count(model.parameters)} parameters"),
                ("Weights", f"{model.quantization}, {model.bits_per_weight:.2f} bits per weight, {bytes_text(model.file_bytes)}"),
                ("Memory", f"{bytes_text(model.memory_bytes)} with this context"),
                ("Context", f"{model.context_tokens:,} of {model.trained_context_tokens:,} tokens it was trained for"),
                ("Runs on", f"{model.device} with {counted(model.threads, 'thread')} ({model.threads_reason})"),
                (
                    "Chat template",
                    "the model's own" if model.chat_template == "model" else f"{model.chat_template_name}, a fallback",
                ),
                ("Adapter", ", ".join(adapter.title for adapter in model.adapters) or "none"),
            )
        )

    def show_trouble(self, sentence: str) -> None:
        """Why the last load failed; the facts of the model before it stay until another is ready."""
        self._trouble.setText(sentence)
        self._trouble.show()

    def _fill(self, rows: tuple[tuple[str, str], ...]) -> None:
        empty(self._facts)
        for number, (name, value) in enumerate(rows):
            label, text = QLabel(name), plain_label("", value)
            label.setProperty("role", "muted")
            self._facts.addWidget(label, number, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(text, number, 1)


def _count(number: int) -> str:
    """'135 million', '1.7 billion'."""
    return f"{number / 1e9:.3g} billion" if number >= 1e9 else f"{number / 1e6:.3g} million"
