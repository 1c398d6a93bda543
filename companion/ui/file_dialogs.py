"""Asking for a file: each question returns None when the person thinks better of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QWidget

if TYPE_CHECKING:
    from companion.app.conversations import Form

CARDS = "Character cards (*.png *.json *.charx)"
CARD_FORMS = {
    "png": "PNG card (*.png)",
    "v3": "JSON, version 3 (*.json)",
    "v2": "JSON, version 2 (*.json)",
    "charx": "CHARX (*.charx)",
}
FORMS: dict[str, Form] = {"Companion, everything (*.jsonl)": "companion", "SillyTavern (*.jsonl)": "sillytavern"}


def ask_for_model(parent: QWidget) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, "Choose a model", "", "Models (*.gguf);;All files (*)")
    return Path(name) if name else None


def ask_for_adapter(parent: QWidget) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, "Choose an adapter", "", "Adapters (*.gguf);;All files (*)")
    return Path(name) if name else None


def ask_for_conversation(parent: QWidget) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, "Import a conversation", "", "Conversations (*.jsonl);;All files (*)")
    return Path(name) if name else None


def ask_where_to_export(parent: QWidget) -> tuple[Path, Form] | None:
    """Where to save, and in which form: the filter chosen says that."""
    name, chosen = QFileDialog.getSaveFileName(parent, "Export the conversation", "conversation.jsonl", ";;".join(FORMS))
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}.jsonl"), FORMS.get(chosen, "companion")) if name else None


def ask_for_cards(parent: QWidget) -> list[Path]:
    """Any number of character cards; none when the person thinks better of it."""
    names, _ = QFileDialog.getOpenFileNames(parent, "Import characters", "", f"{CARDS};;All files (*)")
    return [Path(name) for name in names]


def ask_where_to_export_card(parent: QWidget, character: str, form: str) -> Path | None:
    """Where to save a card; `form` is a key of CARD_FORMS, `character` the name that the file is offered under."""
    suffix = {"png": ".png", "charx": ".charx"}.get(form, ".json")
    name, _ = QFileDialog.getSaveFileName(parent, "Export the character", f"{_file_name(character)}{suffix}", CARD_FORMS[form])
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}{suffix}")) if name else None


def ask_where_to_export_lorebook(parent: QWidget, character: str) -> Path | None:
    """Where to save what `character` remembers."""
    offered = f"{_file_name(character)} remembers.json"
    name, _ = QFileDialog.getSaveFileName(parent, "Export the memories", offered, "Lorebook (*.json)")
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}.json")) if name else None


def ask_for_lorebook(parent: QWidget) -> Path | None:
    """A lorebook of its own, or a card that has one."""
    name, _ = QFileDialog.getOpenFileName(
        parent, "Import a lorebook", "", "Lorebooks and cards (*.json *.png *.charx);;All files (*)"
    )
    return Path(name) if name else None


def ask_for_picture(parent: QWidget, title: str = "Choose a picture", *, drawings: bool = False) -> Path | None:
    """A PNG, JPEG or WebP file; with `drawings`, an SVG file too."""
    svg = " *.svg" if drawings else ""
    name, _ = QFileDialog.getOpenFileName(parent, title, "", f"Pictures (*.png *.jpg *.jpeg *.webp{svg});;All files (*)")
    return Path(name) if name else None


def ask_for_dialogues(parent: QWidget) -> list[Path]:
    """Any number of files to learn from; none when the person thinks better of it."""
    kinds = "Dialogues and texts (*.jsonl *.json *.ndjson *.csv *.tsv *.txt *.md);;All files (*)"
    names, _ = QFileDialog.getOpenFileNames(parent, "Choose dialogues", "", kinds)
    return [Path(name) for name in names]


def ask_for_folder_of_dialogues(parent: QWidget) -> Path | None:
    name = QFileDialog.getExistingDirectory(parent, "Choose a folder with dialogues")
    return Path(name) if name else None


def ask_where_to_export_dialogues(parent: QWidget, suggested: str) -> Path | None:
    """A JSONL file."""
    offered = f"{_file_name(suggested)}.jsonl"
    name, _ = QFileDialog.getSaveFileName(parent, "Export the dialogues", offered, "Dialogues (*.jsonl)")
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}.jsonl")) if name else None


def ask_for_recipe(parent: QWidget) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, "Open a recipe", "", "Recipes (*.toml);;All files (*)")
    return Path(name) if name else None


def ask_where_to_save_recipe(parent: QWidget, suggested: str) -> Path | None:
    name, _ = QFileDialog.getSaveFileName(parent, "Save the recipe", f"{_file_name(suggested)}.toml", "Recipe (*.toml)")
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}.toml")) if name else None


def ask_where_to_save_report(parent: QWidget, suggested: str) -> Path | None:
    name, _ = QFileDialog.getSaveFileName(parent, "Save the report", f"{_file_name(suggested)}.json", "Report (*.json)")
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}.json")) if name else None


def ask_where_to_save_chart(parent: QWidget, suggested: Path) -> Path | None:
    """A PNG or CSV file, by the name that is suggested."""
    form = suggested.suffix.lower()
    kinds = {".png": "Picture (*.png)", ".csv": "Numbers (*.csv)"}
    name, _ = QFileDialog.getSaveFileName(parent, "Save the chart", str(suggested), kinds[form])
    path = Path(name)
    return (path if path.suffix else path.with_name(f"{path.name}{form}")) if name else None


def _file_name(character: str) -> str:
    """What of a name every file system takes."""
    return "".join(letter for letter in character if letter.isalnum() or letter in " -_").strip()[:80] or "character"
