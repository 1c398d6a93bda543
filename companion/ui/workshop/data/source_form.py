"""What is said of a dataset, as a form: its name, its licence, whom to name, and who agreed."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import asdict, replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from companion.core.dataset import DatasetSource
from companion.core.fields import Field, fields_of
from companion.ui.settings.editors import Editor
from companion.ui.settings.form import Form
from companion.ui.theme import Theme

LICENCES: Final = (
    "unknown", "private", "CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "Apache-2.0", "MIT", "public domain"
)  # fmt: skip
"""What is offered; any other words can be written."""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What the person says of a dataset."""

    name: Annotated[str, Meta(max_length=120, title="Name", description="What it is called here.")] = ""
    licence: Annotated[
        str, Meta(max_length=200, title="Licence", description="What one may do with it, and with what is learned from it.")
    ] = "unknown"
    attribution: Annotated[
        str, Meta(max_length=1000, title="Whom to name", description="Who made it; many licences ask that they are named.")
    ] = ""
    consent: Annotated[
        str, Meta(max_length=1000, title="Consent", description="Who of those who speak in it agreed that it is learned from.")
    ] = ""


class LicenceEditor(Editor):
    """One of the usual licences, or any words."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.box = QComboBox()
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.addItems(LICENCES)
        self.box.setAccessibleName(field.title)
        line = QLineEdit()
        line.setMaxLength(200)
        line.textEdited.connect(self.edited)
        self.box.setLineEdit(line)
        self.box.activated.connect(self.edited)
        self._adopt(self.box)

    def value(self) -> str:
        return self.box.currentText().strip()

    def set_value(self, value: str) -> None:
        if value != self.value():
            self.box.setCurrentText(value)


class SourceForm(QWidget):
    """`described` is what the form says now."""

    edited = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.form: Form | None = None
        self._given = Described()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    @property
    def is_changed(self) -> bool:
        return self.described() != self._given

    def show_source(self, source: DatasetSource, *, keep: bool = False) -> None:
        """Begin with what is said of it so far; that is what each field is reset to. `keep` what the person has changed."""
        changed = {
            name: value for name, value in asdict(self.described()).items() if keep and value != getattr(self._given, name)
        }
        self._given = Described(name=source.name, licence=source.licence, attribution=source.attribution, consent=source.consent)
        licence = next(field for field in fields_of(Described) if field.name == "licence")
        form = Form(Described, self._theme, editors={"licence": LicenceEditor(licence)}, defaults=self._given)
        form.load(replace(self._given, **changed))
        form.edited.connect(lambda _name: self.edited.emit())
        if self.form is not None:
            self._column.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
        self.form = form
        self._column.addWidget(form)

    def described(self) -> Described:
        if self.form is None:
            return self._given
        values = {name: value.strip() for name, value in self.form.values().items()}
        return Described(**values | {"name": values["name"] or self._given.name, "licence": values["licence"] or "unknown"})
