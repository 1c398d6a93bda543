"""One model of the catalog: what it is, how it would run here, and its download."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout

from companion.app.downloads import UNDER_WAY, Download
from companion.core.amounts import bytes_text, duration_text
from companion.core.library.catalog import Offer, Outlook
from companion.ui.cards import plain_label
from companion.ui.icons import pixmap
from companion.ui.keyboard import show_some
from companion.ui.theme import BODY, Theme
from companion.ui.workshop.library.words import count_text

STACK_BELOW, NARROWEST = 560, 240
MARK = 18
STEPS = 1000
_FITS = {
    "well": ("check", "ok", "Runs well here"),
    "slow": ("information", "warn", "Slow here"),
    "tight": ("warning", "warn", "Tight here"),
    "no": ("error", "bad", "Too large for this computer"),
}


class OfferCard(QFrame):
    """Shows what it is told and asks for everything else; all signals carry the key of the offer."""

    start_requested = Signal(str)
    stop_requested = Signal(str)
    discard_requested = Signal(str)
    show_requested = Signal(str)

    def __init__(self, theme: Theme, offer: Offer, host: str) -> None:
        super().__init__()
        self._theme = theme
        self.offer = offer
        self._host = host
        self._outlook: Outlook | None = None
        self.download = Download()
        self.setProperty("role", "card")
        self.setAccessibleName(offer.name)
        self.setMinimumWidth(NARROWEST)
        self.fit, self._mark = QLabel(), QLabel()
        self.outlook, self.progress, self.problem = plain_label("muted"), plain_label("caption"), plain_label("problem")
        self.bar = QProgressBar()
        self.main_button, self.other_button = QPushButton(), QPushButton()
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._build()
        self.main_button.clicked.connect(self._press_main)
        self.other_button.clicked.connect(self._press_other)
        theme.changed.connect(self._redraw)

    def show_outlook(self, outlook: Outlook) -> None:
        """How it would run on this machine."""
        self._outlook = outlook
        self.outlook.setText(outlook.sentence)
        self._redraw()

    def show_download(self, download: Download) -> None:
        """How far it is."""
        self.download = download
        state, offer = download.state, self.offer
        under_way = state in UNDER_WAY
        self.bar.setVisible(under_way or (state in ("stopped", "failed") and download.done > 0))
        self.bar.setRange(0, 0 if state == "asking" else STEPS)
        share = download.fraction if state == "checking" else download.done / max(download.bytes or offer.size, 1)
        self.bar.setValue(round(share * STEPS))
        self.progress.setText(self._words())
        self.problem.setVisible(state == "failed")
        self.problem.setText(f"{download.what} {download.remedy}".strip() if state == "failed" else "")
        size = bytes_text(offer.size)
        left = bytes_text(max(offer.size - download.done, 0))
        texts = {"absent": f"Download {size}", "stopped": f"Go on, {left} left", "done": "Show in the library"}
        if state == "failed":
            main = f"Go on, {left} left" if download.done else f"Try again, {size}"
        else:
            main = "Stop" if under_way else texts[state]
        self.main_button.setText(main)
        self.main_button.setAccessibleName(f"{main}: {offer.name}")
        show_some({self.other_button: state in ("stopped", "failed") and download.done > 0}, self.main_button)

    def _words(self) -> str:
        now = self.download
        done = f"{bytes_text(now.done)} of {bytes_text(now.bytes or self.offer.size)}"
        match now.state:
            case "absent" | "failed" if not now.done:
                return f"From {self._host}, and checked against its checksum."
            case "asking":
                return f"Asking {self._host}…"
            case "running":
                speed = f" · {bytes_text(now.bytes_per_second)}/s" if now.bytes_per_second else ""
                left = f" · about {duration_text(now.seconds_left)} left" if now.seconds_left else ""
                return f"{done}{speed}{left} · from {now.host}"
            case "checking":
                return f"All {bytes_text(now.bytes)} are here; checking the checksum…"
            case "done":
                return "On this computer, checksum verified."
        return f"{done} are here."

    def _press_main(self) -> None:
        key = self.offer.key
        if self.download.state in UNDER_WAY:
            self.stop_requested.emit(key)
        elif self.download.state == "done":
            self.show_requested.emit(key)
        else:
            self.start_requested.emit(key)

    def _press_other(self) -> None:
        self.discard_requested.emit(self.offer.key)

    def _redraw(self) -> None:
        if self._outlook is not None:
            name, colour, words = _FITS[self._outlook.fit]
            size = round(MARK * self._theme.font_size / BODY)
            self._mark.setPixmap(pixmap(name, self._theme, colour, size, self.devicePixelRatioF()))
            self.fit.setText(words)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < STACK_BELOW * self._theme.font_size // BODY
        self._row.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)

    def _build(self) -> None:
        offer = self.offer
        name, said, about = QLabel(offer.name), plain_label(""), plain_label("caption")
        name.setProperty("role", "heading")
        said.setText(offer.said)
        languages = ", ".join(offer.languages[:3]) + (f" and {len(offer.languages) - 3} more" if len(offer.languages) > 3 else "")
        parts = (f"{count_text(offer.parameters)} parameters", offer.quantization, languages, f"context {offer.context:,}")
        about.setText(" · ".join((*parts, offer.licence, offer.repository)))
        self.fit.setProperty("role", "heading")
        self.other_button.setText("Discard")
        self.other_button.setProperty("role", "quiet")
        self.other_button.setAccessibleName(f"Discard what was downloaded of {offer.name}")
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(f"Download of {offer.name}")
        verdict = QHBoxLayout()
        verdict.setSpacing(6)
        verdict.addWidget(self._mark)
        verdict.addWidget(self.fit)
        verdict.addStretch(1)
        words = QVBoxLayout()
        words.setSpacing(4)
        for each in (name, said, about):
            words.addWidget(each)
        words.addSpacing(4)
        words.addLayout(verdict)
        words.addWidget(self.outlook)
        buttons = QVBoxLayout()
        buttons.setSpacing(8)
        for button in (self.main_button, self.other_button):
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            buttons.addWidget(button)
        buttons.addStretch(1)
        self._row.setSpacing(16)
        self._row.addLayout(words, 1)
        self._row.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(8)
        column.addLayout(self._row)
        column.addWidget(self.bar)
        column.addWidget(self.progress)
        column.addWidget(self.problem)
