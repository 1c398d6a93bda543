"""From tokens to text that can be shown: whole characters only, and nothing of a stop text."""

from __future__ import annotations

import codecs


class TextStream:
    """Bytes in, text out. Text that may turn out to begin a stop text is held back until that is decided."""

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.stopped = False
        """A stop text has appeared; what came before it was returned, the rest is gone."""

    def add(self, data: bytes) -> str:
        """Take a token's bytes; returns what can be shown now."""
        return self._release(self._decoder.decode(data))

    def finish(self) -> str:
        """The reply is over: what was held back, if no stop text came."""
        text = self._release(self._decoder.decode(b"", final=True))
        if self.stopped:
            return text
        text, self._held = text + self._held, ""
        return text

    def _release(self, new: str) -> str:
        if self.stopped:
            return ""
        text = self._held + new
        if not self._stops:
            return text
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = next((n for n in range(min(self._longest - 1, len(text)), 0, -1) if self._may_begin_stop(text[-n:])), 0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _may_begin_stop(self, tail: str) -> bool:
        return any(stop.startswith(tail) for stop in self._stops)
