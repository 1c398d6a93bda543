"""Which model a page works on: the one of now, or any other of the library."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from companion.core.amounts import bytes_text
from companion.core.library.collection import Collection
from companion.core.paths import starter_model
from companion.ui.elided_combo import ElidedComboBox
from companion.ui.wheel_guard import WheelGuard
from companion.ui.workshop.desk import Desk


class ModelChoice(QWidget):
    """A line with a menu, filled as soon as the library has been read."""

    chosen = Signal(object)
    """Path: another model than before, by the person or because she thinks with another one now."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._is_fixed = False
        """Whether the person has chosen; else it follows what she thinks with."""
        self.model: Path | None = None
        self.box = ElidedComboBox()
        self.box.setAccessibleName("Model")
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(24)
        self.box.activated.connect(self._activated)
        WheelGuard(self).watch(self.box)
        self._library = desk.library()
        self._library.changed.connect(self._collected)
        desk.engine.model_ready.connect(lambda _info: self.follow())
        label = QLabel("Model")
        label.setBuddy(self.box)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(label)
        row.addWidget(self.box, 1)
        self.follow()

    def refresh(self) -> None:
        """Look for models again."""
        self._library.refresh()

    def follow(self) -> None:
        """Choose what she thinks with now, unless the person has chosen another one."""
        if self._is_fixed:
            return
        loaded, starter = self._desk.engine.model, starter_model()
        path = loaded.path if loaded is not None else self._desk.preferences.settings.model or str(starter or "")
        if path:
            self._take(Path(path))

    def choose(self, model: Path) -> None:
        """As the person does."""
        self._is_fixed = True
        self._take(model)

    def _take(self, model: Path) -> None:
        model = model.resolve()
        if self.box.findData(str(model)) < 0:
            self._add(model, model.stem, model.stat().st_size if model.is_file() else 0)
        self.box.setCurrentIndex(self.box.findData(str(model)))
        self.box.setToolTip(str(model))
        if model != self.model:
            self.model = model
            self.chosen.emit(model)

    def _collected(self, collection: Collection) -> None:
        self.box.clear()
        for item in collection.items:
            if item.kind == "model" and not item.what and not item.parts:
                self._add(item.path.resolve(), item.name, item.bytes)
        if self.model is not None:
            self._take(self.model)

    def _add(self, model: Path, name: str, size: int) -> None:
        self.box.addItem(f"{name} · {bytes_text(size)}" if size else name, str(model))
        self.box.setItemData(self.box.count() - 1, str(model), Qt.ItemDataRole.ToolTipRole)

    def _activated(self) -> None:
        self.choose(Path(self.box.currentData()))
