from __future__ import annotations

from typing import Annotated

import msgspec
import pytest
from msgspec import Meta
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QWidget

from companion.app.updates import Standing
from companion.core.fields import fields_of
from companion.core.sampling import PRESETS, Sampling
from companion.core.settings import Settings
from companion.core.updates import Newest
from companion.ui.settings.form import Form
from companion.ui.settings.settings_page import CUSTOM, SettingsPage
from companion.ui.theme import Theme


@pytest.fixture
def page(theme: Theme, qtbot) -> SettingsPage:
    made = SettingsPage(theme)
    qtbot.addWidget(made)
    made.resize(900, 900)
    made.show()
    return made


def row(page: SettingsPage, name: str):
    forms = [*page.forms.values(), page.sampling]
    return next(form.rows[name] for form in forms if name in form.rows)


def test_every_field_has_its_title_its_sentence_and_a_reset(page: SettingsPage):
    shown = {label.text() for label in page.findChildren(QLabel)}
    for field in (*fields_of(Settings), *fields_of(Sampling)):
        assert field.title in shown
        assert field.sentence in shown
        assert row(page, field.name).reset_button.accessibleName() == f"Reset {field.title}"


def test_what_is_loaded_is_what_is_kept(page: SettingsPage, qtbot):
    chosen = Settings(
        person_name="Sam",
        theme="light",
        font_size=18,
        reduce_motion=True,
        send_with_enter=False,
        threads=3,
        sampling=Sampling(temperature=0.123, stop=("\n", "a\\n")),
        model="/models/some.gguf",
    )
    with qtbot.assertNotEmitted(page.changed):
        page.load(chosen)
    with qtbot.waitSignal(page.changed) as signal:
        row(page, "font_size").editor.spin.setValue(19)
    assert signal.args[0] == msgspec.structs.replace(chosen, font_size=19, preset=CUSTOM)


def test_typing_a_name_takes_effect_at_once(page: SettingsPage, qtbot):
    names = []
    page.changed.connect(lambda settings: names.append(settings.person_name))
    line = row(page, "person_name").editor.line
    qtbot.keyClicks(line, "Sam")
    assert names == ["S", "Sa", "Sam"]
    assert line.maxLength() == 60


def test_bounds_of_a_field_are_the_limits_of_its_editor(page: SettingsPage):
    for field in (*fields_of(Settings), *fields_of(Sampling)):
        if field.kind in (int, float):
            spin = row(page, field.name).editor.spin
            assert (spin.minimum(), spin.maximum()) == (field.minimum, field.maximum)


def test_a_preset_sets_the_values_and_a_value_makes_it_custom(page: SettingsPage, qtbot):
    box = row(page, "preset").editor.box
    box.setCurrentText("Playful")
    with qtbot.waitSignal(page.changed) as signal:
        box.activated.emit(box.currentIndex())
    assert signal.args[0].preset == "Playful"
    assert signal.args[0].sampling == PRESETS["Playful"]
    with qtbot.waitSignal(page.changed) as signal:
        row(page, "temperature").editor.spin.setValue(0.5)
    assert signal.args[0].preset == CUSTOM
    assert box.currentText() == CUSTOM
    row(page, "temperature").editor.spin.setValue(1.1)
    assert box.currentText() == "Playful"


def test_choosing_custom_opens_the_fine_tuning(page: SettingsPage):
    box = row(page, "preset").editor.box
    assert not page.sampling.isVisible()
    box.setCurrentText(CUSTOM)
    box.activated.emit(box.currentIndex())
    assert page.sampling.isVisible()


def test_an_optional_number_can_be_left_to_the_program(page: SettingsPage, qtbot):
    editor = row(page, "context_tokens").editor
    assert editor.value() is None
    assert not editor.spin.isVisible()
    with qtbot.waitSignal(page.changed) as signal:
        qtbot.mouseClick(editor.automatic, Qt.MouseButton.LeftButton, pos=QPoint(8, editor.automatic.height() // 2))
    assert signal.args[0].context_tokens == 4096
    assert editor.spin.isVisible()
    with qtbot.waitSignal(page.changed) as signal:
        row(page, "context_tokens").reset_button.click()
    assert signal.args[0].context_tokens is None


def test_reset_is_offered_only_away_from_the_default(page: SettingsPage, qtbot):
    reset = row(page, "font_size").reset_button
    assert not reset.isVisible()
    row(page, "font_size").editor.spin.setValue(20)
    assert reset.isVisible()
    assert "14" in reset.toolTip()
    with qtbot.waitSignal(page.changed) as signal:
        reset.click()
    assert signal.args[0].font_size == 14
    assert not reset.isVisible()


@pytest.mark.parametrize(("typed", "taken"), [("40", 24), ("4", 10), ("17", 17)])
def test_a_number_out_of_bounds_becomes_the_nearest(page: SettingsPage, qtbot, typed, taken):
    spin = row(page, "font_size").editor.spin
    assert "10 to 24" in spin.toolTip()
    spin.selectAll()
    qtbot.keyClicks(spin, typed)
    qtbot.keyClick(spin, Qt.Key.Key_Return)
    assert spin.value() == taken


def test_the_text_size_stays_under_the_pointer_while_it_is_changed(theme: Theme, page: SettingsPage, qtbot):
    page.changed.connect(lambda settings: theme.set_font_size(settings.font_size))
    page.resize(760, 400)
    spin = row(page, "font_size").editor.spin
    spin.setFocus()
    page.activateWindow()
    qtbot.waitUntil(spin.hasFocus)
    before = spin.mapTo(page, spin.rect().topRight())
    for _ in range(10):
        spin.stepUp()
    assert theme.font_size == 24
    QApplication.processEvents()
    now = spin.mapTo(page, spin.rect().topRight())
    assert (now - before).manhattanLength() <= 2


def test_a_menu_of_choices_shows_all_of_them_whole(page: SettingsPage, qtbot):
    box = row(page, "theme").editor.box
    box.addItem("A choice with a name that is far too long for the field in which it is chosen")
    box.showPopup()
    QApplication.processEvents()
    view = box.view()
    last = view.visualRect(view.model().index(box.count() - 1, 0))
    assert view.viewport().rect().contains(last)
    assert last.width() > view.fontMetrics().horizontalAdvance(box.itemText(box.count() - 1))
    box.hidePopup()


def test_a_reset_leaves_the_keyboard_at_its_row(page: SettingsPage, qtbot):
    page.activateWindow()
    field = row(page, "font_size")
    field.editor.spin.setValue(20)
    field.reset_button.setFocus()
    qtbot.keyClick(field.reset_button, Qt.Key.Key_Space)
    assert QApplication.focusWidget() is field.editor.spin


def test_what_cannot_be_used_is_said_and_not_saved(page: SettingsPage, qtbot):
    text = row(page, "stop").editor.text
    with qtbot.assertNotEmitted(page.changed):
        text.setPlainText("\n".join(f"stop {number}" for number in range(17)))
    assert "Stop at" in page.check()
    assert page._problem.isVisible()
    with qtbot.waitSignal(page.changed) as signal:
        text.setPlainText("one\n\\n")
    assert signal.args[0].sampling.stop == ("one", "\n")
    assert page.check() == ""
    assert not page._problem.isVisible()


def test_scrolling_past_a_number_does_not_change_it(page: SettingsPage):
    editor = row(page, "font_size").editor
    row(page, "person_name").editor.line.setFocus()
    middle = QPointF(editor.spin.rect().center())
    wheel = QWheelEvent(
        middle,
        editor.spin.mapToGlobal(middle),
        QPoint(0, 120),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(editor.spin, wheel)
    assert editor.value() == 14


def test_every_control_has_a_name_and_can_be_reached_with_the_keyboard(page: SettingsPage):
    page.fold.setChecked(True)
    for form in (*page.forms.values(), page.sampling):
        for one in form.rows.values():
            control = one.editor.focusProxy()
            assert control.accessibleName()
            assert control.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_the_column_stays_readable_when_the_window_is_wide_and_fits_when_it_is_narrow(page: SettingsPage, qtbot):
    for width in (1800, 420):
        page.resize(width, 900)
        QApplication.processEvents()
        for control in page.findChildren(QLineEdit) + page.findChildren(QComboBox):
            if control.isVisible():
                right = control.mapTo(page, QPoint(control.width(), 0)).x()
                assert right <= width
        card = page.forms["You"].parentWidget()
        assert isinstance(card, QWidget)
        assert card.width() <= 720


def test_a_form_can_be_made_from_any_struct(theme: Theme, qtbot):
    class Recipe(msgspec.Struct, frozen=True):
        rate: Annotated[float, Meta(gt=0, le=1, title="Learning rate", description="How far one step goes.")] = 0.1
        steps: Annotated[int, Meta(ge=1, title="Steps", description="How many steps.")] = 50
        hidden: int = 3

    form = Form(Recipe, theme)
    qtbot.addWidget(form)
    assert form.values() == {"rate": 0.1, "steps": 50}
    with qtbot.waitSignal(form.edited) as signal:
        form.rows["steps"].editor.spin.setValue(80)
    assert signal.args == ["steps"]


def test_the_voices_of_the_system_can_be_chosen_and_one_that_is_gone_stays_chosen(page: SettingsPage, qtbot):
    row = page.forms["Voice"].rows["voice"]
    assert [row.editor.box.itemText(i) for i in range(row.editor.box.count())] == ["The system's choice"]
    page.load(Settings(voice="Anne"))
    assert row.value() == "Anne"
    page.offer_voices(("Bob", "Carla"))
    assert row.value() == "Anne"
    box = row.editor.box
    assert [box.itemText(i) for i in range(box.count())] == ["The system's choice", "Bob", "Carla", "Anne"]
    with qtbot.waitSignal(page.changed) as changed:
        box.setCurrentIndex(1)
        box.activated.emit(1)
    assert changed.args[0].voice == "Bob"


def test_updates_show_the_address_and_what_it_answered(page: SettingsPage, qtbot):
    part = page.updates
    assert part.address.text() == "https://api.github.com/repos/companion/companion/releases/latest"
    assert not row(page, "look_for_updates").value()
    assert not part.page_button.isVisible()
    with qtbot.waitSignal(part.look_pressed):
        part.look_button.click()
    part.show_standing(Standing(is_asking=True))
    assert part.state.text().startswith("Asking api.github.com")
    assert part.look_button.isEnabled(), "the keyboard stays where it is"
    part.show_standing(Standing(newest=Newest(version="9.1.0", page="https://example.org")))
    assert part.state.text().startswith("Companion 9.1.0 is there")
    with qtbot.waitSignal(part.page_pressed):
        part.page_button.click()
    part.show_standing(Standing(what="Nobody answered.", remedy="Try again."))
    assert part.problem.text() == "Nobody answered. Try again."
