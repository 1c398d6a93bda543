"""Tuning: the settings a model runs best with on this computer, found by trying them; used from its next start on, or now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QGridLayout, QHBoxLayout, QLayout, QPushButton, QVBoxLayout, QWidget

from companion.app.build_plans import Known
from companion.app.engine_state import EngineState
from companion.core.amounts import bytes_text
from companion.core.measured_here import forget_tuning
from companion.core.messages import ModelInfo
from companion.core.tuning import Choice, Trial, TuneWish, TuningFound
from companion.ui.cards import plain_label, say
from companion.ui.flow_layout import FlowLayout
from companion.ui.fold import Fold
from companion.ui.keyboard import pass_on
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.optimize.measure_part import MeasurePart
from companion.ui.workshop.optimize.widths import NARROW, WIDEST

SENTENCE = (
    "Tuning tries threads, batches, the cache and guessing ahead in the middle of a conversation, at rest and beside a busy "
    "program, and keeps what is fastest. Her words stay the same, or move by no more than is said."
)
QUIET = "Leave the computer to it meanwhile, and her, too: what is measured beside other work is not kept."
USED = "The engine uses these settings from the next start of this model on."
IN_USE = "She thinks with these settings now."
RELOADING = "The model is being loaded with them."
NOT_KEPT = "Nothing was changed"
KEPT_BEFORE = "Found before, and used by the engine."
ANSWERING = "She is answering; the model can be loaded anew when she is done."


class TuneView(QWidget):
    """Of one model at a time."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._known: Known | None = None
        self._found: TuningFound | None = None
        """What is shown."""
        self._is_kept = False
        """Whether the engine goes by something that was found of this model, now or before."""
        self._used: dict[Path, str] = {}
        """What is said of the use of what was found since this page was made, by the models."""
        self.quick = QCheckBox("Quick, in 20 seconds")
        self.tune_button, self.use_button = QPushButton("Tune"), QPushButton("Use them now")
        self.back_button = QPushButton("Run as before")
        self.part = MeasurePart(desk, self.tune_button, self, QUIET)
        self.part.set_can_begin(False)
        self.speed, self.use = plain_label("heading"), plain_label("muted")
        self.result = QFrame()
        self.choices, self.trials = QWidget(), QWidget()
        self.fold = Fold(desk.theme, "What was tried")
        self._card, self._tried = QVBoxLayout(self.result), QVBoxLayout()
        self._build()
        self._connect()

    def show_known(self, known: Known) -> None:
        """Another model ends the search of the one before; what was found of this one earlier is shown."""
        is_other = self._known is None or known.model != self._known.model
        self._known = known
        if is_other:
            self.part.stop()
            say(self.part.problem)
            self._found = known.run.tuned if known.run is not None else None
            self._is_kept = self._found is not None
            self.result.setVisible(self._found is not None)
            if self._found is not None:
                self._show_found(self._found)
        self.part.set_can_begin(True)

    def tune(self) -> None:
        """A minute, by a process."""
        if self._known is None:
            return
        if self._found is not None and self._found.notice:  # it was not kept, and another answer is on its way
            self.result.hide()
        gpu_layers = self._desk.preferences.settings.gpu_layers
        self.part.measuring.tune(TuneWish(model=str(self._known.model), gpu_layers=gpu_layers, quick=self.quick.isChecked()))
        self.part.began("Beginning")

    def use_now(self) -> None:
        """Load the model one chats with anew: the engine goes by what was found."""
        if self._known is not None and self._is_loaded:
            self._used[self._known.model] = RELOADING
            self._desk.reload_model()

    def run_as_before(self) -> None:
        """Forget what was found; the model one chats with is loaded anew without it."""
        if self._known is None:
            return
        model = self._known.model
        try:
            forget_tuning(model)
        except OSError as error:
            say(self.part.problem, f"What was found could not be forgotten ({error.strerror}).", "Is the disk full?")
            return
        say(self.part.problem)
        self._found, self._is_kept = None, False
        self._used.pop(model, None)
        pass_on(self.back_button, self.tune_button)
        self.result.hide()
        if self._is_loaded:
            self._desk.reload_model()

    @property
    def _is_loaded(self) -> bool:
        """Whether one chats with the model that is looked at."""
        loaded = self._desk.engine.model
        return loaded is not None and self._known is not None and Path(loaded.path).resolve() == self._known.model

    def _tuned(self, found: TuningFound) -> None:
        if self._known is not None and not found.notice:
            self._used[self._known.model], self._is_kept = USED, True
        self._show_found(found)

    def _show_found(self, found: TuningFound) -> None:
        """What was chosen and what was tried."""
        self._found = found
        self.part.ended()
        self.result.show()
        speeds = f"Writes {found.write:,.0f} tok/s, reads {found.read:,.0f}"
        if found.write_before:
            speeds = (
                f"Writes {found.write_before:,.0f} → {found.write:,.0f} tok/s, reads {found.read_before:,.0f} → {found.read:,.0f}"
            )
        self.speed.setText(NOT_KEPT if found.notice else speeds)
        self.use.setProperty("role", "problem" if found.notice else "muted")
        self.use.style().polish(self.use)
        self._show_use()
        self.choices = self._replaced(self._card, self.choices, _choices(found.choices))
        self.choices.setVisible(not found.notice)  # what was only tried is below
        self.trials = self._replaced(self._tried, self.trials, _trials(found.trials))

    def _show_use(self) -> None:
        """Whether the engine goes by what was found, and the way to that."""
        if self._found is None or self._known is None:
            return
        use = self._used.get(self._known.model, KEPT_BEFORE)
        self.use.setText(" ".join((self._found.notice or use, *self._found.notes)))
        self.use_button.setVisible(use == USED and not self._found.notice and self._is_loaded)
        self.back_button.setVisible(self._is_kept)
        is_answering = self._desk.engine.state is EngineState.ANSWERING
        for button in (self.use_button, self.back_button):  # while one is being loaded nobody knows which that is
            button.setDisabled(is_answering or self._desk.engine.state is EngineState.LOADING)
        self.use_button.setToolTip(ANSWERING if is_answering else "Loads the model again; what you have talked about stays.")

    def _engine_changed(self, state: EngineState) -> None:
        if state is not EngineState.LOADING:  # whatever was under way has ended; `_loaded` says of what is there
            self._used = {model: USED if use == RELOADING else use for model, use in self._used.items()}
        self._show_use()

    def _loaded(self, model: ModelInfo) -> None:
        """Whatever was found of it before is in use from now on."""
        path = Path(model.path).resolve()
        if path in self._used:
            self._used[path] = IN_USE
        self._show_use()

    def _replaced(self, layout: QLayout, old: QWidget, new: QWidget) -> QWidget:
        layout.replaceWidget(old, new)
        new.setVisible(not old.isHidden())
        old.hide()
        old.deleteLater()
        return new

    def _connect(self) -> None:
        self.tune_button.clicked.connect(self.tune)
        measuring, progress = self.part.measuring, self.part.progress
        measuring.progressed.connect(lambda words, share: progress.tell(f"Tuning: {words}", share))
        measuring.model_tuned.connect(self._tuned)
        self.use_button.clicked.connect(self.use_now)
        self.back_button.clicked.connect(self.run_as_before)
        self._desk.engine.model_ready.connect(self._loaded)
        self._desk.engine.state_changed.connect(self._engine_changed)

    def _build(self) -> None:
        self.tune_button.setProperty("role", "primary")
        self.quick.setToolTip("Instead of a minute: fewer settings are tried, and no guessing ahead.")
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.tune_button)
        row.addWidget(self.quick, 1)
        tried = QWidget()
        tried.setLayout(self._tried)
        self._tried.setContentsMargins(20, 0, 0, 0)
        self._tried.addWidget(self.trials)
        self.fold.set_content(tried)
        self.result.setProperty("role", "card")
        self._card.setContentsMargins(16, 14, 16, 16)
        self._card.setSpacing(12)
        self._card.addWidget(self.speed)
        self._card.addWidget(self.use)
        self.back_button.setProperty("role", "quiet")
        buttons = FlowLayout()
        buttons.addWidget(self.use_button)
        buttons.addWidget(self.back_button)
        self._card.addLayout(buttons)
        self._card.addWidget(self.choices)
        self._card.addWidget(self.fold)
        self.result.hide()
        column = QVBoxLayout()
        column.setContentsMargins(0, 24, 0, 32)
        column.setSpacing(12)
        column.addWidget(plain_label("title", "Tune"))
        column.addWidget(plain_label("muted", SENTENCE))
        column.addLayout(row)
        for widget in (self.part.waits, self.part.problem, self.part.progress, self.result):
            column.addWidget(widget)
        column.addStretch(1)
        fill_page(self, scroll_page(column, NARROW, within=WIDEST))


def _choices(choices: Sequence[Choice]) -> QWidget:
    """Setting and value, and the reason below."""
    table = QWidget()
    grid = _grid(table)
    for number, choice in enumerate(choices):
        told = QVBoxLayout()
        told.setSpacing(0)
        told.addWidget(_cell(choice.value, "heading"))
        told.addWidget(_cell(choice.reason, "caption"))
        grid.addWidget(_cell(choice.name[:1].upper() + choice.name[1:], "muted"), number, 0)
        grid.addLayout(told, number, 1)
    grid.setColumnStretch(1, 1)
    return table


def _trials(trials: Sequence[Trial]) -> QWidget:
    table = QWidget()
    grid = _grid(table)
    for column, heading in enumerate(("setting", "value", "reads", "writes", "memory", "")):
        grid.addWidget(_cell(heading, "caption"), 0, column)
    for row, each in enumerate(trials, start=1):
        load = "one core busy" if each.load != "idle" else ""
        moved = f"moves the words by {each.divergence:.4f}" if each.divergence else ""
        told = (
            each.name,
            each.value,
            f"{each.read:,.0f}" if each.read else "–",
            f"{each.write:,.1f}" if each.write else "–",
            bytes_text(each.memory) if each.memory else "–",
            ", ".join(filter(None, (load, moved, each.note))),
        )
        for column, text in enumerate(told):
            grid.addWidget(_cell(text, "caption"), row, column)
    grid.setColumnStretch(5, 1)
    return table


def _grid(table: QWidget) -> QGridLayout:
    grid = QGridLayout(table)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(20)
    grid.setVerticalSpacing(4)
    return grid


def _cell(text: str, role: str) -> QWidget:
    made = plain_label(role, text)
    made.setAlignment(Qt.AlignmentFlag.AlignTop)
    return made
