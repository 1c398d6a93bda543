"""Every setting of a quantization as a form: an adapter to work in, dialogues to calibrate with, how carefully it is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout

from companion.core.recipes.quantize import PRESETS, USUAL, Budget
from companion.ui.scroll_page import in_the_middle
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.recipe.choosers import FileChoiceEditor
from companion.ui.workshop.recipe.recipe_page import WIDEST, RecipeKind, RecipePage

QUANTIZE = RecipeKind(
    "Quantize",
    USUAL,
    PRESETS,
    ("model", "adapter", "data_files", "character", "name"),
    can_estimate=False,
    own=("budget",),
)
SENTENCE = (
    "Everything that a build can be told: what it may cost, an adapter that is worked into it, dialogues of yours to measure "
    "with, which types are tried, and how carefully."
)


class QuantizeRecipe(RecipePage):
    """Model and budget go along from the sliders and back to them."""

    simple_requested = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "Quantize", SENTENCE, (QUANTIZE,))
        self.simple_button = QPushButton("‹ Simple")
        self.simple_button.setProperty("role", "quiet")
        self.simple_button.setToolTip("Back to the chart and the sliders.")
        self.simple_button.clicked.connect(self.simple_requested)
        row = QHBoxLayout()
        row.setContentsMargins(0, 8, 0, 4)
        row.addWidget(self.simple_button, 0, Qt.AlignmentFlag.AlignLeft)
        if isinstance(outer := self.layout(), QVBoxLayout):
            outer.insertLayout(0, in_the_middle(row, WIDEST, right=34))  # as the form below, which has a scroll bar
        self.form.open("budget")
        self._usual = self._besides()
        self._library = desk.library()
        self._library.changed.connect(self._offer_adapters)
        self.form.edited.connect(self._offer_adapters)
        self._offer_adapters()

    @property
    def model(self) -> Path:
        """The one that is chosen."""
        return Path(str(self.form.values()["model"]) or self._desk.model_of_now).resolve()

    @property
    def budget(self) -> Budget:
        budget = self.form.values()["budget"]
        return budget if isinstance(budget, Budget) else Budget()

    @property
    def is_changed(self) -> bool:
        """Whether something is set of which the sliders know nothing."""
        return self._besides() != self._usual

    def take(self, model: Path, budget: Budget) -> None:
        """What was chosen with the sliders; everything else stays."""
        self.form.set_value("model", str(model))
        self.form.set_value("budget", budget)
        self._offer_adapters()
        self._changed()

    def _besides(self) -> dict[str, Any]:
        return {name: value for name, value in self.form.values().items() if name not in ("model", "budget", "name")}

    def _offer_adapters(self) -> None:
        """Those of the library that suit the model, or may."""
        collection, editor = self._library.collection, self.form.top.rows["adapter"].editor
        if collection is None or not isinstance(editor, FileChoiceEditor):
            return
        model = next((item for item in collection.items if item.kind == "model" and item.path.resolve() == self.model), None)
        adapters = [item for item in collection.items if item.kind == "adapter" and not item.what]
        suiting = [item for item in adapters if model is None or collection.family.suits(item, model) is not False]
        editor.offer({"": "None"} | {str(item.path): item.name for item in suiting})
