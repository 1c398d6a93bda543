"""How many tokens texts take: an estimate at once, the model's own count as soon as the engine has told it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, QTimer, Signal

from companion.core.prompts.token_estimate import estimate_tokens

QUIET_MS = 500
PATIENCE_MS = 5000
"""An engine that has not answered after this long has no model, or something better to do."""
MOST_TEXTS, MOST_CHARACTERS = 200, 200_000
"""Of one request, so that counting a large lorebook never holds up a reply for long."""
MOST_KEPT = 16_000_000
"""Characters of texts whose counts are remembered: a large card, and what was typed into it lately."""


class TokenCounts(QObject):
    """Remembers counts by text. Texts that are `wanted` and unknown are asked for once nobody types any more."""

    count_requested = Signal(tuple)
    changed = Signal()
    """Counts became exact, or may not be believed any more."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._exact = _Remembered()
        self._estimates = _Remembered()
        self._wanted: tuple[str, ...] = ()
        self._asked: tuple[str, ...] = ()
        self._quiet = self._timer(QUIET_MS, self._ask)
        self._patience = self._timer(PATIENCE_MS, self._give_up)

    def count(self, text: str) -> int:
        """Exact when it is known, else an estimate."""
        if text in self._exact:
            return self._exact[text]
        if text not in self._estimates:
            self._estimates.remember(text, estimate_tokens(text) if text else 0)
        return self._estimates[text]

    def is_exact(self, *texts: str) -> bool:
        return all(not text or text in self._exact for text in texts)

    def words(self, *texts: str) -> str:
        """Such as “142 tokens” or, for an estimate, “≈ 142 tokens”; empty when there is nothing to count."""
        number = sum(self.count(text) for text in texts)
        unit = "token" if number == 1 else "tokens"
        return f"{'' if self.is_exact(*texts) else '≈ '}{number:,} {unit}" if any(texts) else ""

    def want(self, texts: Iterable[str]) -> None:
        """These are shown now, the most important first."""
        self._wanted = tuple(texts)
        self._quiet.start()

    def set_counts(self, counts: tuple[int, ...], texts: tuple[str, ...]) -> None:
        """The engine's answer about these texts; one that does not fit them is ignored."""
        if not texts or len(texts) != len(counts):
            return
        for text, count in zip(texts, counts, strict=True):
            self._exact.remember(text, count)
        if texts == self._asked:
            self._asked = ()
            self._patience.stop()
        self.changed.emit()
        self._quiet.start()

    def forget(self) -> None:
        """Another model counts differently."""
        self._exact.clear()
        self._asked = ()
        self.changed.emit()
        self._quiet.start()

    def _ask(self) -> None:
        if self._asked:
            return  # the answer, or the end of patience, asks again
        chosen: list[str] = []
        room = MOST_CHARACTERS
        for text in dict.fromkeys(self._wanted):
            if not text or text in self._exact or len(text) > room:
                continue
            chosen.append(text)
            room -= len(text)
            if len(chosen) == MOST_TEXTS:
                break
        if chosen:
            self._asked = tuple(chosen)
            self._patience.start()
            self.count_requested.emit(self._asked)

    def _give_up(self) -> None:
        self._asked = ()  # the next change asks again

    def _timer(self, ms: int, act: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(ms)
        timer.timeout.connect(act)
        return timer


class _Remembered(dict[str, int]):
    """Counts by text. While somebody types into a long text, every letter makes another long text: it begins anew in time."""

    def __init__(self) -> None:
        super().__init__()
        self._characters = 0

    def remember(self, text: str, count: int) -> None:
        if self._characters > MOST_KEPT:
            self.clear()
            self._characters = 0
        self._characters += len(text)
        self[text] = count
