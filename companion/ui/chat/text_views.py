"""Read-only text that is exactly as tall as what it says: paragraphs and tables of a message."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QMimeData, QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCursor,
    QTextLength,
    QTextOption,
    QTextTable,
    QTextTableCell,
    QTextTableFormat,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QTextEdit, QWidget

from companion.ui.chat.blocks import Prose, Table
from companion.ui.chat.prose_writer import QUOTE, QUOTE_INDENT, RULE, ProseWriter
from companion.ui.theme import Theme

if TYPE_CHECKING:
    from markdown_it.token import Token

CARET_WIDTH = 3
BARE_STYLE = "QTextBrowser, QTextBrowser:focus { background: transparent; border: none; padding: 0; }"
"""Style sheet of whatever holds text views: the application gives every text field a card of its own."""


class TextView(QTextBrowser):
    """Selectable text without scroll bars, frame or background; its owner gives it a width and asks for the height.

    Keys other than copying, the wheel and the context menu go to the message around it.
    """

    link_activated = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.has_caret = False
        """Whether the end of the text shows that more is coming."""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setOpenLinks(False)
        self.setUndoRedoEnabled(False)
        self.viewport().setAutoFillBackground(False)
        document = self.document()
        document.setDocumentMargin(0)
        document.setIndentWidth(22)
        document.setDefaultFont(theme.font())
        self.anchorClicked.connect(self._open)

    def fit(self, width: int) -> QSize:
        """Wrap at `width`; returns the room the text takes."""
        if self.lineWrapColumnOrWidth() != width:
            self.setLineWrapColumnOrWidth(width)
        document = self.document()
        size = document.size()
        used = math.ceil(document.idealWidth()) + (CARET_WIDTH if self.has_caret else 1)
        return QSize(width if self._reads_right_to_left() else min(used, width), math.ceil(size.height()))

    def links(self) -> list[str]:
        found = []
        block = self.document().firstBlock()
        while block.isValid():
            pieces = block.begin()
            while not pieces.atEnd():
                found.append(pieces.fragment().charFormat().anchorHref())
                pieces += 1
            block = block.next()
        return [address for address in found if address]

    def loadResource(self, kind: int, name: QUrl | str) -> None:
        """Nothing is ever fetched for a message."""

    def createMimeDataFromSelection(self) -> QMimeData:
        data = QMimeData()
        data.setText(self.textCursor().selectedText().replace("\u2029", "\n").replace("\u2028", "\n").replace("\ufffc", ""))
        return data

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.selectAll()
        else:
            event.ignore()

    def _open(self, address: QUrl) -> None:
        self.link_activated.emit(address.toString())

    def _reads_right_to_left(self) -> bool:
        """Then lines hang from the right edge, and the view must keep its whole width."""
        block = self.document().firstBlock()
        while block.isValid():
            if block.textDirection() is Qt.LayoutDirection.RightToLeft and block.length() > 1:
                return True
            block = block.next()
        return False


class ProseView(TextView):
    """Paragraphs, lists and quotes. What is settled stays as it is; the rest is written again with every change."""

    def __init__(self, theme: Theme, writer: ProseWriter, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._writer = writer
        self._settled_end = 0
        self._decorated = False

    @property
    def has_settled(self) -> bool:
        return self._settled_end > 0

    def extend(self, settled: Sequence[Prose], tail: Sequence[Prose]) -> None:
        """Replace the old tail by blocks that are settled from now on, and a new tail."""
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        cursor.setPosition(self._settled_end)
        last = cursor.blockFormat()
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        if self._settled_end:
            # An empty block (a rule) takes over the format of what is removed behind it.
            cursor.setBlockFormat(last)
        for block in settled:
            self._writer.write(cursor, block.tokens)
        if settled:
            self._settled_end = cursor.position()
        for block in tail:
            self._writer.write(cursor, block.tokens)
        cursor.endEditBlock()
        kinds = {token.type for block in (*settled, *tail) for token in block.tokens}
        self._decorated = self._decorated or not kinds.isdisjoint({"blockquote_open", "hr"})

    def set_caret(self, shown: bool) -> None:
        if shown != self.has_caret:
            self.has_caret = shown
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._decorated and not self.has_caret:
            return
        painter = QPainter(self.viewport())
        if self._decorated:
            self._draw_bars(painter, event)
        if self.has_caret:
            end = QTextCursor(self.document())
            end.movePosition(QTextCursor.MoveOperation.End)
            place = self.cursorRect(end)
            caret = QRectF(place.left() + 1, place.top() + 2, CARET_WIDTH, place.height() - 4)
            painter.fillRect(caret, self.theme.colour("accent"))
        painter.end()

    def _draw_bars(self, painter: QPainter, event: QPaintEvent) -> None:
        """The line beside a quote, and horizontal rules."""
        layout, line = self.document().documentLayout(), self.theme.colour("muted")
        line.setAlphaF(0.5)
        block = self.document().firstBlock()
        while block.isValid():
            form, place = block.blockFormat(), layout.blockBoundingRect(block)
            if place.top() > event.rect().bottom():
                break
            above = int(block.previous().blockFormat().property(QUOTE) or 0)
            for depth in range(int(form.property(QUOTE) or 0)):
                gap = form.topMargin() if above > depth else 0  # the bar runs through
                painter.fillRect(QRectF(depth * QUOTE_INDENT, place.top() - gap, 3, place.height() + gap), line)
            if form.property(RULE):
                painter.fillRect(QRectF(0, place.center().y(), self.viewport().width(), 1), line)
            block = block.next()


class TableView(TextView):
    """One table; cells wrap."""

    def __init__(self, theme: Theme, writer: ProseWriter, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._writer = writer
        self._table: QTextTable | None = None
        self._shown: list[str] = []
        """What each row says, as written."""

    def show_table(self, table: Table) -> None:
        """While a table is being written, only rows that are new or have changed are touched."""
        rows = _rows(table.tokens)
        columns = len(rows[0]) if rows else 0
        if not columns:
            return
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        if self._table is None or self._table.columns() != columns or len(rows) < len(self._shown):
            self._shown.clear()
            self.document().clear()
            self._table = QTextCursor(self.document()).insertTable(len(rows), columns, self._format())
        elif len(rows) > self._table.rows():
            self._table.appendRows(len(rows) - self._table.rows())
        self._shown += [""] * (len(rows) - len(self._shown))
        for i, row in enumerate(rows):
            source = "\0".join(f"{cell.form.alignment()}{cell.source}" for cell in row)
            if source != self._shown[i]:
                self._shown[i] = source
                for j, cell in enumerate(row[:columns]):
                    self._write_cell(self._table.cellAt(i, j), cell, head=i == 0)
        cursor.endEditBlock()

    def _write_cell(self, place: QTextTableCell, cell: _Cell, *, head: bool) -> None:
        cursor = place.firstCursorPosition()
        cursor.setPosition(place.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        cursor.setBlockFormat(cell.form)
        self._writer.write_inline(cursor, cell.words, strong=head)

    def _format(self) -> QTextTableFormat:
        form = QTextTableFormat()
        form.setCellPadding(6)
        form.setCellSpacing(0)
        form.setBorder(1)
        form.setBorderCollapse(True)
        form.setBorderStyle(QTextTableFormat.BorderStyle.BorderStyle_Solid)
        form.setBorderBrush(self.theme.colour("line"))
        form.setHeaderRowCount(1)
        form.setWidth(QTextLength(QTextLength.Type.VariableLength, 0))
        return form


class _Cell(NamedTuple):
    source: str
    words: Sequence[Token]
    form: QTextBlockFormat


def _rows(tokens: Sequence[Token]) -> list[list[_Cell]]:
    rows: list[list[_Cell]] = []
    form = QTextBlockFormat()
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type in {"th_open", "td_open"}:
            form = QTextBlockFormat()
            form.setAlignment(_ALIGNMENTS.get(str(token.attrGet("style") or ""), Qt.AlignmentFlag.AlignLeft))
        elif token.type == "inline":
            rows[-1].append(_Cell(token.content, token.children or [], form))
    return rows


_ALIGNMENTS = {"text-align:right": Qt.AlignmentFlag.AlignRight, "text-align:center": Qt.AlignmentFlag.AlignHCenter}
