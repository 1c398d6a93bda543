"""The catalog: models that can be had, smallest first, each with what is foretold of it on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from companion.app.downloads import Download
from companion.core.library.catalog import Offer, Outlook
from companion.ui.scroll_page import fill_page, scroll_page
from companion.ui.theme import Theme
from companion.ui.workshop.library.offer_card import OfferCard

WIDEST = 860


class CatalogView(QWidget):
    """Signals carry the key of an offer."""

    start_requested = Signal(str)
    stop_requested = Signal(str)
    discard_requested = Signal(str)
    show_requested = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.cards: dict[str, OfferCard] = {}
        self.sentence, self.trouble = QLabel(), QLabel()
        self._cards = QVBoxLayout()
        self._build()

    def show_offers(self, offers: Sequence[Offer], host: str) -> None:
        """Once, when the catalog is first looked at."""
        self.sentence.setText(
            f"Small models that are good to talk with. Nothing is fetched before you press Download; then {host} is asked, which "
            "learns your address and which file you want, and nothing else."
        )
        for offer in offers:
            card = self.cards[offer.key] = OfferCard(self._theme, offer, host)
            card.start_requested.connect(self.start_requested)
            card.stop_requested.connect(self.stop_requested)
            card.discard_requested.connect(self.discard_requested)
            card.show_requested.connect(self.show_requested)
            self._cards.addWidget(card)

    def show_outlooks(self, outlooks: Mapping[str, Outlook], judged_by: str) -> None:
        """What is foretold; `judged_by` says what the speeds were judged by, empty when there are none."""
        for key, outlook in outlooks.items():
            self.cards[key].show_outlook(outlook)
        how = f"Speeds are estimates for the processor, judged by {judged_by}."
        self.sentence.setToolTip(how if judged_by else "Speeds are foretold once a model has run here.")

    def show_download(self, key: str, download: Download) -> None:
        if key in self.cards:
            self.cards[key].show_download(download)

    def show_trouble(self, sentence: str) -> None:
        """Why there is no catalog."""
        self.trouble.setText(sentence)
        self.trouble.setVisible(bool(sentence))

    def _build(self) -> None:
        for label, role in ((self.sentence, "muted"), (self.trouble, "problem")):
            label.setProperty("role", role)
            label.setWordWrap(True)
        self.trouble.hide()
        self._cards.setSpacing(12)
        column = QVBoxLayout()
        column.setContentsMargins(0, 8, 0, 32)
        column.setSpacing(12)
        column.addWidget(self.sentence)
        column.addWidget(self.trouble)
        column.addLayout(self._cards)
        column.addStretch(1)
        fill_page(self, scroll_page(column, WIDEST))
