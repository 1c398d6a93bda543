"""Questions for files: where they begin."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from companion.core.last_folder import last_folder
from companion.ui.file_dialogs import ask_for_dialogues, ask_where_to_save_recipe


def test_a_question_begins_where_the_last_file_was_chosen(tmp_path: Path, monkeypatch, qtbot):
    documents, elsewhere = tmp_path / "Documents", tmp_path / "elsewhere"
    for folder in (documents, elsewhere):
        folder.mkdir()
    begun, answers = list[str](), [[], [str(elsewhere / "talks.jsonl")]]

    def ask(_parent: QWidget, _title: str, begins: str, _kinds: str) -> tuple[list[str], str]:
        begun.append(begins)
        return answers.pop(0), ""

    def ask_where(_parent: QWidget, _title: str, begins: str, _kinds: str) -> tuple[str, str]:
        begun.append(begins)
        return begins.removesuffix(".toml"), ""

    monkeypatch.setattr("platformdirs.user_documents_dir", lambda: str(documents))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", ask)  # the system's own window answers to nobody else
    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask_where)
    parent = QWidget()
    qtbot.addWidget(parent)
    assert ask_for_dialogues(parent) == []
    assert ask_for_dialogues(parent) == [elsewhere / "talks.jsonl"]
    assert ask_where_to_save_recipe(parent, "gentle") == elsewhere / "gentle.toml"
    assert begun == [str(documents), str(documents), str(elsewhere / "gentle.toml")]
    elsewhere.rename(tmp_path / "gone")
    assert last_folder() == documents
