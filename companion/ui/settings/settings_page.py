"""The page of settings, built from the structs that define them; every change takes effect at once."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.core.fields import fields_of
from companion.core.sampling import PRESETS, Sampling
from companion.core.settings import Settings
from companion.ui.icons import lead_with_icon
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.settings.editors import ChoiceEditor, NumberEditor
from companion.ui.settings.form import Form
from companion.ui.settings.updates_part import UpdatesPart
from companion.ui.theme import Theme

WIDEST = 720
CUSTOM = "Custom"
GROUPS = {
    "You": ("person_name", "send_with_enter", "notify"),
    "Look": ("theme", "font_size", "typing_rhythm", "reduce_motion", "still_on_battery"),
    "Voice": ("speak", "voice", "voice_rate", "voice_pitch"),
    "Replies": ("preset",),
    "Model": ("context_tokens", "threads", "gpu_layers", "fit_model", "embedding_model"),
    "Workshop": ("jobs_on_close", "teach_at_night", "night_begins", "night_ends"),
    "Updates": ("look_for_updates",),
}
"""Fields of Settings by the heading they stand under; a field that is in none of them goes under "More"."""


class SettingsPage(QWidget):
    """Emits the whole settings whenever the person changed something and all of it is sound."""

    changed = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._settings = Settings()
        fields = {field.name: field for field in fields_of(Settings)}
        preset = ChoiceEditor(fields["preset"], (*PRESETS, CUSTOM))
        self._voice = ChoiceEditor(fields["voice"])
        self.offer_voices(())
        grouped = {name for names in GROUPS.values() for name in names}
        groups = GROUPS | ({"More": rest} if (rest := tuple(n for n in fields if n not in grouped)) else {})
        self.forms = {
            title: Form(Settings, theme, names, {"preset": preset, "voice": self._voice}) for title, names in groups.items()
        }
        self.sampling = Form(Sampling, theme)
        self.fold = QPushButton("Sampling")
        self.updates = UpdatesPart()
        self._problem = QLabel()
        self._build()
        for form in self.forms.values():
            form.edited.connect(self._edited)
        self.sampling.edited.connect(self._sampling_edited)
        self.fold.toggled.connect(self._show_sampling)
        theme.changed.connect(self._redraw)
        self._redraw()
        self.load(self._settings)

    def load(self, settings: Settings) -> None:
        """Show these settings; emits nothing."""
        self._settings = settings
        for form in self.forms.values():
            form.load(settings)
        self.sampling.load(settings.sampling)
        self._show_preset()
        self._show_problem()

    def follow(self, settings: Settings) -> None:
        """Show what was changed elsewhere. What is being written and cannot be saved yet is left alone."""
        if settings != self._settings and not self.check():
            self.load(settings)

    def offer_voices(self, names: Sequence[str]) -> None:
        """The voices that the system has."""
        self._voice.offer({"": "The system's choice"} | {name: name for name in names})

    def suggest(self, values: dict[str, int]) -> None:
        """What automatic chose, by field name: where a person starts from who unticks it."""
        for form in self.forms.values():
            for name, row in form.rows.items():
                if name in values and isinstance(row.editor, NumberEditor):
                    row.editor.suggest(values[name])

    def check(self) -> str:
        """Empty when everything on the page can be used, else a sentence that says what cannot."""
        try:
            self._read()
        except msgspec.ValidationError as error:
            # The message ends with the place, such as "- at `$.sampling.stop`".
            name = str(error).rpartition("$.")[2].rstrip("`").partition("[")[0].rpartition(".")[2]
            titles = {field.name: field.title for field in (*fields_of(Settings), *fields_of(Sampling))}
            return f"“{titles.get(name, 'A setting')}” cannot be used like this, so it is not saved yet."
        return ""

    def _read(self) -> Settings:
        changes = {name: value for form in self.forms.values() for name, value in form.values().items()}
        sampling = msgspec.structs.replace(self._settings.sampling, **self.sampling.values())
        read = msgspec.structs.replace(self._settings, **changes, sampling=sampling)
        return msgspec.convert(msgspec.to_builtins(read), Settings)

    def _edited(self, name: str) -> None:
        if name == "preset":
            chosen = self.forms["Replies"].rows["preset"].value()
            if chosen == CUSTOM:
                self.fold.setChecked(True)
            else:
                self.sampling.load(PRESETS[chosen])
        self._tell()

    def _sampling_edited(self) -> None:
        self._show_preset()
        self._tell()

    def _tell(self) -> None:
        self._show_problem()
        if not self.check():
            read = self._read()
            if read != self._settings:
                self._settings = read
                self._tell_in_place(read)

    def _tell_in_place(self, settings: Settings) -> None:
        """Where the person changes something stays under the pointer, also when all above it becomes larger."""
        field = self.focusWidget()
        before = field.mapTo(self, QPoint(0, 0)).y() if field is not None else 0
        self.changed.emit(settings)
        if field is not None:
            QApplication.sendPostedEvents()  # what Qt lays out later it lays out now
            bar = self._area.verticalScrollBar()
            bar.setValue(bar.value() + field.mapTo(self, QPoint(0, 0)).y() - before)

    def _show_preset(self) -> None:
        """The preset follows the values: it is the one that has exactly these, or "Custom"."""
        values = self.sampling.values()
        row = self.forms["Replies"].rows["preset"]
        same = [name for name, preset in PRESETS.items() if msgspec.structs.asdict(preset) == values]
        row.set_value(same[0] if same else CUSTOM)

    def _show_problem(self) -> None:
        problem = self.check()
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    # Layout

    def _build(self) -> None:
        heading = QLabel("Settings")
        heading.setProperty("role", "title")
        self._problem.setProperty("role", "problem")
        self._problem.setWordWrap(True)
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(self._problem)
        for title, form in self.forms.items():
            label = QLabel(title)
            label.setProperty("role", "heading")
            column.addSpacing(12)
            column.addWidget(label)
            column.addWidget(self._card(title, form))
        column.addStretch()
        self._area = scroll_page(column, WIDEST)
        fill_page(self, self._area)

    def _card(self, title: str, form: Form) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(20, 18, 16, 18)
        column.setSpacing(16)
        column.addWidget(form)
        if title == "Replies":
            self.fold.setCheckable(True)
            self.fold.setProperty("role", "fold")
            self.fold.setToolTip("Every value behind the style of reply")
            self.fold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            column.addWidget(self.fold, 0, Qt.AlignmentFlag.AlignLeft)
            column.addWidget(self.sampling)
            self.sampling.hide()
        if title == "Updates":
            column.addWidget(self.updates)
        return card

    def _show_sampling(self, shown: bool) -> None:
        self.sampling.setVisible(shown)
        self._redraw()

    def _redraw(self) -> None:
        lead_with_icon(self.fold, "chevron-down" if self.fold.isChecked() else "chevron-right", self._theme)
