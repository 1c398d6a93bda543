from __future__ import annotations

import random

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QFont, QGuiApplication, QTextCursor
from PySide6.QtTest import QTest

from companion.ui.chat import code_view, highlighter, message_body
from companion.ui.chat.blocks import LONGEST_BLOCK, Block, BlockReader, Code, Prose, Table
from companion.ui.chat.code_view import CodeView
from companion.ui.chat.message_body import LONGEST_SHOWN, MessageBody
from companion.ui.chat.prose_writer import ProseWriter
from companion.ui.chat.text_views import BARE_STYLE, ProseView, TableView, TextView
from companion.ui.palette import DARK, LIGHT, contrast
from companion.ui.theme import Theme

FRAGMENTS = [
    *("# ", "## x\n", "\n", "\n\n", "- ", "* ", "1. ", "2) ", "> ", "```", "~~~", "```py\n", "    ", "  ", "|", "a|b\n"),
    *("---|---\n", "---", "===", "word ", "*em*", "**", "`c`", "<b>", "[x]: http://y\n", "[x]", "![i](u)", "+", "\\", "#", "_"),
]


def read(*pieces: str) -> list[Block]:
    reader, blocks, tail = BlockReader(), list[Block](), ()
    for piece in pieces:
        reading = reader.feed(piece)
        blocks += reading.finished
        tail = reading.tail
    return [*blocks, *tail]


def outline(blocks: list[Block]) -> list[object]:
    return [b if isinstance(b, Code) else (type(b), [(t.type, t.content) for t in b.tokens]) for b in blocks]


@pytest.mark.parametrize("seed", range(8))
def test_a_text_in_pieces_has_the_same_blocks_as_at_once(seed):
    chance = random.Random(seed)
    for _ in range(60):
        text = "".join(chance.choices(FRAGMENTS, k=chance.randint(1, 30)))
        assert outline(read(*text)) == outline(read(text)), repr(text)


def test_fences_tables_and_prose_are_told_apart():
    blocks = read("Look:\n\n```python title=x\nprint(1)\n\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nDone.")
    assert [type(block) for block in blocks] == [Prose, Code, Table, Prose]
    assert blocks[1] == Code("python", "print(1)\n")


def test_a_fence_that_is_never_closed_holds_the_rest():
    assert read("~~~~js\nlet a = 1\n```\n~~~\n") == [Code("js", "let a = 1\n```\n~~~")]


def test_an_endless_paragraph_is_cut_into_blocks():
    blocks = read("word " * LONGEST_BLOCK)
    assert len(blocks) > 4
    assert sum(len(t.content) for b in blocks for t in b.tokens if t.type == "inline") >= 5 * LONGEST_BLOCK - len(blocks)


@pytest.fixture
def body(theme: Theme, qtbot) -> MessageBody:
    made = MessageBody(theme, ProseWriter(theme, "raised"))
    qtbot.addWidget(made)
    made.setStyleSheet(BARE_STYLE)
    made.resize(600, 400)
    return made


def words_of(body: MessageBody) -> list[str]:
    return [part.code.text if isinstance(part, CodeView) else part.toPlainText() for part in body.parts]


def format_at(view: TextView, word: str):
    found = view.document().find(word)
    assert not found.isNull(), word
    return found.charFormat()


def test_html_is_shown_as_text(body: MessageBody):
    body.set_text('<b onclick="x()">bold</b> and <script>alert(1)</script>\n\n<img src="file:///etc/passwd">')
    assert "".join(words_of(body)).count("<") == 5
    assert format_at(body.parts[0], "bold").fontWeight() == QFont.Weight.Normal


def test_only_web_and_mail_links_can_be_opened(body: MessageBody):
    body.set_text(
        "[a](https://a.example) [b](mailto:b@b.example) [c](javascript:alert(1)) [d](file:///etc/passwd) [e](/etc) "
        "![a cat](https://c.example/cat.png) https://bare.example/x."
    )
    assert body.links() == (
        "https://a.example",
        "mailto:b@b.example",
        "https://c.example/cat.png",
        "https://bare.example/x",
    )
    assert "a cat" in words_of(body)[0]
    assert format_at(body.parts[0], "a cat").toolTip() == "https://c.example/cat.png"


def test_nothing_is_fetched(body: MessageBody):
    body.set_text("![x](https://a.example/x.png)")
    view = body.parts[0]
    assert isinstance(view, TextView)
    assert view.loadResource(2, QUrl("https://a.example/x.png")) is None
    assert "\ufffc" not in view.toPlainText()


def test_a_click_on_a_link_says_where_it_leads(body: MessageBody, qtbot):
    body.set_text("[a place](https://a.example/there)")
    size = body.fit(400)
    body.resize(size)
    body.show()
    view = body.parts[0]
    assert isinstance(view, ProseView)
    with qtbot.waitSignal(body.link_activated) as blocker:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.cursorRect(QTextCursor(view.document())).center())
    assert blocker.args == ["https://a.example/there"]


def test_actions_between_asterisks_stand_back(body: MessageBody, theme: Theme):
    body.set_text("*looks up* **Hello** ~~never~~ `code`")
    acted = format_at(body.parts[0], "looks up")
    assert acted.fontItalic()
    assert acted.foreground().color() == theme.colour("muted")
    assert format_at(body.parts[0], "Hello").fontWeight() == QFont.Weight.DemiBold
    assert format_at(body.parts[0], "never").fontStrikeOut()


def test_lists_quotes_headings_and_breaks(body: MessageBody):
    body.set_text("# Sky\none\ntwo\n\n3. three\n4. four\n   - nested\n\n     more\n\n> quoted\n\n---\n\nend")
    assert words_of(body) == ["Sky\none\ntwo\nthree\nfour\nnested\nmore\nquoted\n\nend"]
    document = body.parts[0].document()
    assert document.findBlockByNumber(2).textList().itemText(document.findBlockByNumber(2)) == "3."
    assert document.findBlockByNumber(3).textList() is not None
    assert document.findBlockByNumber(5).textList() is None, "the second paragraph of an item has no mark"


def test_a_table_has_cells_and_its_alignment(body: MessageBody):
    body.set_text("| a | b |\n|---|---:|\n| *1* | 2 |\n| 3 |")
    table = body.parts[0]
    assert isinstance(table, TableView)
    frame = table.document().rootFrame().childFrames()[0]
    assert (frame.rows(), frame.columns()) == (3, 2)
    cell = frame.cellAt(1, 1).firstCursorPosition()
    assert cell.block().text() == "2"
    assert cell.blockFormat().alignment() == Qt.AlignmentFlag.AlignRight


def test_text_from_right_to_left_keeps_its_side(body: MessageBody):
    body.set_text("שלום עולם\n\nhello")
    document = body.parts[0].document()
    assert document.firstBlock().textDirection() is Qt.LayoutDirection.RightToLeft
    assert document.lastBlock().textDirection() is Qt.LayoutDirection.LeftToRight
    assert body.fit(500).width() == 500, "lines hang from the right edge of the whole width"


def test_short_text_takes_only_the_room_it_needs(body: MessageBody):
    body.set_text("Hm?")
    assert body.fit(500).width() < 60


def mixed(size: int) -> str:
    chance = random.Random(7)
    said = ["the *sky* is **clear** and `M31` at https://sky.example/x stands high" for _ in range(3)]
    kinds = [
        lambda: " ".join(chance.choices(said, k=4)),
        lambda: "```python\n" + "\n".join(f"def f{i}(x):\n    return '{i}'  # 星 🌟" for i in range(12)) + "\n```",
        lambda: "\n".join(f"{i}. {said[0]}\n   - deeper" for i in range(1, 7)),
        lambda: "| a | b |\n|---|--:|\n" + "\n".join(f"| *{i}* | {i * i} |" for i in range(6)),
        lambda: f"> {said[0]}\n>\n> > deeper\n\n---\n\n## Next",
        lambda: "שלום עולם, זה ארוך\nline two",
    ]
    text = ""
    while len(text) < size:
        text += chance.choice(kinds)() + "\n\n"
    return text[:size]


def test_a_streamed_reply_ends_as_if_written_at_once(body: MessageBody, theme: Theme, qtbot, qapp, monkeypatch):
    monkeypatch.setattr(message_body, "PAINT_PAUSE", 0)
    monkeypatch.setattr(message_body, "PATIENCE", 0)
    monkeypatch.setattr(message_body, "SHOWN_AT_ONCE", 30_000)
    text, chance = mixed(20_000), random.Random(1)
    body.fit(560)
    at = 0
    while at < len(text):
        size = chance.randint(1, 160)
        body.add_piece(text[at : at + size])
        at += size
        qapp.processEvents()
    qtbot.waitUntil(lambda: not body._pieces)
    streamed = body.fit(560)
    whole = MessageBody(theme, ProseWriter(theme, "raised"))
    qtbot.addWidget(whole)
    whole.set_text(text)
    assert body.text == text
    assert [type(part) for part in body.parts] == [type(part) for part in whole.parts]
    assert words_of(body) == words_of(whole)
    assert streamed == whole.fit(560)


def test_what_is_finished_is_left_alone(body: MessageBody, qapp, monkeypatch):
    monkeypatch.setattr(message_body, "PAINT_PAUSE", 0)
    monkeypatch.setattr(message_body, "PATIENCE", 0)
    for piece in ("First.\n\n```py\na = 1\n", "```\n\nThen"):
        body.add_piece(piece)
        QTest.qWait(5)
    first, code, then = body.parts
    revisions = first.document().revision(), code.text_view.document().revision()
    for piece in (" more", " and more.\n\n", "Another paragraph", "\n\n- item"):
        body.add_piece(piece)
        QTest.qWait(5)
    assert body.parts[:2] == (first, code)
    assert body.parts[2] is then
    assert revisions == (first.document().revision(), code.text_view.document().revision())
    assert then.toPlainText() == "Then more and more.\nAnother paragraph\nitem"


def test_pieces_are_painted_together(body: MessageBody, qtbot):
    painted = []
    body.grew.connect(lambda: painted.append(body.text))
    for letter in "abcdefgh":
        body.add_piece(letter)
    qtbot.waitUntil(lambda: bool(painted))
    QTest.qWait(50)
    assert painted == ["abcdefgh"]


def test_the_end_of_a_reply_is_not_waited_for(body: MessageBody):
    body.add_piece("Hel")
    body.add_piece("lo")
    body.settle("Hello")
    assert words_of(body) == ["Hello"]
    body.settle("Hello there")
    assert words_of(body) == ["Hello there"]


def test_a_very_long_text_is_cut_until_all_of_it_is_wanted(body: MessageBody, qtbot):
    text = "Some words of a long text.\n\n" * 2_000
    body.set_text(text)
    body.resize(body.fit(500))
    body.show()
    qtbot.waitUntil(lambda: not body._revealing.isActive())
    assert LONGEST_SHOWN * 0.9 < sum(map(len, words_of(body))) <= LONGEST_SHOWN
    assert body._show_all.isVisible()
    qtbot.mouseClick(body._show_all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not body._show_all.isVisible(), timeout=20_000)
    assert sum(words.count("Some") for words in words_of(body)) == 2_000


def test_selected_words_are_plain(body: MessageBody):
    body.set_text("One **two**\nthree\n\nfour")
    body.parts[0].selectAll()
    assert body.selected_text() == "One two\nthree\nfour"


# Code


@pytest.fixture
def code(theme: Theme, qtbot) -> CodeView:
    made = CodeView(theme)
    qtbot.addWidget(made)
    made.setStyleSheet(BARE_STYLE)
    made.show_code(Code("python", "def f():\n    return '🌟' + 'x'"))
    made.resize(made.fit(400))
    made.show()
    return made


def colour_at(view: CodeView, line: int, column: int) -> str:
    for stretch in view.text_view.document().findBlockByNumber(line).layout().formats():
        if stretch.start <= column < stretch.start + stretch.length:
            return stretch.format.foreground().color().name().upper()
    return ""


def test_code_is_coloured_in_the_colours_of_the_theme(code: CodeView, qtbot):
    qtbot.waitUntil(lambda: colour_at(code, 1, 18) == DARK.code_string)  # a star takes two UTF-16 units
    assert colour_at(code, 0, 1) == DARK.code_keyword
    assert colour_at(code, 0, 4) == DARK.code_name
    assert colour_at(code, 1, 16) == "", "the operator is plain"


def test_code_of_an_unknown_language_stays_plain():
    assert list(highlighter.line_spans("klingon", "Qapla'")) == []


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_every_colour_of_code_can_be_read(palette):
    for _, token in highlighter._COLOURS:
        assert contrast(getattr(palette, token), palette.bg) >= 4.5, token


def test_code_is_copied_whole(code: CodeView, qtbot, monkeypatch):
    code._copied.setInterval(20)
    assert code_view.COPIED_SHOWN == 1_500
    qtbot.mouseClick(code.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == code.code.text
    assert code.copy_button.toolTip() == "Copied"
    qtbot.waitUntil(lambda: code.copy_button.toolTip() == "Copy code")


def test_long_lines_of_code_are_scrolled_not_wrapped(code: CodeView):
    code.show_code(Code("text", "x" * 500 + "\ny"))
    code.resize(code.fit(300))
    assert code.width() == 300
    assert code.text_view.horizontalScrollBar().maximum() > 0
    assert code.text_view.verticalScrollBar().maximum() == 0


def test_code_grows_without_being_written_again(code: CodeView):
    block = code.text_view.document().firstBlock()
    revision = block.revision()
    code.show_code(Code("python", code.code.text + "\n\nf()"))
    assert code.text_view.toPlainText().endswith("'x'\n\nf()")
    assert block.revision() == revision
    code.show_code(Code("python", "g()"))
    assert code.text_view.toPlainText() == "g()"
