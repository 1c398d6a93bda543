from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from companion.core.cards.writing import write_lorebook
from companion.core.lorebook import Lorebook, LoreEntry
from companion.ui.characters.editor import CharacterEditor
from companion.ui.characters.lore_entry_form import LoreEntryForm
from companion.ui.characters.lore_patterns import pattern_problem
from companion.ui.characters.lore_place import Place, place_of, told_text, with_case, with_place
from companion.ui.characters.lorebook_editor import LorebookEditor
from companion.ui.characters.lorebook_table import Column
from companion.ui.characters.token_counts import TokenCounts
from companion.ui.theme import Theme
from tests.ui.test_character_editor import MIRA

ENTRIES = (
    LoreEntry(keys=("lamp", "light"), content="The lamp is old.", name="Lamp", extensions=b'{"a":  1}', id=7),
    LoreEntry(keys=("storm",), content="@@depth 2\n@@role system\n@@keep_activate_after_match\nIt storms.", insertion_order=5),
    LoreEntry(keys=("cat",), content="The cat is grey.", enabled=False, comment="Cat", priority=3, position="before_char"),
)
BOOK = Lorebook(name="Island", scan_depth=3, entries=ENTRIES, extensions=b'{"b": 2}', unknown=(("c", b"3"),))


@pytest.fixture
def book(theme: Theme, qtbot) -> LorebookEditor:
    made = LorebookEditor(theme, TokenCounts())
    qtbot.addWidget(made)
    made.set_value(BOOK)
    made.resize(800, 900)
    made.show()
    return made


def cell(book: LorebookEditor, row: int, column: int) -> str:
    return str(book.model.index(row, column).data())


def test_an_entry_without_a_name_shows_what_the_list_calls_it(book: LorebookEditor, qtbot):
    book.view.choose(2)
    assert cell(book, 2, Column.NAME) == "Cat"
    assert (book.form.name.line.text(), book.form.name.line.placeholderText()) == ("", "Cat")
    book.view.choose(1)
    assert book.form.name.line.placeholderText() == cell(book, 1, Column.NAME) == "storm"
    assert book.value().entries == ENTRIES, "only looked at"
    qtbot.keyClicks(book.form.name.line, "S")
    assert cell(book, 1, Column.NAME) == "S"


def test_a_book_that_is_only_looked_at_stays_the_same(book: LorebookEditor):
    for row in range(len(ENTRIES)):
        book.view.choose(row)
        QApplication.processEvents()
    assert book.value() == BOOK


def test_a_card_without_a_book_gets_none_until_there_is_something_in_it(book: LorebookEditor, qtbot):
    book.set_value(None)
    assert book.value() is None
    assert book._empty.isVisible()
    with qtbot.waitSignal(book.edited):
        book.add_button.click()
    qtbot.keyClicks(book.form.name.line, "Lake")
    assert book.value() == Lorebook(entries=(LoreEntry(name="Lake"),))


def test_rows_say_what_matters(book: LorebookEditor):
    assert [cell(book, row, Column.NAME) for row in range(3)] == ["Lamp", "storm", "Cat"]
    assert cell(book, 0, Column.KEYS) == "lamp, light"
    assert [cell(book, row, Column.PLACE) for row in range(3)] == ["Not set", "Depth 2", "Before her"]
    assert cell(book, 1, Column.ORDER) == "5"
    assert cell(book, 0, Column.TOKENS).startswith("≈ ")


def test_editing_an_entry_changes_only_that(book: LorebookEditor, qtbot):
    book.view.choose(0)
    form = book.form
    form.keys.line.end(False)
    form.keys.line.setFocus()
    with qtbot.waitSignal(book.edited):
        qtbot.keyClicks(form.keys.line, ", beam")
    form.switches["constant"].click()
    form.order.editor.spin.setValue(42)
    form.content.edit.setFocus()
    qtbot.keyClicks(form.content.edit, "Look: ")
    wanted = msgspec.structs.replace(
        ENTRIES[0], keys=("lamp", "light", "beam"), constant=True, insertion_order=42, content="Look: The lamp is old."
    )
    assert book.value() == msgspec.structs.replace(BOOK, entries=(wanted, *ENTRIES[1:]))
    assert cell(book, 0, Column.KEYS) == "lamp, light, beam"


def test_every_field_of_an_entry_can_be_changed(book: LorebookEditor, qtbot):
    book.view.choose(2)
    form = book.form
    for name in ("name", "comment"):
        qtbot.keyClicks(getattr(form, name).line, "x")
    for name in ("enabled", "selective", "case_sensitive", "use_regex"):
        form.switches[name].click()
    qtbot.keyClicks(form.secondary_keys.line, "paw, tail")
    form.priority.editor.spin.setValue(9)
    entry = book.model.entry(2)
    assert (entry.name, entry.comment) == ("x", "xCat")
    assert (entry.enabled, entry.selective, entry.case_sensitive, entry.use_regex) == (True, True, True, True)
    assert entry.secondary_keys == ("paw", "tail")
    assert entry.priority == 9


def test_depth_and_voice_are_fields_and_other_decorators_stay_in_the_text(book: LorebookEditor):
    book.view.choose(1)
    form = book.form
    assert form.content.value() == "@@keep_activate_after_match\nIt storms."
    assert form.place.value() == Place(spot="depth", depth=2, role="system")
    form.place.messages_after.setValue(6)
    assert book.model.entry(1).content == "@@depth 6\n@@role system\n@@keep_activate_after_match\nIt storms."
    form.place.spot.setCurrentIndex(form.place.spot.findData("after_char"))
    form.place.spot.activated.emit(form.place.spot.currentIndex())
    assert book.model.entry(1).content == "@@keep_activate_after_match\nIt storms."
    assert book.model.entry(1).position == "after_char"


def test_a_sillytavern_entry_keeps_its_place_where_sillytavern_looks_for_it():
    fields = b'{"position": 4, "depth": 3, "role": 2, "odd": 1.50, "case_sensitive": true}'
    entry = LoreEntry(content="Text", position="after_char", extensions=fields)
    assert place_of(entry) == Place(spot="depth", depth=3, role="assistant")
    moved = with_place(entry, Place(spot="depth", depth=9, role="user"), "Text")
    assert moved.content == "Text"
    assert place_of(moved) == Place(spot="depth", depth=9, role="user")
    assert b"1.50" in moved.extensions
    beside = with_place(entry, Place(spot="before_char"), "Text")
    assert (place_of(beside).spot, beside.position) == ("before_char", "before_char")
    assert b'"case_sensitive":false' in with_case(entry, False).extensions


NO_DEPTH = ("", "plain", "@@role user\nwithout depth", "@@depth 4\n@@@depth 2\nfallback", "@@depth many\nx", "x\n@@depth 4")


@pytest.mark.parametrize("content", [*NO_DEPTH, "@@depth 99999\nx"])
def test_lines_that_are_not_a_plain_depth_stay_in_the_text(content):
    assert told_text(content) == content
    assert with_place(LoreEntry(content=content), Place(), content).content == content


def test_an_invalid_pattern_is_said_in_a_sentence(book: LorebookEditor, qtbot):
    book.view.choose(0)
    form = book.form
    assert not form._problem.isVisible()
    form.keys.line.end(False)
    form.keys.line.setFocus()
    qtbot.keyClicks(form.keys.line, ", (storm")
    assert not form._problem.isVisible()
    form.switches["use_regex"].click()
    assert form._problem.isVisible()
    assert form._problem.text().startswith("“(storm” is not a pattern that can be read")
    assert book.model.entry(0).keys == ("lamp", "light", "(storm")
    form.keys.line.undo()
    assert not form._problem.isVisible()


def test_only_patterns_that_cannot_be_used_are_complained_about():
    for good in ("lamp", "/la+mp/i", r"(?<name>\d+)", r"\p{Lu}x"):
        assert pattern_problem(good, uses_regex=True) == ""
    assert pattern_problem("(plain", uses_regex=False) == ""
    assert "/(x/" in pattern_problem("/(x/", uses_regex=False)
    assert "longer than" in pattern_problem("(a)" * 500, uses_regex=True)
    assert pattern_problem("((a{999}){999}){999}", uses_regex=True)


def test_adding_duplicating_and_deleting_can_be_undone(book: LorebookEditor, qtbot):
    book.view.choose(0)
    book.duplicate_button.click()
    assert book.model.entries() == (ENTRIES[0], msgspec.structs.replace(ENTRIES[0], id=None), *ENTRIES[1:])
    book.view.choose(3)
    book.delete_button.click()
    assert len(book.model.entries()) == 3
    book.add_button.click()
    assert len(book.model.entries()) == 4
    for _ in range(3):
        assert book.undo_button.isVisible()
        book.undo_button.click()
    assert book.model.entries() == ENTRIES
    assert not book.undo_button.isVisible()


def test_what_was_written_after_deleting_survives_the_undo(book: LorebookEditor, qtbot):
    book.view.choose(1)
    qtbot.keyClick(book.view, Qt.Key.Key_Delete)
    book.view.choose(0)
    book.form.name.line.setFocus()
    qtbot.keyClicks(book.form.name.line, "x")
    named = book.form.entry.name
    qtbot.keyClick(book.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert [entry.name for entry in book.model.entries()] == [named, "", ""]
    assert book.model.entries()[1] == ENTRIES[1]


def test_ticking_in_the_table_shows_in_the_form(book: LorebookEditor):
    book.view.choose(0)
    assert book.model.setData(book.model.index(0, Column.ON), Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
    assert book.model.setData(book.model.index(0, Column.ALWAYS), Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert not book.form.switches["enabled"].isChecked()
    assert book.form.switches["constant"].isChecked()
    assert (book.value().entries[0].enabled, book.value().entries[0].constant) == (False, True)


def test_searching_and_sorting_change_only_what_is_seen(book: LorebookEditor, qtbot):
    qtbot.keyClicks(book.search, "GREY")
    assert book.view.filter.rowCount() == 1
    book.view.choose(2)
    book.form.name.line.setFocus()
    qtbot.keyClicks(book.form.name.line, "Tom")
    assert book.model.entry(2).name == "Tom"
    book.search.clear()
    book.view.sortByColumn(Column.ORDER, Qt.SortOrder.AscendingOrder)
    assert book.view.filter.index(0, Column.ORDER).data() == "5"
    assert [entry.content for entry in book.value().entries] == [entry.content for entry in ENTRIES]
    book.add_button.click()
    assert book.form.entry == LoreEntry()
    assert book.model.rowCount() == 4


def test_settings_of_the_book(book: LorebookEditor, qtbot):
    book.scan_depth.editor.spin.setValue(8)
    book.token_budget.editor.automatic.click()
    book.token_budget.editor.spin.setValue(500)
    book.recursive.editor.box.click()
    wanted = msgspec.structs.replace(BOOK, scan_depth=8, token_budget=500, recursive_scanning=True)
    assert book.value() == wanted


def test_a_book_to_look_at_cannot_be_changed(book: LorebookEditor, qtbot):
    book.set_read_only(True)
    qtbot.keyClick(book.view, Qt.Key.Key_Delete)
    book.undo()
    assert not book.model.setData(book.model.index(0, Column.ON), Qt.CheckState.Unchecked.value, Qt.ItemDataRole.CheckStateRole)
    assert not book.model.flags(book.model.index(0, Column.ON)) & Qt.ItemFlag.ItemIsUserCheckable
    assert not book.delete_button.isVisible()
    assert not book.form.switches["enabled"].isEnabled()
    assert book.value() == BOOK


def test_a_lorebook_file_is_added_below_what_there_is_and_can_be_taken_back(book: LorebookEditor, tmp_path: Path, qtbot):
    more = Lorebook(
        name="Harbour", scan_depth=9, entries=(LoreEntry(keys=("boat",), content="Boats.", id=7), LoreEntry(keys=("net",)))
    )
    (tmp_path / "harbour.json").write_bytes(write_lorebook(more))
    with qtbot.waitSignal(book.edited):
        book.take(tmp_path / "harbour.json")
    value = book.value()
    assert value is not None
    assert (value.name, value.scan_depth) == ("Island", 3), "the book's own settings stay"
    assert [entry.keys for entry in value.entries[3:]] == [("boat",), ("net",)]
    assert value.entries[3].id is None, "7 is the lamp's"
    assert book.form.entry.keys == ("boat",)
    assert book.undo_button.toolTip() == "Undo: import 2 entries (Ctrl+Z)"
    book.undo_button.click()
    assert book.value() == BOOK


def test_a_card_without_a_book_takes_the_whole_of_an_imported_one(book: LorebookEditor, tmp_path: Path):
    book.set_value(None)
    (tmp_path / "island.json").write_bytes(write_lorebook(BOOK))
    book.take(tmp_path / "island.json")
    assert book.value() == BOOK


@pytest.mark.parametrize("content", [b"{", b'{"spec": "lorebook_v3", "data": {"entries": []}}'])
def test_a_file_without_entries_is_refused_in_a_sentence(book: LorebookEditor, tmp_path: Path, content: bytes):
    (tmp_path / "odd.json").write_bytes(content)
    book.take(tmp_path / "odd.json")
    assert book._problem.isVisible()
    assert "“odd.json”" in book._problem.text()
    assert book.value() == BOOK


def test_a_sentence_shows_which_entries_it_calls_up(theme: Theme, qtbot):
    editor = CharacterEditor(theme)
    qtbot.addWidget(editor)
    editor.load(msgspec.structs.replace(MIRA, card=msgspec.structs.replace(MIRA.card, lorebook=BOOK)))
    editor.show_section("Lorebook")
    editor.show()
    editor.sections.lorebook.trial.setText("Is the lamp lit in this storm?")
    result = editor.sections.lorebook.trial_result
    qtbot.waitUntil(lambda: result.text() != "")
    assert result.text().startswith("Tells “storm”, “Lamp”, ")
    editor.sections.lorebook.trial.setText("A cat")
    qtbot.waitUntil(lambda: result.text() == "Calls up nothing.")
    assert not editor.unsaved


def test_a_form_left_alone_gives_back_its_entry(theme: Theme, qtbot):
    form = LoreEntryForm(theme)
    qtbot.addWidget(form)
    odd = LoreEntry(keys=(" a ", "b,c"), content="@@role user\n@@depth 3\nx\u00a0y", insertion_order=1e9, case_sensitive=None)
    with qtbot.assertNotEmitted(form.edited):
        form.set_entry(odd)
        form.set_entry(LoreEntry())
        form.set_entry(odd)
    assert form.entry is odd
