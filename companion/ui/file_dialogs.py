"""Asking for a file: each question returns None when the person thinks better of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QWidget

if TYPE_CHECKING:
    from companion.app.conversations import Form

FORMS: dict[str, Form] = {"Companion, everything (*.jsonl)": "companion", "SillyTavern (*.jsonl)": "sillytavern"}


def ask_for_model(parent: QWidget) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, "Choose a model", "", "Models (*.gguf);;All files (*)")
    return Path(name) if name else None


def ask_for_conversation(parent: QWidget) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, "Import a conversation", "", "Conversations (*.jsonl);;All files (*)")
    return Path(name) if name else None


def ask_where_to_export(parent: QWidget) -> tuple[Path, Form] | None:
    """Where to save, and in which form: the filter chosen says that."""
    name, chosen = QFileDialog.getSaveFileName(parent, "Export the conversation", "conversation.jsonl", ";;".join(FORMS))
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}.jsonl"), FORMS.get(chosen, "companion")) if name else None
