from __future__ import annotations

import msgspec
import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton

from companion.core.character import Asset, Card, Character, CharacterOptions
from companion.core.character_library import built_in_character
from companion.core.lorebook import Lorebook, LoreEntry
from companion.core.persona import Persona
from companion.ui.characters.editor import PREVIEW_FROM, CharacterEditor
from companion.ui.characters.editor_macros import MACROS
from companion.ui.characters.editor_sections import TITLES
from companion.ui.theme import Theme

CARD = Card(
    name="Mira",
    nickname="Mi",
    description="{{char}} keeps a\u00a0lighthouse.",
    personality="Dry",
    scenario="A storm",
    first_mes="Come in, {{user}}.",
    mes_example="<START>\n{{char}}: Mind the step.",
    creator_notes="<b>bold</b> notes",
    system_prompt="{{original}} Be brief.",
    post_history_instructions="Stay warm.",
    alternate_greetings=("You again.", "Wipe your feet."),
    tags=("adult", "sea, salt"),
    creator="Somebody",
    character_version="2",
    lorebook=Lorebook(name="Island", entries=(LoreEntry(keys=("lamp",), content="The lamp is old."),), extensions=b'{"x": 1.0}'),
    group_only_greetings=("All together now.",),
    creator_notes_multilingual=(("nl", "Hallo"),),
    source=("https://example.org",),
    assets=(Asset(type="icon", uri="embeded://a.png", name="main", ext="png"),),
    creation_date=1,
    extensions=b'{"depth_prompt": {"prompt": "x"},  "other": 1.50}',
    unknown=(("future", b"[1, 2]"),),
)
MIRA = Character(identifier="mira", card=CARD)


@pytest.fixture
def editor(theme: Theme, qtbot) -> CharacterEditor:
    made = CharacterEditor(theme)
    qtbot.addWidget(made)
    made.resize(1200, 900)
    made.load(MIRA)
    made.show()
    return made


def write(qtbot, editor: CharacterEditor, field: str, text: str) -> None:
    shown = editor.sections.fields[field]
    control = shown.focusProxy()
    control.setFocus()
    qtbot.keyClicks(control, text)


def told(editor: CharacterEditor) -> str:
    return "\n".join(part.text for part in editor.preview.parts)


def test_a_card_that_is_only_looked_at_stays_the_same_to_the_byte(editor: CharacterEditor):
    for title in TITLES:
        editor.show_section(title)
        QApplication.processEvents()
    assert editor.card() == CARD
    assert not editor.unsaved
    assert not editor.header.save.isEnabled()


def test_saving_keeps_what_the_editor_does_not_show(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "personality", "Kind. ")
    with qtbot.waitSignal(editor.save_requested) as signal:
        editor.header.save.click()
    assert signal.args == [msgspec.structs.replace(CARD, personality="Kind. Dry"), None]


def test_a_no_break_space_survives_writing_beside_it(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "description", "Yes. ")
    assert editor.card().description == "Yes. {{char}} keeps a\u00a0lighthouse."


def test_every_text_of_the_card_can_be_changed(editor: CharacterEditor, qtbot):
    names = ("name", "nickname", "creator", "character_version", "creator_notes", "description", "personality", "scenario")
    names += ("first_mes", "mes_example", "system_prompt", "post_history_instructions")
    for name in names:
        write(qtbot, editor, name, "x")
        assert getattr(editor.card(), name) == f"x{getattr(CARD, name)}"


def test_html_is_shown_as_text(editor: CharacterEditor, qtbot):
    assert editor.sections.fields["creator_notes"].edit.toPlainText() == "<b>bold</b> notes"
    editor.load(Character(identifier="evil", card=Card(name="<img src='http://x'>")))
    editor.sections.fields["creator"].line.textEdited.emit("x")
    write(qtbot, editor, "creator", "x")
    editor.leave()
    assert editor.bar.words.textFormat() == Qt.TextFormat.PlainText
    assert editor.header.name.textFormat() == Qt.TextFormat.PlainText


def test_tags_with_commas_inside_survive(editor: CharacterEditor, qtbot):
    line = editor.sections.fields["tags"].line
    assert line.text() == "adult, sea\\, salt"
    line.setCursorPosition(len(line.text()))
    line.setFocus()
    qtbot.keyClicks(line, ", calm")
    assert editor.card().tags == ("adult", "sea, salt", "calm")


# Preview and counts


def test_typing_changes_the_preview_a_moment_later(editor: CharacterEditor, qtbot):
    qtbot.waitUntil(lambda: "lighthouse" in told(editor))
    write(qtbot, editor, "scenario", "At dusk. ")
    assert "At dusk" not in told(editor)
    qtbot.waitUntil(lambda: "At dusk. A storm" in told(editor))


def test_the_preview_names_the_person_and_fills_the_macros(editor: CharacterEditor, qtbot):
    editor.set_persona(Persona(name="Sam"))
    qtbot.waitUntil(lambda: "Come in, Sam." in told(editor))
    assert "Mi keeps" in told(editor)
    assert {part.role for part in editor.preview.parts} >= {"system", "assistant"}
    assert "Come in, Sam." in editor.preview.text.toPlainText()
    assert not editor.preview.text.acceptRichText()


def test_a_narrow_page_shows_the_preview_in_place_of_the_fields(editor: CharacterEditor):
    editor.resize(PREVIEW_FROM - 200, 800)
    assert not editor.preview.isVisible()
    editor.header.preview.click()
    assert editor.preview.isVisible()
    assert not editor.section_bar.isVisible()
    editor.header.preview.click()
    assert editor.section_bar.isVisible()
    editor.resize(PREVIEW_FROM + 100, 800)
    assert editor.preview.isVisible()
    assert editor.section_bar.isVisible()
    assert not editor.header.preview.isVisible()


def test_counts_are_estimates_until_the_engine_has_counted(editor: CharacterEditor, qtbot):
    count = editor.sections.fields["scenario"].words.count
    assert count.text().startswith("≈ ")
    with qtbot.waitSignal(editor.count_requested) as signal:
        pass
    texts = signal.args[0]
    assert {"A storm", "The lamp is old.", "You again."} <= set(texts)
    editor.set_token_counts(tuple(7 for _ in texts), texts)
    assert count.text() == "7 tokens"
    assert editor.header.total.accessibleName() == "35 tokens in every prompt, 77 tokens in the whole card"


def test_an_answer_that_does_not_fit_is_ignored_and_a_late_one_is_not_mistaken(editor: CharacterEditor, qtbot):
    with qtbot.waitSignal(editor.count_requested) as signal:
        pass
    editor.set_token_counts((1,), signal.args[0])
    assert editor.sections.fields["scenario"].words.count.text().startswith("≈ ")
    editor.set_token_counts((1,), ("A storm",))
    assert editor.sections.fields["scenario"].words.count.text() == "1 token"


def test_a_card_that_fills_half_the_context_is_warned_about_in_words(editor: CharacterEditor):
    assert not editor.warning.isVisible()
    editor.set_context_tokens(40)
    assert editor.warning.isVisible()
    assert "more than half of the 40 tokens" in editor.warning.text()
    editor.set_context_tokens(4096)
    assert not editor.warning.isVisible()


# Unsaved changes


def test_leaving_with_unsaved_changes_asks_first(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "scenario", "x")
    with qtbot.assertNotEmitted(editor.closed):
        editor.header.back.click()
    assert editor.bar.isVisible()
    assert editor.bar.words.text() == "You changed Mira. Save or discard?"
    editor.bar.keep.click()
    assert not editor.bar.isVisible()
    assert editor.unsaved
    assert not editor.leave()
    with qtbot.waitSignal(editor.closed):
        editor.bar.discard.click()
    assert editor.card() == CARD


def test_saving_from_the_question_leaves_once_it_is_saved(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "scenario", "x")
    editor.leave()
    with qtbot.assertNotEmitted(editor.closed):
        editor.bar.save.click()
    with qtbot.waitSignal(editor.closed):
        editor.load(Character(identifier="mira", card=msgspec.structs.replace(editor.card(), modification_date=5)))
    assert not editor.unsaved


def test_leaving_without_changes_just_leaves(editor: CharacterEditor, qtbot):
    with qtbot.waitSignal(editor.closed):
        assert editor.leave()


def test_a_save_that_failed_leaves_everything_unsaved(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "scenario", "x")
    editor.save()
    assert editor.unsaved
    assert editor.header.save.isEnabled()


def test_what_is_typed_while_the_card_is_being_saved_stays_unsaved(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "scenario", "x")
    editor.save()
    saved = editor.card()
    write(qtbot, editor, "personality", "y")
    editor.load(Character(identifier="mira", card=saved))
    assert editor.unsaved
    assert editor.card() == msgspec.structs.replace(saved, personality="yDry")
    assert not editor.bar.isVisible()


def test_another_character_in_between_loses_nothing(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "scenario", "x")
    editor.load(Character(identifier="other", card=Card(name="Other")))
    assert not editor.unsaved
    editor.load(MIRA)
    assert editor.card().scenario == "xA storm"
    assert editor.bar.isVisible()
    assert editor.header.save.isEnabled()


def test_ctrl_s_saves(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "scenario", "x")
    with qtbot.waitActive(editor):
        editor.activateWindow()
    with qtbot.waitSignal(editor.save_requested):
        qtbot.keyClick(editor.sections.fields["scenario"].edit, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)


def test_undoing_by_hand_makes_it_unchanged_again(editor: CharacterEditor, qtbot):
    write(qtbot, editor, "scenario", "x")
    assert editor.unsaved
    editor.sections.fields["scenario"].edit.undo()
    assert not editor.unsaved
    assert not editor.header.save.isEnabled()


def test_a_character_without_a_name_cannot_be_saved_and_says_so(editor: CharacterEditor, qtbot):
    line = editor.sections.name.line
    line.selectAll()
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    assert editor.unsaved
    assert not editor.header.save.isEnabled()
    assert "needs a name" in editor.sections.name.words.sentence.text()
    with qtbot.assertNotEmitted(editor.save_requested):
        editor.save()


# The built-in character


def test_the_built_in_character_can_be_looked_at_and_copied_but_not_changed(editor: CharacterEditor, qtbot):
    editor.load(built_in_character())
    before = editor.card()
    for name in ("name", "description", "system_prompt"):
        write(qtbot, editor, name, "x")
    assert editor.card() == before
    assert not editor.unsaved
    assert not editor.header.save.isVisible()
    for title in TITLES:
        editor.show_section(title)
        shown = [button for button in editor.findChildren(QPushButton) if button.isVisible()]
        assert not any(button.text().startswith("Add") for button in shown), title
    with qtbot.waitSignal(editor.copy_requested) as signal:
        editor.header.copy.click()
    assert signal.args == [""]


def test_options_of_the_built_in_character_are_the_persons(editor: CharacterEditor, qtbot):
    editor.load(built_in_character())
    editor.show_section("Memory")
    with qtbot.waitSignal(editor.options_changed) as signal:
        editor.sections.options.rows()["remember"].editor.box.click()
    assert signal.args == [CharacterOptions(remember=False)]


# The rest


def test_a_macro_is_written_where_the_cursor_stands_and_each_has_a_sentence(editor: CharacterEditor):
    field = editor.sections.fields["system_prompt"]
    cursor = field.edit.textCursor()
    cursor.movePosition(cursor.MoveOperation.End)
    field.edit.setTextCursor(cursor)
    actions = field.macros.menu().actions()
    assert [action.text().partition("\t")[0] for action in actions] == ["{{original}}", *(macro for macro, _ in MACROS)]
    assert all(len(action.text().partition("\t")[2]) > 5 for action in actions)
    actions[1].trigger()
    assert editor.card().system_prompt == "{{original}} Be brief.{{char}}"


def test_greetings_for_groups_are_folded_away(editor: CharacterEditor):
    editor.show_section("Talking")
    assert not editor.sections.fields["group_only_greetings"].isVisible()


def test_the_page_fits_a_narrow_window(editor: CharacterEditor):
    editor.resize(420, 800)
    for title in TITLES:
        editor.show_section(title)
        QApplication.processEvents()
        page = editor.page
        assert page.widget().minimumSizeHint().width() <= page.viewport().width(), title


def test_every_field_has_a_name_and_can_be_reached_with_the_keyboard(editor: CharacterEditor):
    for name, field in editor.sections.fields.items():
        control = field.focusProxy()
        if control is not None:
            assert control.accessibleName(), name
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, name
    for title in TITLES:
        editor.show_section(title)
    assert all(line.accessibleName() for line in editor.findChildren(QLineEdit) if line.objectName() != "qt_spinbox_lineedit")


def test_a_section_that_was_never_shown_is_read_and_saved_all_the_same(editor: CharacterEditor, qtbot):
    editor.show_section("Identity")
    before = editor.card()
    write(qtbot, editor, "name", "Another name")
    assert msgspec.structs.replace(editor.card(), name=before.name) == before
    assert editor.sections.fields["mes_example"].visibleRegion().isEmpty(), "it is placed when it is asked for"
    editor.show_section("Talking")
    assert editor.sections.fields["mes_example"].isVisible()
    assert msgspec.structs.replace(editor.card(), name=before.name) == before


@pytest.mark.parametrize("width", [700, 940, 1216, 1856])
def test_the_column_stands_in_the_middle_of_its_place(editor: CharacterEditor, width: int):
    editor.resize(width, 800)
    QApplication.processEvents()
    card = editor.sections.name.parentWidget()
    left = card.mapTo(editor.page, card.rect().topLeft()).x()
    right = editor.page.viewport().width() - left - card.width()
    assert abs(left - right) <= 9


def test_sections_are_walked_with_the_arrow_keys(editor: CharacterEditor, qtbot):
    first, second, *_ = editor.section_bar.buttons()
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Right)
    assert second.isChecked()
    assert editor.sections.fields["description"].isVisible()


def test_a_click_on_a_tab_shows_its_section(editor: CharacterEditor, qtbot):
    talking = editor.section_bar.buttons()[TITLES.index("Talking")]
    qtbot.mouseClick(talking, Qt.MouseButton.LeftButton, pos=QPoint(4, 4))
    assert any(label.text() == "First message" for label in editor.findChildren(QLabel) if label.isVisible())


def test_a_chosen_portrait_is_saved_with_the_card(editor: CharacterEditor, qtbot, tmp_path):
    picture = QImage(30, 40, QImage.Format.Format_RGB32)
    picture.fill(QColor("#336699"))
    picture.save(str(tmp_path / "a.png"))
    editor.sections.portrait.take(tmp_path / "a.png")
    assert editor.header.save.isEnabled()
    with qtbot.waitSignal(editor.save_requested) as signal:
        editor.save()
    card, png = signal.args
    assert card == CARD
    (tmp_path / "portrait.png").write_bytes(png)
    editor.load(Character(identifier="mira", card=card, portrait=str(tmp_path / "portrait.png")))
    assert not editor.unsaved


def test_a_closed_editor_leaves_nothing_behind(theme, qapp):
    def there() -> int:
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return len(qapp.allWidgets())

    before = there()
    made = CharacterEditor(theme)
    made.deleteLater()
    del made
    assert there() <= before
