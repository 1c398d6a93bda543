"""Cards that are dragged over the gallery: which files count, and what is said of them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData

from companion.app.characters import CARD_ENDINGS


def cards_in(dragged: QMimeData) -> list[Path]:
    """Files on this computer that may be cards; the reader looks inside them later."""
    files = [Path(url.toLocalFile()) for url in dragged.urls() if url.isLocalFile()] if dragged.hasUrls() else []
    return [file for file in files if file.suffix.lower() in CARD_ENDINGS]


def drop_words(cards: int) -> str:
    return "Drop the card to import it" if cards == 1 else f"Drop {cards} cards to import them"
