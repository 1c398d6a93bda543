"""Where an entry is told: beside the description, or at a depth of the conversation in somebody's voice."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from companion.ui.characters.editor_fields import CardField, FieldWords
from companion.ui.characters.lore_place import DEEPEST, Place, Spot
from companion.ui.wheel_guard import WheelGuard

SPOTS: Final[tuple[tuple[Spot, str], ...]] = (
    ("before_char", "Before her description"),
    ("after_char", "After her description"),
    ("", "Not set by the card"),
    ("depth", "Within the conversation"),
)
VOICES: Final = (
    ("", "Voice not set"),
    ("system", "As an instruction"),
    ("user", "As if you said it"),
    ("assistant", "As if she said it"),
)
STACK_BELOW: Final = 480


class LorePlaceField(CardField):
    """The depth and the voice are asked for only when they matter."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet = False
        self.spot, self.voice, self.messages_after = QComboBox(), QComboBox(), QSpinBox()
        for box, choices, name in ((self.spot, SPOTS, "Place"), (self.voice, VOICES, "Voice")):
            box.setAccessibleName(name)
            for value, words in choices:
                box.addItem(words, value)
            box.activated.connect(self._tell)
        self.messages_after.setAccessibleName("Depth")
        self.messages_after.setRange(0, DEEPEST)
        self.messages_after.setPrefix("before the newest ")
        self.messages_after.setSuffix(" messages")
        self.messages_after.setSpecialValueText("at the very end")
        self.messages_after.lineEdit().setTextMargins(8, 0, 0, 0)
        self.messages_after.valueChanged.connect(self._tell)
        guard = WheelGuard(self)
        for control in (self.spot, self.voice, self.messages_after):
            guard.watch(control)
        self._build()
        self.set_value(Place())

    def value(self) -> Place:
        chosen = str(self.spot.currentData())
        known: tuple[Spot, ...] = (*(spot for spot, _ in SPOTS), "note")
        return Place(
            spot=next((spot for spot in known if spot == chosen), ""),
            depth=self.messages_after.value(),
            role=str(self.voice.currentData()),
        )

    def set_value(self, value: Place) -> None:
        self._quiet = True
        if value.spot == "note" and self.spot.findData("note") < 0:
            self.spot.addItem("Beside the author's note", "note")
        self.spot.setCurrentIndex(self.spot.findData(value.spot))
        self.voice.setCurrentIndex(max(self.voice.findData(value.role), 0))
        self.messages_after.setValue(value.depth)
        self._detail.setVisible(value.spot == "depth")
        self._quiet = False

    def set_read_only(self, read_only: bool) -> None:
        for control in (self.spot, self.voice, self.messages_after):
            control.setEnabled(not read_only)

    def resizeEvent(self, event: QResizeEvent) -> None:
        narrow = self.width() < STACK_BELOW
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        super().resizeEvent(event)

    def _tell(self) -> None:
        self._detail.setVisible(self.spot.currentData() == "depth")
        if not self._quiet:
            self.edited.emit()

    def _build(self) -> None:
        self._detail = QWidget()
        # Below one another at first: the page must be able to become narrow.
        self._row = QBoxLayout(QBoxLayout.Direction.TopToBottom, self._detail)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self._row.addWidget(self.messages_after)
        self._row.addWidget(self.voice)
        self._row.addStretch()
        spots = QHBoxLayout()
        spots.addWidget(self.spot)
        spots.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(FieldWords("Place", "Where in the prompt it is told."))
        column.addLayout(spots)
        column.addWidget(self._detail)
