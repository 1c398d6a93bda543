"""Everything about one entry of a lorebook."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFrame, QLabel, QVBoxLayout

from companion.core.fields import Field
from companion.core.lorebook import LoreEntry
from companion.ui.characters.editor_fields import CardField, LineField, TextField, WordsField
from companion.ui.characters.lore_patterns import pattern_problem
from companion.ui.characters.lore_place import only_slashed_patterns, place_of, told_text, with_case, with_place
from companion.ui.characters.lore_place_field import LorePlaceField
from companion.ui.characters.lorebook_table import called
from companion.ui.characters.token_counts import TokenCounts
from companion.ui.flow_layout import FlowLayout
from companion.ui.settings.editors import NumberEditor
from companion.ui.settings.form import FieldRow
from companion.ui.theme import Theme

ORDER: Final = Field(
    name="insertion_order",
    title="Order",
    sentence="Entries with a lower number come first in the prompt.",
    kind=float,
    optional=False,
    default=100,
    minimum=None,
    maximum=None,
    choices=(),
)
PRIORITY: Final = msgspec.structs.replace(
    ORDER,
    name="priority",
    title="Priority",
    sentence="When there is not enough room, entries with a lower number are left out first.",
    optional=True,
    default=None,
)
MOST_CHECKED: Final = 50
"""Keys whose patterns are tried while somebody types."""
SWITCHES: Final = (
    ("enabled", "On", "Told when it is called up; off keeps it for later."),
    ("constant", "Always told", "Whatever is talked about; its keys are not needed."),
    ("selective", "Needs a second key", "One of the second keys must be met too."),
    ("case_sensitive", "Capitals matter", "“Rose” is not met by “rose”."),
    ("use_regex", "Keys are patterns", "Each key is a regular expression."),
)


class LoreEntryForm(QFrame):
    """Shows an entry and gives it back with what the person changed, and nothing else changed."""

    edited = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._entry = LoreEntry()
        self.name = LineField("Name", "What the list above calls it.")
        sentence = "Words that call it up, with commas between them; /one between slashes/ is a pattern."
        self.keys = WordsField("Keys", sentence, "tea, kettle, cup")
        self.secondary_keys = WordsField("Second keys", "One of these must be met too.")
        self.content = TextField(theme, "What she is told", least_lines=4)
        self.place = LorePlaceField()
        self.order, self.priority = (FieldRow(field, _number(field), theme) for field in (ORDER, PRIORITY))
        self.comment = LineField("Note", "For you; she never reads it.")
        self.switches = {name: QCheckBox(words) for name, words, _ in SWITCHES}
        self._problem = QLabel()
        self._build()
        self._connect()
        self.set_entry(self._entry)

    @property
    def entry(self) -> LoreEntry:
        return self._entry

    def set_entry(self, entry: LoreEntry) -> None:
        """Show an entry; emits nothing, and leaves a field alone that shows it already."""
        self._entry = entry
        shown: tuple[tuple[CardField, object], ...] = (
            (self.name, entry.name),
            (self.keys, entry.keys),
            (self.secondary_keys, entry.secondary_keys),
            (self.comment, entry.comment),
            (self.content, told_text(entry.content)),
            (self.place, place_of(entry)),
        )
        for field, value in shown:
            if field.value() != value:
                field.set_value(value)
        self.order.set_value(entry.insertion_order)
        self.priority.set_value(entry.priority)
        for name, box in self.switches.items():
            box.setChecked(bool(getattr(entry, name)))
        self._redraw()

    def set_read_only(self, read_only: bool) -> None:
        for field in (self.name, self.keys, self.secondary_keys, self.content, self.place, self.comment):
            field.set_read_only(read_only)
        for control in (self.order, self.priority, *self.switches.values()):
            control.setEnabled(not read_only)

    def show_counts(self, counts: TokenCounts) -> None:
        self.content.show_counts(counts)

    # Inside

    def _take(self, entry: LoreEntry) -> None:
        self._entry = entry
        self._redraw()
        self.edited.emit()

    def _change(self, **changes: Any) -> None:
        self._take(msgspec.structs.replace(self._entry, **changes))

    def _switched(self, name: str, on: bool) -> None:
        if name == "case_sensitive":
            self._take(with_case(self._entry, on))
        else:
            self._change(**{name: on})

    def _placed(self) -> None:
        self._take(with_place(self._entry, self.place.value(), self.content.value()))

    def _redraw(self) -> None:
        self.secondary_keys.setVisible(self.switches["selective"].isChecked() or bool(self._entry.secondary_keys))
        unnamed = msgspec.structs.replace(self._entry, name="")
        self.name.line.setPlaceholderText(called(unnamed, quoted=False))  # what the list calls it without one
        slashed = only_slashed_patterns(self._entry)
        self.switches["use_regex"].setVisible(not slashed)
        keys = (*self._entry.keys, *self._entry.secondary_keys)[:MOST_CHECKED]
        uses_regex = self._entry.use_regex and not slashed
        problem = next((found for key in keys if (found := pattern_problem(key, uses_regex=uses_regex))), "")
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    def _connect(self) -> None:
        for name in ("name", "keys", "secondary_keys", "comment"):
            field = getattr(self, name)
            field.edited.connect(lambda name=name, field=field: self._change(**{name: field.value()}))
        for name, box in self.switches.items():
            box.clicked.connect(lambda checked, name=name: self._switched(name, checked))
        for row in (self.order, self.priority):
            row.edited.connect(lambda row=row: self._change(**{row.field.name: _plain(row.value())}))
        self.content.edited.connect(self._placed)
        self.place.edited.connect(self._placed)

    def _build(self) -> None:
        self.setProperty("role", "card")
        self._problem.setProperty("role", "problem")
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        self._problem.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 16, 18)
        column.setSpacing(16)
        for name, words, sentence in SWITCHES:
            self.switches[name].setToolTip(sentence)
            self.switches[name].setAccessibleName(words)
        switches = FlowLayout(8)  # as many beside one another as the letters leave room for
        for box in self.switches.values():
            switches.addWidget(box)
        column.addWidget(self.name)
        column.addLayout(switches)
        for widget in (self.keys, self.secondary_keys, self._problem, self.content, self.place):
            column.addWidget(widget)
        for field in (self.order, self.priority, self.comment):
            column.addWidget(field)


def _number(field: Field) -> NumberEditor:
    """A number whose steps are whole: orders are counted in tens, not in hundredths."""
    editor = NumberEditor(field)
    editor.spin.setSingleStep(1)
    if isinstance(editor.spin, QDoubleSpinBox):
        editor.spin.setDecimals(0)
    return editor


def _plain(number: float | None) -> float | None:
    return int(number) if number is not None and number == int(number) else number
