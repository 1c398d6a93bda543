"""Below the switch for updates: the address that is asked, what it last answered, and a button that asks it now."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from companion import __version__
from companion.app.updates import Standing
from companion.core.addresses import host_of
from companion.core.updates import address
from companion.ui.cards import plain_label, say


class UpdatesPart(QWidget):
    look_pressed = Signal()
    page_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.address = QLineEdit(address())  # a label would not break a word as long as this one
        self.address.setReadOnly(True)
        self.address.setCursorPosition(0)
        self.address.setAccessibleName("The address that is asked for the newest version")
        title = QLabel("Address")
        title.setBuddy(self.address)
        self.state = plain_label("caption")
        self.problem = plain_label("problem")
        self.look_button = QPushButton("Look now")
        self.look_button.clicked.connect(self.look_pressed)
        self.page_button = QPushButton("What is new")
        self.page_button.setToolTip("Opens the page of the release in your browser")
        self.page_button.clicked.connect(self.page_pressed)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.look_button)
        buttons.addWidget(self.page_button)
        buttons.addStretch()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for each in (title, self.address, self.state, self.problem):
            column.addWidget(each)
        column.addLayout(buttons)
        self.show_standing(Standing())

    def show_standing(self, standing: Standing) -> None:
        newest = standing.newest
        words = newest.sentence if newest is not None else f"You have Companion {__version__}."
        say(self.state, f"Asking {host_of(self.address.text())} …" if standing.is_asking else words)
        say(self.problem, standing.what, standing.remedy)
        self.page_button.setVisible(newest is not None and newest.is_newer)
