"""The mood classifier inside the engine: loaded when it is first needed, and never a reason for a reply to fail."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.core.errors import CompanionError, EngineError
from companion.core.moods import Mood, SentenceStream

if TYPE_CHECKING:
    from companion.mood.classifier import MoodReader

log = logging.getLogger(__name__)
Heard = list[tuple[int, Mood]]
"""Sentences of a reply by their numbers from 0, with their moods."""


class Moods:
    """Reads moods as long as the classifier works; its first failure in a reply is logged, and then nothing is heard."""

    def __init__(self) -> None:
        self._reader: MoodReader | None = None
        self._sentences = SentenceStream()
        self._count = 0
        """Sentences of the reply that have been heard."""
        self._deaf = False

    def read(self, texts: Sequence[str]) -> tuple[Mood, ...]:
        """Raises CompanionError when the classifier is missing or broken."""
        try:
            return tuple(self._classifier().read(list(texts)))
        except CompanionError:
            raise
        except Exception as error:
            log.exception("moods cannot be read")
            raise EngineError("Moods cannot be read.", "Install Companion again; a file of it may be damaged.") from error

    def prepare(self) -> None:
        """Load the classifier ahead of the first reply: it takes a tenth of a second."""
        if not self._deaf:
            try:
                self._classifier()
            except Exception:
                self._give_up()

    def begin_reply(self) -> None:
        """What is heard next belongs to a new reply."""
        self._sentences, self._count = SentenceStream(), 0

    def hear(self, piece: str) -> Heard:
        """The sentences that `piece` ended."""
        return self._heard(self._sentences.add(piece))

    def end_reply(self) -> Heard:
        """The sentence that was left when the reply ended."""
        return self._heard(self._sentences.finish())

    def _heard(self, sentences: list[str]) -> Heard:
        if self._deaf or not sentences:
            return []
        try:
            moods = self._classifier().read(sentences)
        except Exception:
            self._give_up()
            return []
        first, self._count = self._count, self._count + len(sentences)
        return list(enumerate(moods, first))

    def _classifier(self) -> MoodReader:
        if self._reader is None:
            from companion.mood.classifier import MoodReader

            self._reader = MoodReader.load()
        return self._reader

    def _give_up(self) -> None:
        self._deaf = True
        log.exception("moods are not heard any more")
