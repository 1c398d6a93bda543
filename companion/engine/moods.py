"""The mood classifier inside the engine: loaded when it is first needed, and never a reason for a reply to fail."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.core.errors import CompanionError, EngineError
from companion.core.moods import Mood

if TYPE_CHECKING:
    from companion.engine.mood_reading import Reading, ReplyMoods

log = logging.getLogger(__name__)
Heard = list[tuple[int, Mood]]
"""Sentences of a reply by their numbers from 0, with their moods."""


class Moods:
    """Reads moods as long as the classifier works; its first failure in a reply is logged, and then nothing is heard."""

    def __init__(self) -> None:
        self._reading: Reading | None = None
        self._reply: ReplyMoods | None = None
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
                self._classifier().read([])
            except Exception:
                self._give_up()

    def begin_reply(self) -> None:
        """What is heard next belongs to a new reply."""
        self._reply = None
        if not self._deaf:
            try:
                from companion.engine.mood_reading import ReplyMoods

                self._reply = ReplyMoods(self._classifier())
            except Exception:
                self._give_up()

    def hear(self, piece: str) -> Heard:
        """The sentences that `piece` ended."""
        try:
            return self._reply.add(piece) if self._reply is not None else []
        except Exception:
            self._give_up()
            return []

    def end_reply(self) -> Heard:
        """The sentence that was left when the reply ended."""
        reply, self._reply = self._reply, None
        try:
            return reply.finish() if reply is not None else []
        except Exception:
            self._give_up()
            return []

    def _classifier(self) -> Reading:
        if self._reading is None:
            from companion.engine.mood_reading import Reading

            self._reading = Reading()
        return self._reading

    def _give_up(self) -> None:
        self._reply, self._deaf = None, True
        log.exception("moods are not heard any more")
