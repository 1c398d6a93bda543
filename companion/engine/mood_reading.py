"""The moods of a reply while it is being written, sentence by sentence."""

from __future__ import annotations

from companion.core.moods import Mood, SentenceStream
from companion.mood.classifier import MoodReader


class Reading:
    """The classifier, loaded when it is first needed (0.03 s)."""

    def __init__(self) -> None:
        self._reader: MoodReader | None = None

    def read(self, texts: list[str]) -> list[Mood]:
        """Raises CompanionError when the classifier's file is missing or damaged."""
        if self._reader is None:
            self._reader = MoodReader.load()
        return self._reader.read(texts)


class ReplyMoods:
    """Reads one reply; make a new one for each, from the same Reading."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._stream = SentenceStream()
        self._count = 0

    def add(self, piece: str) -> list[tuple[int, Mood]]:
        """The sentences that `piece` completed: their place in the reply, from 0, and their moods."""
        return self._read(self._stream.add(piece))

    def finish(self) -> list[tuple[int, Mood]]:
        """The rest, when the reply has ended."""
        return self._read(self._stream.finish())

    def _read(self, sentences: list[str]) -> list[tuple[int, Mood]]:
        if not sentences:
            return []
        first, self._count = self._count, self._count + len(sentences)
        return list(enumerate(self._reading.read(sentences), first))
