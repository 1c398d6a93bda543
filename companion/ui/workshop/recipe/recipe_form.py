"""The form of any recipe, made from its struct: what matters first, a preset, and every table folded away below.

The same class serves every kind of recipe: a field that is added to a struct is in its form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from companion.core.errors import RecipeError
from companion.core.fields import Field, fields_of
from companion.core.recipes.files import Recipe, checked_recipe
from companion.core.recipes.parts import Part
from companion.ui.fold import Fold
from companion.ui.settings.editors import ChoiceEditor, Editor
from companion.ui.settings.form import FieldRow, Form, longest_texts
from companion.ui.theme import Theme
from companion.ui.workshop.recipe.recipe_editors import recipe_editor

CUSTOM = "custom"


class RecipeForm(QWidget):
    """Holds a recipe of one kind; `recipe` is what the form says now."""

    edited = Signal()

    def __init__(
        self,
        default: Recipe,
        theme: Theme,
        *,
        first: Sequence[str],
        presets: Mapping[str, Recipe],
        editors: Mapping[str, Editor] | None = None,
        own: Sequence[str] = (),
    ) -> None:
        """`first` are the fields that stand on top; `editors` replaces the usual editor of a field or of “table.field”; no preset
        changes the tables `own`."""
        super().__init__()
        self._theme = theme
        self._default = default
        self._kind = type(default)
        self._values: dict[str, Any] = msgspec.structs.asdict(default)
        self._editors = dict(editors or {})
        self._presets = presets
        self._own = frozenset(own)
        self.top = Form(self._kind, theme, first, self._made(self._kind, first), default)
        self.preset = ChoiceEditor(_PRESET, (*presets, CUSTOM))
        self.folds: dict[str, Fold] = {}
        self.forms: dict[str, Form] = {}
        """Of the tables that were opened."""
        self._rest = tuple(field.name for field in fields_of(self._kind) if field.name not in first)
        self._build(has_presets=bool(presets))
        self.top.edited.connect(self._edited_top)
        self.preset.edited.connect(self._take_preset)
        self._follow()

    def recipe(self) -> Recipe:
        """What the form says. Raises RecipeError when it cannot be carried out."""
        return checked_recipe(replace(self._default, **self._values))

    def values(self) -> dict[str, Any]:
        """Fields and tables as they stand, whether or not they can be carried out."""
        return dict(self._values)

    def problem(self) -> str:
        """What cannot be carried out as it stands, empty when all is well."""
        try:
            self.recipe()
        except RecipeError as error:
            return f"{error.what} {error.remedy}"
        return ""

    def load(self, recipe: Recipe) -> None:
        """Show this recipe, which is of the form's kind; emits nothing."""
        self._values = msgspec.structs.asdict(recipe)
        self.top.load(recipe)
        for name, form in self.forms.items():
            form.load(recipe if name == _REST else self._values[name])
        self._follow()

    def set_value(self, name: str, value: Any) -> None:
        """Change one of the fields on top, or a whole table; emits nothing."""
        self._values[name] = value
        if name in self.top.rows:
            self.top.rows[name].set_value(value)
        elif name in self.forms:
            self.forms[name].load(value)
        self._follow()

    def open(self, table: str) -> Form:
        """Unfold a table; returns its form."""
        self.folds[table].set_open(True)
        return self.forms[table]

    # Inside

    def _made(self, struct: type[msgspec.Struct], names: Sequence[str], table: str = "") -> dict[str, Editor]:
        fields, longest = {field.name: field for field in fields_of(struct)}, longest_texts(struct)
        prefix = f"{table}." if table else ""
        return {name: self._editors.get(prefix + name) or recipe_editor(fields[name], longest.get(name)) for name in names}

    def _build(self, *, has_presets: bool) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(20)
        column.addWidget(self.top)
        usual = next((name for name, preset in self._presets.items() if preset == self._default), CUSTOM)
        row = FieldRow(replace(_PRESET, default=usual), self.preset, self._theme)
        row.setVisible(has_presets)
        self._preset_row = row
        column.addWidget(row)
        heading = QLabel("Every knob")
        heading.setProperty("role", "heading")
        column.addWidget(heading)
        tables = QVBoxLayout()
        tables.setSpacing(14)
        column.addLayout(tables)
        for name, value in self._values.items():
            if isinstance(value, Part):
                self._add_fold(tables, name, name.capitalize(), (type(value).__doc__ or "").partition("\n")[0])
        if self._rest:
            self._add_fold(tables, _REST, "More", "What else the recipe has.")

    def _add_fold(self, column: QVBoxLayout, name: str, title: str, sentence: str) -> None:
        fold = Fold(self._theme, title, sentence)
        fold.toggled.connect(lambda is_open, name=name: self._open(name) if is_open else None)
        self.folds[name] = fold
        column.addWidget(fold)

    def _open(self, name: str) -> None:
        """Made only now: a recipe has a hundred fields, and few people open a table."""
        if name in self.forms:
            return
        if name == _REST:
            form = Form(self._kind, self._theme, self._rest, self._made(self._kind, self._rest), self._default)
            form.load(replace(self._default, **self._values))
        else:
            value = self._values[name]
            names = [field.name for field in fields_of(type(value))]
            made = self._made(type(value), names, name)
            form = Form(type(value), self._theme, names, made, getattr(self._default, name))
            form.load(value)
        form.setContentsMargins(20, 0, 0, 8)
        form.edited.connect(lambda field, name=name: self._edited(name, field))
        self.forms[name] = form
        self.folds[name].set_content(form)

    def _edited_top(self, name: str) -> None:
        self._values[name] = self.top.rows[name].value()
        self._changed()

    def _edited(self, table: str, name: str) -> None:
        value = self.forms[table].rows[name].value()
        if table == _REST:
            self._values[name] = value
        else:
            self._values[table] = replace(self._values[table], **{name: value})
        self._changed()

    def _take_preset(self) -> None:
        """The preset's values, with the files, names and tables that are the person's own."""
        chosen = self.preset.value()
        if chosen in self._presets:
            own = {name: self._values[name] for name in (*(field.name for field in fields_of(self._kind)), *self._own)}
            self.load(replace(self._presets[chosen], **own))
        self._changed()

    def _changed(self) -> None:
        self._follow()
        self.edited.emit()

    def _follow(self) -> None:
        """The preset is the one that has exactly these values; every fold says how much in it is not as usual."""
        tables = {name: value for name, value in self._values.items() if isinstance(value, Part)}
        set_by = {name: value for name, value in tables.items() if name not in self._own}
        same = [name for name, preset in self._presets.items() if all(getattr(preset, table) == v for table, v in set_by.items())]
        self._preset_row.set_value(same[0] if same else CUSTOM)
        for name, fold in self.folds.items():
            if name == _REST:
                count = sum(self._values[field] != getattr(self._default, field) for field in self._rest)
            else:
                default = getattr(self._default, name)
                count = sum(getattr(tables[name], field) != getattr(default, field) for field in default.__struct_fields__)
            fold.set_note(f"{count} changed" if count else "")


_REST = ""
_PRESET = Field(
    name="preset",
    title="Preset",
    sentence="A named set of all values below; changing one of them makes it your own.",
    kind=str,
    optional=False,
    default=CUSTOM,
    minimum=None,
    maximum=None,
    choices=(),
)
