"""What becomes of a running job when the window closes: asked once."""

from __future__ import annotations

from typing import Literal

from PySide6.QtWidgets import QMessageBox, QWidget


def ask_about_job(parent: QWidget, title: str) -> Literal["go on", "pause", ""]:
    """Empty when the person thinks better of closing."""
    box = QMessageBox(parent)
    box.setWindowTitle("Companion")
    box.setText(f"“{title}” is still running.")
    box.setInformativeText(
        "The window can close all the same: the job goes on without it, or pauses until you open Companion again. "
        "Your answer is remembered; Settings has it under “Workshop”."
    )
    go_on = box.addButton("Close, the job goes on", QMessageBox.ButtonRole.AcceptRole)
    pause = box.addButton("Close, the job pauses", QMessageBox.ButtonRole.ActionRole)
    stay = box.addButton("Keep the window open", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(go_on)
    box.setEscapeButton(stay)
    box.exec()
    chosen = box.clickedButton()
    return "go on" if chosen is go_on else "pause" if chosen is pause else ""
