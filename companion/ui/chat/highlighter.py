"""Colours for code, in slices of a few milliseconds so that a long listing never holds up the window."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QTextCharFormat, QTextDocument, QTextLayout

from companion.ui.theme import Theme

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

SLICE_SECONDS = 0.004
LONGEST_CODE = 60_000
"""Characters beyond which code stays plain."""

Spans = tuple[tuple[int, int, str], ...]
"""Coloured stretches of one line: start, length, colour token."""

_COLOURS = (
    ("Comment", "code_comment"),
    ("Keyword", "code_keyword"),
    ("Operator.Word", "code_keyword"),
    ("Literal.String", "code_string"),
    ("Literal.Number", "code_number"),
    ("Name.Function", "code_name"),
    ("Name.Class", "code_name"),
    ("Name.Builtin", "code_name"),
    ("Name.Decorator", "code_number"),
    ("Name.Tag", "code_keyword"),
    ("Name.Attribute", "code_name"),
    ("Generic.Deleted", "bad"),
    ("Generic.Inserted", "ok"),
    ("Generic.Heading", "code_name"),
)


class Highlighter(QObject):
    """Colours the lines of one document; every line is one text block. Runs again after each `start`."""

    def __init__(self, theme: Theme, document: QTextDocument, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._document = document
        self._applied: dict[int, Spans] = {}
        self._work: Iterator[tuple[int, Spans]] | None = None
        self._waiting: tuple[str, str] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._run_slice)

    def start(self, language: str, text: str) -> None:
        """Colour `text`, which the document holds. A run that is under way is finished first: while code streams in,
        starting over with every piece would never get to its end."""
        if not language or len(text) > LONGEST_CODE:
            return
        self._waiting = (language, text)
        self._timer.start()

    def _run_slice(self) -> None:
        if self._work is None:
            if self._waiting is None:
                self._timer.stop()
                return
            self._work, self._waiting = line_spans(*self._waiting), None
        until = perf_counter() + SLICE_SECONDS
        first = last = -1
        for line, spans in self._work:
            if self._apply(line, spans):
                first, last = (line if first < 0 else first), line
            if perf_counter() > until:
                break
        else:
            self._work = None
        if first >= 0:
            begin, end = self._document.findBlockByNumber(first), self._document.findBlockByNumber(last)
            self._document.markContentsDirty(begin.position(), end.position() + end.length() - begin.position())

    def _apply(self, line: int, spans: Spans) -> bool:
        """False when the line already looks like that, or is gone."""
        block = self._document.findBlockByNumber(line)
        if self._applied.get(line) == spans or not block.isValid():
            return False
        self._applied[line] = spans
        ranges = []
        for start, length, token in spans:
            stretch = QTextLayout.FormatRange()
            stretch.start, stretch.length = start, length
            stretch.format = QTextCharFormat()
            stretch.format.setForeground(self._theme.colour(token))
            ranges.append(stretch)
        block.layout().setFormats(ranges)
        return True


def line_spans(language: str, text: str) -> Iterator[tuple[int, Spans]]:
    """The coloured stretches of each line in turn; nothing for a language nobody knows.

    Positions count UTF-16 units, as Qt does.
    """
    lexer = _lexer(language)
    if lexer is None:
        return
    line, column, spans = 0, 0, list[tuple[int, int, str]]()
    for _, kind, words in lexer.get_tokens_unprocessed(text + "\n"):
        colour = _colour(kind)
        for i, part in enumerate(words.split("\n")):
            if i:
                yield line, tuple(spans)
                line, column = line + 1, 0
                spans.clear()
            length = len(part) if part.isascii() else len(part.encode("utf-16-le", errors="surrogatepass")) // 2
            if colour and length:
                spans.append((column, length, colour))
            column += length


@lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    # Imported at the first code: finding a lexer costs 25 ms once.
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language.lower())
    except ClassNotFound:
        return None


@lru_cache(maxsize=512)
def _colour(kind: _TokenType) -> str:
    name = str(kind).removeprefix("Token.")
    return next((colour for prefix, colour in _COLOURS if name == prefix or name.startswith(prefix + ".")), "")
