"""Writes Markdown tokens into a text document, format by format: no HTML is built, so none can be smuggled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtGui import QBrush, QTextBlockFormat, QTextCharFormat, QTextCursor, QTextFormat, QTextList, QTextListFormat

from companion.ui.theme import Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

QUOTE = QTextFormat.Property.UserProperty.value + 1
"""Block property: how deep in quotes a block stands; the view draws the bars."""
RULE = QTextFormat.Property.UserProperty.value + 2
"""Block property: the block is a horizontal rule; the view draws it."""

LINE_BREAK = "\u2028"
PARAGRAPH_GAP, ITEM_GAP, HEADING_GAP = 12, 4, 16
QUOTE_INDENT = 14
HEADING_SIZES = {"h1": 20, "h2": 17, "h3": 15}
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>\"“”]+", re.IGNORECASE)


def allowed_link(address: str) -> str:
    """The address when a click may open it (http, https, mailto), else nothing."""
    return address if _ADDRESS.fullmatch(address) else ""


@dataclass
class _List:
    made: QTextListFormat
    tight: bool = True
    items: QTextList | None = None
    pending: bool = False
    """An item was opened and its first block has not come yet."""


@dataclass(frozen=True)
class _Style:
    """What the inline tokens around a piece of text ask for."""

    strong: bool = False
    emphasis: bool = False
    struck: bool = False
    code: bool = False
    quoted: bool = False
    size: int = 14
    link: str = ""


class ProseWriter:
    """One per kind of bubble: `ground` is the token the text stands on, `code_ground` the one behind inline code."""

    def __init__(self, theme: Theme, code_ground: str) -> None:
        self._theme = theme
        self._code_ground = code_ground
        self._formats: dict[_Style, QTextCharFormat] = {}
        self._reset()

    def forget_colours(self) -> None:
        """Call when the theme has changed."""
        self._formats.clear()

    def write(self, cursor: QTextCursor, tokens: Sequence[Token]) -> None:
        """Append the tokens of one block at the cursor, which stands at the end of its document."""
        self._reset()
        self._cursor = cursor
        for token in tokens:
            if token.type == "inline":
                self.write_inline(cursor, token.children or [], strong=self._strong)
            else:
                self._write_block(token)

    def write_inline(self, cursor: QTextCursor, tokens: Sequence[Token], *, strong: bool = False) -> None:
        """Text and its emphasis, code, links and line breaks."""
        bold, italic, struck, link = int(strong), 0, 0, ""
        for token in tokens:
            style = _Style(bold > 0, italic > 0, struck > 0, token.type == "code_inline", self._quotes > 0, self._size, link)
            match token.type:
                case "text" | "code_inline" | "html_inline":
                    self._insert(cursor, token.content, style)
                case "softbreak" | "hardbreak":
                    cursor.insertText(LINE_BREAK, self.format(style))
                case "strong_open" | "strong_close":
                    bold += token.nesting
                case "em_open" | "em_close":
                    italic += token.nesting
                case "s_open" | "s_close":
                    struck += token.nesting
                case "link_open":
                    link = allowed_link(str(token.attrGet("href") or ""))
                case "link_close":
                    link = ""
                case "image":  # never fetched: its description, leading to where it is
                    source = link or allowed_link(str(token.attrGet("src") or ""))
                    words = token.content or "picture"
                    cursor.insertText(words, self.format(_Style(quoted=self._quotes > 0, size=self._size, link=source)))

    def format(self, style: _Style) -> QTextCharFormat:
        if style not in self._formats:
            self._formats[style] = self._made(style)
        return self._formats[style]

    def _reset(self) -> None:
        self._lists: list[_List] = []
        self._quotes = 0
        self._size = 14
        self._strong = False
        self._cell = 0

    def _insert(self, cursor: QTextCursor, text: str, style: _Style) -> None:
        """Addresses written out become links."""
        if style.link or style.code or ":" not in text:
            cursor.insertText(text, self.format(style))
            return
        end = 0
        for match in _ADDRESS.finditer(text):
            address = match[0].rstrip(".,;:!?'*_)" if "(" not in match[0] else ".,;:!?'*_")
            cursor.insertText(text[end : match.start()], self.format(style))
            linked = _Style(style.strong, style.emphasis, style.struck, False, style.quoted, style.size, address)
            cursor.insertText(address, self.format(linked))
            end = match.start() + len(address)
        cursor.insertText(text[end:], self.format(style))

    def _write_block(self, token: Token) -> None:
        if "list" in token.type:
            self._write_list(token)
            return
        match token.type:
            case "blockquote_open" | "blockquote_close":
                self._quotes += token.nesting
            case "paragraph_open":
                if self._lists:
                    self._lists[-1].tight = token.hidden
                self._begin_block(self._paragraph_gap())
            case "heading_open":
                self._size, self._strong = HEADING_SIZES.get(token.tag, 14), True
                self._begin_block(HEADING_GAP)
            case "heading_close":
                self._size, self._strong = 14, False
            case "hr":
                self._begin_block(PARAGRAPH_GAP, rule=True)
            case "fence" | "code_block":  # inside a list or a quote: at the margin it has a view of its own
                self._begin_block(ITEM_GAP, code=True)
                code = token.content.removesuffix("\n").replace("\n", LINE_BREAK)
                self._cursor.insertText(code, self.format(_Style(code=True, size=13)))
            case "tr_open":
                self._cell = 0
                self._begin_block(ITEM_GAP)
            case "th_open" | "td_open":
                if self._cell:
                    self._cursor.insertText("  |  ", self.format(_Style(quoted=True)))
                self._cell += 1

    def _write_list(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append(self._opened_list(token))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._lists[-1].pending = True
            case "list_item_close":
                if self._lists[-1].pending:  # an item without words still has its mark
                    self._begin_block(ITEM_GAP)

    def _opened_list(self, token: Token) -> _List:
        form = QTextListFormat()
        form.setIndent(len(self._lists) + 1)
        if token.type == "ordered_list_open":
            form.setStyle(QTextListFormat.Style.ListDecimal)
            form.setNumberSuffix(token.markup)
            form.setStart(int(token.attrGet("start") or 1))
        else:
            styles = (QTextListFormat.Style.ListDisc, QTextListFormat.Style.ListCircle)
            form.setStyle(styles[len(self._lists) % 2])
        return _List(form)

    def _paragraph_gap(self) -> int:
        if not self._lists:
            return PARAGRAPH_GAP
        innermost = self._lists[-1]
        if innermost.pending and innermost.items is None and len(self._lists) == 1:
            return PARAGRAPH_GAP
        return ITEM_GAP if innermost.tight else ITEM_GAP * 2

    def _begin_block(self, gap: int, *, rule: bool = False, code: bool = False) -> None:
        cursor = self._cursor
        form = QTextBlockFormat()
        form.setTopMargin(0 if cursor.position() == 0 else gap)
        least = self._theme.font(round(self._size * 20 / 14)).pixelSize()
        form.setLineHeight(least, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
        if self._quotes:
            form.setLeftMargin(QUOTE_INDENT * self._quotes)
            form.setProperty(QUOTE, self._quotes)
        if rule:
            form.setProperty(RULE, True)
        if code:
            form.setBackground(QBrush(self._theme.colour(self._code_ground)))
        inside = self._lists[-1] if self._lists else None
        if inside is not None and not inside.pending:
            form.setIndent(len(self._lists))
        base = self.format(_Style(strong=self._strong, quoted=self._quotes > 0, size=self._size))
        if cursor.position() == 0:
            cursor.setBlockFormat(form)
            cursor.setBlockCharFormat(base)
        else:
            cursor.insertBlock(form, base)
        if inside is not None and inside.pending:
            inside.pending = False
            if inside.items is None:
                inside.items = cursor.createList(inside.made)
            else:
                inside.items.add(cursor.block())

    def _made(self, style: _Style) -> QTextCharFormat:
        made = QTextCharFormat()
        font = self._theme.font(13 if style.code and style.size == 14 else style.size, 600 if style.strong else 400, style.code)
        font.setItalic(style.emphasis)
        font.setStrikeOut(style.struck)
        made.setFont(font)
        # Asterisks are how characters act: *looks up* stands back behind what is said.
        made.setForeground(self._theme.colour("muted" if style.emphasis or style.quoted else "text"))
        if style.code:
            made.setBackground(self._theme.colour(self._code_ground))
        if style.link:
            made.setAnchor(True)
            made.setAnchorHref(style.link)
            made.setForeground(self._theme.colour("accent2"))
            made.setFontUnderline(True)
            made.setToolTip(escape(style.link))
        return made
