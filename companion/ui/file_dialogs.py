"""Asking for a file: each question returns None when the person thinks better of it.

It begins in the folder where something was chosen last, at first in that of the person's documents.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QWidget

from companion.core.last_folder import last_folder, remember_folder

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
    return _open(parent, "Choose a model", "Models (*.gguf);;All files (*)")


def ask_for_adapter(parent: QWidget) -> Path | None:
    return _open(parent, "Choose an adapter", "Adapters (*.gguf);;All files (*)")


def ask_for_conversation(parent: QWidget) -> Path | None:
    return _open(parent, "Import a conversation", "Conversations (*.jsonl);;All files (*)")


def ask_where_to_export(parent: QWidget) -> tuple[Path, Form] | None:
    """Where to save, and in which form: the filter chosen says that."""
    offered = str(last_folder() / "conversation.jsonl")
    name, chosen = QFileDialog.getSaveFileName(parent, "Export the conversation", offered, ";;".join(FORMS))
    path = _chosen(name)
    return (_with_ending(path, ".jsonl"), FORMS.get(chosen, "companion")) if path is not None else None


def ask_for_cards(parent: QWidget) -> list[Path]:
    """Any number of character cards; none when the person thinks better of it."""
    return _open_many(parent, "Import characters", f"{CARDS};;All files (*)")


def ask_where_to_export_card(parent: QWidget, character: str, form: str) -> Path | None:
    """Where to save a card; `form` is a key of CARD_FORMS, `character` the name that the file is offered under."""
    suffix = {"png": ".png", "charx": ".charx"}.get(form, ".json")
    return _save(parent, "Export the character", f"{_file_name(character)}{suffix}", CARD_FORMS[form], suffix)


def ask_where_to_export_lorebook(parent: QWidget, character: str) -> Path | None:
    """Where to save what `character` remembers."""
    offered = f"{_file_name(character)} remembers.json"
    return _save(parent, "Export the memories", offered, "Lorebook (*.json)", ".json")


def ask_for_lorebook(parent: QWidget) -> Path | None:
    """A lorebook of its own, or a card that has one."""
    return _open(parent, "Import a lorebook", "Lorebooks and cards (*.json *.png *.charx);;All files (*)")


def ask_for_picture(parent: QWidget, title: str = "Choose a picture", *, drawings: bool = False) -> Path | None:
    """A PNG, JPEG or WebP file; with `drawings`, an SVG file too."""
    svg = " *.svg" if drawings else ""
    return _open(parent, title, f"Pictures (*.png *.jpg *.jpeg *.webp{svg});;All files (*)")


def ask_for_dialogues(parent: QWidget) -> list[Path]:
    """Any number of files to learn from; none when the person thinks better of it."""
    kinds = "Dialogues and texts (*.jsonl *.json *.ndjson *.csv *.tsv *.txt *.md);;All files (*)"
    return _open_many(parent, "Choose dialogues", kinds)


def ask_for_folder_of_dialogues(parent: QWidget) -> Path | None:
    name = QFileDialog.getExistingDirectory(parent, "Choose a folder with dialogues", str(last_folder()))
    if not name:
        return None
    remember_folder(Path(name).parent)
    return Path(name)


def ask_where_to_export_dialogues(parent: QWidget, suggested: str) -> Path | None:
    """A JSONL file."""
    offered = f"{_file_name(suggested)}.jsonl"
    return _save(parent, "Export the dialogues", offered, "Dialogues (*.jsonl)", ".jsonl")


def ask_for_recipe(parent: QWidget) -> Path | None:
    return _open(parent, "Open a recipe", "Recipes (*.toml);;All files (*)")


def ask_where_to_save_recipe(parent: QWidget, suggested: str) -> Path | None:
    return _save(parent, "Save the recipe", f"{_file_name(suggested)}.toml", "Recipe (*.toml)", ".toml")


def ask_where_to_save_report(parent: QWidget, suggested: str) -> Path | None:
    return _save(parent, "Save the report", f"{_file_name(suggested)}.json", "Report (*.json)", ".json")


def ask_where_to_save_chart(parent: QWidget, suggested: Path) -> Path | None:
    """A PNG or CSV file, by the name that is suggested."""
    form = suggested.suffix.lower()
    kinds = {".png": "Picture (*.png)", ".csv": "Numbers (*.csv)"}
    return _save(parent, "Save the chart", str(suggested), kinds[form], form)


def _open(parent: QWidget, title: str, kinds: str) -> Path | None:
    name, _ = QFileDialog.getOpenFileName(parent, title, str(last_folder()), kinds)
    return _chosen(name)


def _open_many(parent: QWidget, title: str, kinds: str) -> list[Path]:
    names, _ = QFileDialog.getOpenFileNames(parent, title, str(last_folder()), kinds)
    if names:
        remember_folder(Path(names[0]).parent)
    return [Path(name) for name in names]


def _save(parent: QWidget, title: str, offered: str, kind: str, ending: str) -> Path | None:
    """`ending` is that of a name without one; `offered` may be a whole path."""
    name, _ = QFileDialog.getSaveFileName(parent, title, str(last_folder() / offered), kind)
    path = _chosen(name)
    return _with_ending(path, ending) if path is not None else None


def _chosen(name: str) -> Path | None:
    if not name:
        return None
    remember_folder(Path(name).parent)
    return Path(name)


def _with_ending(path: Path, ending: str) -> Path:
    return path if path.suffix else path.with_name(f"{path.name}{ending}")


def _file_name(character: str) -> str:
    """What of a name every file system takes."""
    return "".join(letter for letter in character if letter.isalnum() or letter in " -_").strip()[:80] or "character"
