"""Choosing conversations to learn from: a list to tick."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget


class ConversationChoice(QDialog):
    def __init__(self, parent: QWidget, titles: Mapping[str, str], chosen: Sequence[str]) -> None:
        """`titles` by source, such as “conversation:12”."""
        super().__init__(parent)
        self.setWindowTitle("Conversations to learn from")
        self.resize(420, 480)
        sentence = QLabel("She learns from her own replies in them; those you marked as bad are left out.")
        sentence.setProperty("role", "muted")
        sentence.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Conversations")
        for source, title in titles.items():
            item = QListWidgetItem(title)
            item.setData(Qt.ItemDataRole.UserRole, source)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if source in chosen else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        column.addWidget(sentence)
        column.addWidget(self.list, 1)
        column.addWidget(buttons)

    def chosen(self) -> list[str]:
        items = (self.list.item(row) for row in range(self.list.count()))
        return [item.data(Qt.ItemDataRole.UserRole) for item in items if item.checkState() is Qt.CheckState.Checked]


def ask_for_conversations(parent: QWidget, titles: Mapping[str, str], chosen: Sequence[str]) -> list[str] | None:
    """Sources in the order of the list; None when the person thinks better of it."""
    dialog = ConversationChoice(parent, titles, chosen)
    return dialog.chosen() if dialog.exec() == QDialog.DialogCode.Accepted else None
