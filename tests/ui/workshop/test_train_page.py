"""The page on which one teaches: the form is the recipe, and what it begins is a job."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from companion.app.job_orders import prepared
from companion.core.dataset import DatasetSource
from companion.core.dataset_folder import DATA_FILE, write_source
from companion.core.errors import CompanionError, RecipeError
from companion.core.fields import fields_of
from companion.core.job import CrossValidation, JobOrder
from companion.core.job_queue import wanted
from companion.core.job_targets import once_more
from companion.core.library.report_list import REPORT
from companion.core.paths import own_datasets_folder
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import Recipe, write_recipe
from companion.core.recipes.fine_tune import PRESETS, FineTune
from companion.core.recipes.parts import Optimizer, Part, Training
from companion.core.recipes.pretrain import Pretrain
from companion.core.recipes.quantize import Quantize
from companion.ui.settings.form import FieldRow
from companion.ui.workshop.evaluate.evaluate_page import EvaluatePage
from companion.ui.workshop.recipe.choosers import FileChoiceEditor
from companion.ui.workshop.recipe.conversation_choice import ConversationChoice
from companion.ui.workshop.recipe.recipe_editors import FineSpin
from companion.ui.workshop.recipe.recipe_form import CUSTOM, RecipeForm
from companion.ui.workshop.recipe.recipe_page import NOT_MEASURED, RecipePage
from companion.ui.workshop.train_page import train_page
from tests.small_recipes import QUICK, write_dialogues
from tests.ui.workshop.conftest import Room

SOON_MS = 60_000
EVERY_KIND = (FineTune(), Pretrain(), Evaluate(), Quantize())


@pytest.fixture
def page(room: Room, qtbot) -> RecipePage:
    made = train_page(room.desk)
    qtbot.addWidget(made)
    made.resize(800, 700)
    made.show()
    return made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dialogues(tmp_path / "dialogues.jsonl")


def teach(page: RecipePage, model: Path, data: Path) -> None:
    """A recipe that takes a second."""
    page.form.load(replace(page.form.recipe(), model=str(model), data_files=(str(data),), character="", name="small"))
    for change in QUICK:
        table, _, rest = change.partition(".")
        field, _, value = rest.partition("=")
        row = page.form.open(table).rows[field]
        row.set_value(type(row.value())(value) if not isinstance(row.value(), str) else value)
        row.edited.emit()


@pytest.mark.parametrize("recipe", EVERY_KIND, ids=lambda recipe: recipe.kind)
def test_every_field_of_every_kind_of_recipe_has_a_row_and_keeps_its_value(recipe: Recipe, theme, qtbot):
    form = RecipeForm(recipe, theme, first=("name",), presets={})
    qtbot.addWidget(form)
    for table, fold in form.folds.items():
        fold.set_open(True)
        assert form.forms[table].rows
    rows = {(table, name): row for table, made in form.forms.items() for name, row in made.rows.items()}
    for name in recipe.__struct_fields__:
        value = getattr(recipe, name)
        for field in fields_of(type(value)) if isinstance(value, Part) else ():
            row = rows[name, field.name]
            assert row.value() == getattr(value, field.name)
            assert row.field.default == getattr(value, field.name)
            assert not row.reset_button.isVisibleTo(form)
            assert row.editor.focusProxy() is not None
    assert form.recipe() == recipe


def test_values_of_every_size_are_shown_as_they_are_and_kept(theme, qtbot):
    form = RecipeForm(FineTune(), theme, first=("name",), presets={})
    qtbot.addWidget(form)
    optimizer = form.open("optimizer")
    for name, value, text in (("learning_rate", 0.00025, "0.00025"), ("epsilon", 1e-8, "1e-08"), ("clip_norm", 0.5, "0.5")):
        optimizer.rows[name].set_value(value)
        assert optimizer.rows[name].editor.spin.text() == text
        assert optimizer.rows[name].value() == value


def test_a_number_is_typed_as_people_write_it_and_stays_within_its_bounds(qtbot):
    spin = FineSpin()
    qtbot.addWidget(spin)
    spin.setRange(0, 1)
    spin.show()
    for typed, value in (("3e-4", 3e-4), ("0,25", 0.25), ("7", 1.0)):
        spin.setFocus()
        spin.selectAll()
        QTest.keyClicks(spin, typed)
        QTest.keyClick(spin, Qt.Key.Key_Return)
        assert spin.value() == pytest.approx(value)
    spin.setValue(0.001)
    spin.stepBy(-1)
    assert spin.value() == pytest.approx(0.0009)


def test_a_changed_field_makes_the_preset_ones_own_and_reset_brings_it_back(page: RecipePage):
    form = page.form
    assert form.preset.value() == "balanced"
    row = form.open("training").rows["patience"]
    row.editor.spin.setValue(7)
    assert form.preset.value() == CUSTOM
    assert form.folds["training"].button.text() == "Training · 1 changed"
    assert form.recipe().training.patience == 7
    row.reset_button.click()
    assert form.preset.value() == "balanced"
    assert form.recipe().training == Training()


def test_a_preset_changes_everything_but_what_is_learned_from(page: RecipePage, data):
    form = page.form
    form.top.rows["data_files"].editor.add([str(data)])
    form.preset.set_value("thorough")
    form.preset.edited.emit()
    assert form.recipe().optimizer == PRESETS["thorough"].optimizer
    assert form.recipe().data_files == (str(data),)
    assert form.recipe().character == "Hoshi", "whom one talks with"


def test_an_impossible_value_is_said_and_nothing_begins(page: RecipePage, room: Room):
    row = page.form.open("adapter").rows["where"]
    for box in row.editor.boxes.values():
        box.setChecked(False)
    row.editor.edited.emit()
    assert "adapter.where" in page.problem.text()
    page.start_button.click()
    assert room.went == []


def test_what_is_missing_is_said_in_the_words_of_the_window(page: RecipePage, room: Room, tiny_model):
    page.form.set_value("model", str(tiny_model))
    page.start_button.click()
    assert page.problem.text() == "There is nothing to learn from yet. Add files or conversations under “Dialogues”."
    page.form.top.rows["data_files"].editor.add(["/nowhere/at-all.jsonl"])
    page.start_button.click()
    assert "is not there" in page.problem.text()
    assert "--" not in page.problem.text()
    assert room.went == []


def test_a_recipe_is_saved_and_opened_again_in_full(page: RecipePage, tmp_path):
    page.form.open("optimizer").rows["learning_rate"].set_value(0.0005)
    page.form.open("optimizer").rows["learning_rate"].edited.emit()
    wanted = page.form.recipe()
    page.save_recipe(tmp_path / "mine.toml")
    assert tomllib.loads((tmp_path / "mine.toml").read_text(encoding="utf-8"))["optimizer"] == {"learning_rate": 0.0005}
    page.form.load(FineTune())
    page.open_recipe(tmp_path / "mine.toml")
    assert page.form.recipe() == wanted
    assert page.form.top.rows["character"].value() == "Hoshi"


def test_a_recipe_of_another_kind_opens_its_own_form_and_a_foreign_one_is_refused(page: RecipePage, room: Room, tmp_path):
    write_recipe(tmp_path / "pretrain.toml", Pretrain(name="own"))
    page.open_recipe(tmp_path / "pretrain.toml")
    assert page.kind == "pretrain"
    assert page.form.recipe().name == "own"
    write_recipe(tmp_path / "evaluate.toml", Evaluate(name="other"))
    page.open_recipe(tmp_path / "evaluate.toml")
    assert page.kind == "pretrain"
    assert "something else" in room.told[-1].what
    (tmp_path / "broken.toml").write_text("kind = 3 = 4", encoding="utf-8")
    page.open_recipe(tmp_path / "broken.toml")
    assert "not TOML" in room.told[-1].what
    (tmp_path / "unknown.toml").write_text('kind = "knit"', encoding="utf-8")
    page.open_recipe(tmp_path / "unknown.toml")
    assert "unknown kind, “knit”" in room.told[-1].what


def test_the_cost_is_measured_by_a_dry_run_and_forgotten_when_something_changes(page: RecipePage, qtbot, tiny_model, data):
    teach(page, tiny_model, data)
    page.cost_button.click()
    assert page.cost_button.text() == "Stop measuring"
    qtbot.waitUntil(lambda: page.cost.text().startswith("About"), timeout=SOON_MS)
    assert "of memory" in page.cost.text()
    assert "steps over 22 dialogues, 2 of them held out" in page.cost.text()
    assert not page.estimate.is_running
    page.form.open("training").rows["patience"].editor.spin.setValue(9)
    assert page.cost.text() == NOT_MEASURED


def test_a_job_is_put_off_until_tonight_and_the_page_leads_there(page: RecipePage, room: Room, tiny_model, data):
    teach(page, tiny_model, data)
    assert "The window must stay open" in page.tonight_button.toolTip()
    page.tonight_button.click()
    (job,) = room.went
    assert wanted(room.jobs.folder(job)).tonight
    assert room.preferences.settings.teach_at_night


def test_learning_rates_are_tried_by_a_job_of_their_own(page: RecipePage, room: Room, tiny_model, data, qtbot):
    teach(page, tiny_model, data)
    page.rate_button.click()
    (job,) = room.went
    order = room.jobs.folder(job).order()
    assert order.find_rate
    assert not order.output
    with qtbot.waitSignal(room.jobs.ended, timeout=SOON_MS):
        room.jobs.cancel(job)


def test_a_recipe_is_cross_validated_and_the_report_read_in_the_window(page: RecipePage, room: Room, tiny_model, data, qtbot):
    teach(page, tiny_model, data)
    assert "measures on that fifth whether the recipe helps" in page.validate_button.toolTip()
    with qtbot.waitSignal(room.jobs.ended, timeout=SOON_MS) as ended:
        page.validate_button.click()
    (job,) = room.went
    folder = room.jobs.folder(job)
    assert folder.order() == JobOrder(cross_validation=CrossValidation())
    entry = ended.args[0]
    assert (entry.title, entry.phase.value) == ("Cross-validation of small", "done"), entry.what
    reports = EvaluatePage(room.desk)
    qtbot.addWidget(reports)
    reports.show()
    reports.show_when_listed(str(folder.output / REPORT))
    qtbot.waitUntil(lambda: reports.stack.currentWidget() is reports.report, timeout=SOON_MS)
    assert reports.report.verdict.text() == entry.what
    assert next(row for row in reports.list.rows.rows if row.title == "small").captions[0].startswith("cross-validation, ")
    told = [label.text() for label in reports.report.findChildren(QLabel) if label.isVisible()]
    assert "Fold by fold" in told, "its only part is open"
    assert {"fold", "learned from", "loss before", "loss after", *"12345"} <= set(told)
    assert not reports.report.compare_button.isVisible(), "it measured no model that another one could be compared with"
    reports.close()


def test_only_a_fine_tuning_is_cross_validated(page: RecipePage):
    assert page.validate_button.isVisible()
    page.choose_kind("pretrain")
    assert not page.validate_button.isVisible()


def test_the_foot_holds_at_every_size_of_letters(page: RecipePage, room: Room, qtbot):
    for size, width in ((14, 560), (24, 560), (24, 1000)):
        room.desk.theme.set_font_size(size)
        page.resize(width, 700)
        qtbot.wait(50)
        assert page.width() == width
        for button in (page.cost_button, page.tonight_button, page.start_button):
            place = button.mapTo(page, button.rect().bottomRight())
            assert place.x() <= width
            assert place.y() <= 700
            assert button.width() >= button.sizeHint().width()
        for button in (page.rate_button, page.validate_button, page.open_button, page.save_button):
            assert button.mapTo(page, button.rect().topRight()).x() <= width
            assert button.width() >= button.sizeHint().width()


def test_what_goes_wrong_while_measuring_is_said(page: RecipePage, qtbot, tiny_model, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    teach(page, tiny_model, empty)
    page.cost_button.click()
    qtbot.waitUntil(page.problem.isVisible, timeout=SOON_MS)
    assert page.problem.text()
    assert page.cost.text() == NOT_MEASURED


def test_measuring_goes_on_while_one_looks_at_another_page(page: RecipePage, qtbot, tiny_model, data):
    teach(page, tiny_model, data)
    page.cost_button.click()
    assert page.estimate.is_running
    page.hide()
    assert page.estimate.is_running
    page.show()
    assert page.estimate.is_running


def test_sources_are_added_once_and_taken_off_again(page: RecipePage, data):
    editor = page.form.top.rows["data_files"].editor
    editor.add([str(data), str(data), "conversation:1"])
    assert editor.value() == (str(data), "conversation:1")
    assert len(editor.remove_buttons) == 2
    editor.remove_buttons[0].click()
    assert page.form.recipe().data_files == ("conversation:1",)


def test_the_datasets_of_the_data_page_are_offered(page: RecipePage, room: Room, data, qtbot):
    editor = page.form.top.rows["data_files"].editor
    assert editor.add_datasets.isHidden()
    folder = own_datasets_folder() / "nights"
    folder.mkdir(parents=True)
    (folder / DATA_FILE).write_bytes(data.read_bytes())
    write_source(folder, DatasetSource(name="Nights & days", origin="a test", dialogues=12))
    room.datasets.refresh()
    qtbot.waitUntil(editor.add_datasets.isVisible, timeout=SOON_MS)
    editor.add_datasets.menu().aboutToShow.emit()
    (offered,) = editor.add_datasets.menu().actions()
    assert offered.text() == "Nights && days · 12 dialogues"
    offered.trigger()
    assert page.form.recipe().data_files == (str(folder),)
    assert editor.remove_buttons[0].accessibleName() == "Take “Nights & days” off the list"
    editor.add_datasets.menu().aboutToShow.emit()
    assert not editor.add_datasets.menu().actions()[0].isEnabled()


def test_a_file_with_a_long_name_is_read_whole_or_its_end_is(theme, qtbot):
    field = next(field for field in fields_of(FineTune) if field.name == "model")
    short, long = "/models/SmolLM2-135M-Instruct.Q4_1.gguf", f"/models/{'a-rather-' * 6}long-name.Q4_1.gguf"
    editor = FileChoiceEditor(field, {short: Path(short).stem, long: Path(long).stem}, lambda _parent: None)
    row = FieldRow(replace(field, default=short), editor, theme)
    qtbot.addWidget(row)
    row.resize(700, 60)
    row.show()
    assert editor.box.shown_text() == "SmolLM2-135M-Instruct.Q4_1"
    row.set_value(long)
    qtbot.waitUntil(lambda: editor.box.shown_text().endswith("Q4_1"), timeout=SOON_MS)
    assert "…" in editor.box.shown_text()


def test_what_is_in_the_way_of_a_start_has_the_whole_width(page, qtbot):
    page.resize(1100, 800)
    foot = page.foot
    page._say("")
    assert not foot.is_folded
    page._say("There is nothing to learn from yet.", "Add files or conversations under “Dialogues”.")
    qtbot.waitUntil(lambda: page.problem.width() > 600, timeout=5000)
    assert foot.is_folded
    page._say("")
    assert not foot.is_folded


def test_conversations_are_ticked(theme, qtbot):
    choice = ConversationChoice(None, {"conversation:1": "One", "conversation:2": "Two"}, ["conversation:2"])
    qtbot.addWidget(choice)
    assert choice.chosen() == ["conversation:2"]
    choice.list.item(0).setCheckState(Qt.CheckState.Checked)
    assert choice.chosen() == ["conversation:1", "conversation:2"]


def test_results_get_a_place_of_their_own(tiny_model, data, home):
    recipe, order = prepared(FineTune(data_files=(str(data),), name="My adapter!"), str(tiny_model))
    assert recipe.name == "My-adapter"
    assert recipe.model == str(tiny_model)
    assert order.output == str(home / "data" / "adapters" / "My-adapter.gguf")
    Path(order.output).parent.mkdir(parents=True)
    Path(order.output).touch()
    second, second_order = prepared(recipe, "")
    assert (second.name, Path(second_order.output).name) == ("My-adapter-2", "My-adapter-2.gguf")
    Path(second_order.output).touch()
    third, third_order = once_more(second, second_order)
    assert (third.name, Path(third_order.output).name) == ("My-adapter-3", "My-adapter-3.gguf")
    with pytest.raises(CompanionError, match="No model is chosen"):
        prepared(FineTune(data_files=(str(data),)), "")
    with pytest.raises(RecipeError, match="heads"):
        prepared(Pretrain(data_files=(str(data),), decoder=replace(Pretrain().decoder, heads=7)), "")


def test_a_choice_of_optimizer_is_one_of_those_there_are(theme, qtbot):
    form = RecipeForm(FineTune(), theme, first=("name",), presets={})
    qtbot.addWidget(form)
    box = form.open("optimizer").rows["name"].editor.box
    assert [box.itemData(row) for row in range(box.count())] == list(
        next(field for field in fields_of(Optimizer) if field.name == "name").choices
    )
