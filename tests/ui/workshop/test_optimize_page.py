"""The Optimize page with a real model and real processes: foreseen, chosen, built, tuned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from companion.app import build_plans
from companion.app.build_plans import Known
from companion.app.job_entry import JobPhase
from companion.app.job_orders import prepared
from companion.core.benchmark import SLOWER, Benchmark, TypeSpeed
from companion.core.build_plan import BuildPlan
from companion.core.errors import RecipeError
from companion.core.gguf.header import read_header
from companion.core.job import BuildProven, JobOrder
from companion.core.job_folder import create_job
from companion.core.job_lock import JobLock
from companion.core.recipes.distill import Distill, Student
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import with_changes
from companion.core.recipes.prune import Prune
from companion.core.recipes.quantize import USUAL_DIVERGENCE, Budget
from companion.core.tuning import Choice, TuningFound
from companion.llama.context import KVTypes
from companion.llama.plan import plan_file, remember, remembered
from companion.llama.tuned import Speculation, Tuned
from companion.ui.workshop.optimize import quantize_view
from companion.ui.workshop.optimize.budget_sliders import CLOSEST, GOALS, BudgetSliders
from companion.ui.workshop.optimize.optimize_page import OptimizePage
from companion.ui.workshop.optimize.tune_view import IN_USE, NOT_KEPT
from tests.small_recipes import end_jobs, write_dialogues
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama
from tests.ui.workshop.conftest import Room

SOON_MS, LATER_MS = 20_000, 240_000
SMALL = (
    "calibration.tokens=512", "search.anchors=3", "search.anchor_tokens=128", "search.kinds=Q4_0,IQ4_NL,Q5_0,Q8_0",
    "proof.tokens=1024", "proof.stock=false", "threads=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("m") / "wide.gguf"
    return write_tiny_llama(made, width=64, ffn=256, type="F16", context=4096, ends=False)


@pytest.fixture
def page(room: Room, qtbot, model, monkeypatch) -> Iterator[OptimizePage]:
    usual = build_plans.recipe_for
    for place in (build_plans, quantize_view):
        monkeypatch.setattr(place, "recipe_for", lambda *given: with_changes(usual(*given), SMALL))
    room.preferences.update(model=str(model))
    made = OptimizePage(room.desk)
    qtbot.addWidget(made)
    made.resize(1100, 800)
    made.show()
    qtbot.waitUntil(lambda: made._known is not None, timeout=SOON_MS)
    yield made
    made.plans.stop()
    end_jobs()


def words(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def foreseen(page: OptimizePage, qtbot) -> BuildPlan:
    """The plan of the page's model, made by its process unless it was kept."""
    view = page.views["Quantize"]
    if view.plan is None:
        view.invitation.button.click()
    qtbot.waitUntil(lambda: view.plan is not None, timeout=LATER_MS)
    return view.plan


def test_builds_are_foreseen_by_a_process_and_kept(fresh_cache, page: OptimizePage, room: Room, qtbot):
    view = page.views["Quantize"]
    assert f"Press “{view.invitation.button.text()}” to see a chart" in words(view)
    assert "a map of what each of its matrices can bear" in words(view)
    assert page.foot is None
    view.invitation.button.click()
    assert view.progress.isVisible()
    assert not view.invitation.isVisible()
    plan = foreseen(page, qtbot)
    assert len(view.chart.marks) == len(plan.builds) + len(plan.stock)
    assert {mark.label for mark in view.chart.marks} >= {"Q4_0", "Q8_0"}
    assert page.foot is view.foot
    assert not view.progress.isVisible()
    again = OptimizePage(room.desk)
    qtbot.addWidget(again)
    again.show()
    qtbot.waitUntil(lambda: again.views["Quantize"].plan == plan, timeout=SOON_MS)


def test_foreseeing_can_be_stopped(fresh_cache, page: OptimizePage, qtbot):
    view = page.views["Quantize"]
    page.activateWindow()
    view.invitation.button.setFocus()
    QTest.keyClick(view.invitation.button, Qt.Key.Key_Space)
    assert page.focusWidget() is view.progress.stop_button
    QTest.keyClick(view.progress.stop_button, Qt.Key.Key_Space)
    assert page.focusWidget() is view.invitation.button
    assert not page.plans.is_planning
    assert view.invitation.isVisible()
    assert view.plan is None


def test_every_build_of_the_chart_can_be_chosen_and_the_sliders_say_what_it_takes(page: OptimizePage, qtbot):
    plan, view = foreseen(page, qtbot), page.views["Quantize"]
    for number, build in enumerate(plan.builds):
        view.choose(number)
        assert view.foreseen == build
        assert view.chart.chosen_at == number
    stock = len(plan.builds) + next(number for number, build in enumerate(plan.stock) if build.name == "Q8_0")
    qtbot.mouseClick(view.chart, Qt.MouseButton.LeftButton, pos=view.chart.place(stock).toPoint())
    assert view.foreseen is not None
    assert view.foreseen.bytes <= view.sliders.budget().size
    view.chart.setFocus()
    QTest.keyClick(view.chart, Qt.Key.Key_Home)
    QTest.keyClick(view.chart, Qt.Key.Key_Return)
    assert view.foreseen == plan.builds[0]
    assert plan.builds[0].bytes == view.sliders.budget().size


def test_the_sliders_answer_at_once_and_say_what_cannot_be(page: OptimizePage, qtbot):
    plan, view = foreseen(page, qtbot), page.views["Quantize"]
    view.sliders.set_budget(Budget())
    view.sliders.size_limit.slider.setValue(100)
    assert view.foreseen is not None
    assert view.foreseen.bytes <= view.sliders.size_limit.value < plan.builds[-1].bytes
    assert f"{view.foreseen.divergence:.4f}" in words(view.foot)
    assert view.start_button.isEnabled()
    view.sliders.set_budget(Budget(size=plan.builds[0].bytes, divergence=plan.builds[0].divergence / 2))
    view._answer()
    assert "No build keeps within all these limits at once." in words(view.foot)
    assert not view.start_button.isEnabled()
    assert view.chart.chosen_at is None


def test_sliders_say_their_limits_and_keep_what_was_set_exactly(qtbot):
    sliders = BudgetSliders()
    qtbot.addWidget(sliders)
    sliders.show()
    assert sliders.budget() == Budget()
    assert [limit.words.text() for limit in sliders.limits] == ["no limit"] * 3
    assert sliders.goal.currentText() == GOALS["speed"]
    wanted = Budget(size=87_654_321, divergence=0.0123, speed=45.6, prefer="size")
    sliders.size_limit.set_range(70e6, 100e6)
    sliders.divergence.set_range(1e-4, 1.0)
    sliders.speed.set_range(20, 90)
    sliders.set_budget(wanted)
    assert sliders.budget() == wanted
    assert [limit.words.text() for limit in sliders.limits] == ["87.7 MB", "0.012", "45.6 tok/s"]
    assert sliders.divergence.slider.accessibleDescription() == "0.012"
    heard: list[Budget] = []
    sliders.changed.connect(lambda: heard.append(sliders.budget()))
    sliders.divergence.slider.setFocus()
    QTest.keyClick(sliders.divergence.slider, Qt.Key.Key_End)
    QTest.keyClick(sliders.speed.slider, Qt.Key.Key_Home)
    assert (heard[-1].divergence, heard[-1].speed, heard[-1].size) == (0.0, 0.0, wanted.size)
    assert sliders.goal.isVisible()
    assert sliders.goal.currentText() == GOALS[CLOSEST], "that is what a size alone asks for"
    choose_goal(sliders, "speed")
    assert (sliders.budget().divergence, sliders.budget().prefer) == (USUAL_DIVERGENCE, "speed")
    choose_goal(sliders, CLOSEST)
    assert sliders.budget() == Budget(size=wanted.size, prefer="speed")


def choose_goal(sliders: BudgetSliders, goal: str) -> None:
    sliders.goal.setCurrentIndex(sliders.goal.findData(goal))
    sliders.goal.activated.emit(sliders.goal.currentIndex())


def test_the_model_as_it_is_is_not_built_again(page: OptimizePage, qtbot):
    plan, view = foreseen(page, qtbot), page.views["Quantize"]
    number = next(number for number, build in enumerate(plan.builds) if plan.is_as_it_is(build))
    view.choose(number)
    assert "That is the model as it is: there is nothing to build." in words(view.foot)
    assert not view.start_button.isEnabled()
    view.choose(0)
    assert view.start_button.isEnabled()


def test_a_chosen_build_is_made_by_a_job_and_its_proof_is_on_the_chart(page: OptimizePage, room: Room, qtbot, home):
    plan, view = foreseen(page, qtbot), page.views["Quantize"]
    room.jobs.begin()
    number = len(plan.builds) // 2
    view.choose(number)
    view.start_button.click()
    (job,) = room.went
    qtbot.waitUntil(
        lambda: (entry := room.jobs.entry(job)) is not None and entry.phase in {JobPhase.DONE, JobPhase.FAILED}, timeout=LATER_MS
    )
    assert room.jobs.entry(job).phase is JobPhase.DONE, room.jobs.entry(job).what
    (proven,) = [event for event in room.jobs.folder(job).events() if isinstance(event, BuildProven)]
    assert proven.proven.bytes <= plan.builds[number].bytes
    assert proven.foreseen_divergence == pytest.approx(plan.builds[number].divergence, rel=0.01)
    assert (home / "data" / "models" / "wide-fitted.gguf").stat().st_size == proven.proven.bytes
    page.hide()
    page.show()
    qtbot.waitUntil(lambda: any(mark.shape == "diamond" for mark in view.chart.marks), timeout=SOON_MS)
    (mark,) = [mark for mark in view.chart.marks if mark.shape == "diamond"]
    assert mark.told[0] == "A fitted build, measured"


def test_every_setting_is_a_form_that_begins_with_what_is_chosen(page: OptimizePage, room: Room, qtbot, model, home, tmp_path):
    (home / "data" / "adapters").mkdir(parents=True)
    voice = write_adapter(home / "data" / "adapters" / "voice.gguf", model, name="Voice")
    view = page.quantize
    view.sliders.set_budget(Budget(divergence=0.5, prefer="size"))
    view.every_button.click()
    every = page.every
    assert page.stack.currentWidget() is every
    assert not page.model.isVisible()
    recipe = every.form.recipe()
    assert (recipe.model, recipe.budget) == (str(model), view.sliders.budget())
    assert every.form.forms["budget"].isVisible()
    room.library.refresh()
    adapter = every.form.top.rows["adapter"].editor
    qtbot.waitUntil(lambda: adapter.box.findData(str(voice)) >= 0, timeout=SOON_MS)
    adapter.box.setCurrentIndex(adapter.box.findData(str(voice)))
    adapter.box.activated.emit(adapter.box.currentIndex())
    every.form.top.rows["data_files"].editor.add([str(write_dialogues(tmp_path / "mine.jsonl"))])
    kinds = every.form.open("search").rows["kinds"].editor
    kinds.boxes["Q2_K"].click()
    every.form.preset.set_value("quick")
    every.form.preset.edited.emit()
    recipe = every.form.recipe()
    assert (recipe.adapter, recipe.search.anchors, recipe.budget.divergence) == (str(voice), 0, 0.5), "a preset is no budget"
    every.simple_button.click()
    assert page.stack.currentWidget() is view
    assert "does not count here" in words(view)
    view.sliders.set_budget(Budget(divergence=0.25, prefer="size"))
    page.show_way("Tune")
    page.show_way("Quantize")
    view.every_button.click()
    page.show_way("Tune")
    page.show_way("Quantize")
    assert page.stack.currentWidget() is every
    recipe = every.form.recipe()
    assert (recipe.adapter, recipe.budget.divergence) == (str(voice), 0.25), "one goes on where one was"
    every.form.load(with_changes(recipe, SMALL))
    room.jobs.begin()
    every.start_button.click()
    (job,) = room.went
    qtbot.waitUntil(
        lambda: (entry := room.jobs.entry(job)) is not None and entry.phase in {JobPhase.DONE, JobPhase.FAILED}, timeout=LATER_MS
    )
    assert room.jobs.entry(job).phase is JobPhase.DONE, room.jobs.entry(job).what
    made = read_header(home / "data" / "models" / "wide-voice-fitted.gguf")
    assert made.text("companion.merged.adapter") == "Voice"


def test_an_adapter_of_another_model_cannot_be_worked_in(page: OptimizePage, room: Room, tmp_path):
    other = write_tiny_llama(tmp_path / "other.gguf")
    page.quantize.every_button.click()
    page.every.form.set_value("adapter", str(write_adapter(tmp_path / "theirs.gguf", other)))
    page.every.start_button.click()
    assert "“theirs.gguf”" in page.every.problem.text()
    assert "Choose the model it was trained for" in page.every.problem.text()
    assert room.went == []


def test_another_model_of_the_form_is_looked_at_with_its_budget(page: OptimizePage, room: Room, qtbot, tmp_path):
    other = write_tiny_llama(tmp_path / "other.gguf")
    page.quantize.every_button.click()
    page.every.take(other, Budget(size=12_345))
    page.every.simple_button.click()
    qtbot.waitUntil(lambda: page._known.model == other.resolve(), timeout=SOON_MS)
    assert page.quantize.sliders.budget() == Budget(size=12_345)
    assert not page.quantize.besides.isVisible()


def test_the_map_tells_what_every_matrix_can_bear(page: OptimizePage, qtbot):
    plan, card = foreseen(page, qtbot), page.views["Quantize"].sensitivity
    assert len(card.map.cells) == len(plan.matrices)
    assert {"attn_q", "ffn_down", "token_embd"} <= set(card.map.rows)
    kinds = [card.kind.itemData(row) for row in range(card.kind.count())]
    assert kinds == ["Q4_0", "IQ4_NL", "Q5_0", "Q8_0", "F16"]
    row = card.map.rows.index("ffn_down")
    for kind in ("Q4_0", "Q8_0"):
        card.kind.setCurrentIndex(kinds.index(kind))
        card.kind.activated.emit(kinds.index(kind))
        assert card.map.cells[row, 1].value == plan.matrices["blk.1.ffn_down.weight"].damage[kind]
    assert card.map.cells[row, 1].told[0].startswith("blk.1.ffn_down, F16 now")
    assert "3 of 16 matrices were measured one by one" in card.scale.text()


def test_speeds_that_were_measured_beside_other_work_are_doubted(page: OptimizePage, qtbot):
    foreseen(page, qtbot)
    view, known = page.views["Quantize"], page._known
    run = msgspec.convert(
        {
            "model": "wide.gguf",
            "rung": "cpu",
            "health": "",
            "measurement": {"threads": 1, "speeds": [{"threads": 1, "reply": 3 * known.plan.source.write}]},
        },
        build_plans.Run,
    )
    view.show_known(known._replace(run=run))
    assert "was busy when these speeds were measured" in words(view)
    view.show_known(known._replace(run=None))
    assert "was busy" not in words(view)


def test_another_model_of_the_library_is_looked_at(page: OptimizePage, qtbot, home):
    (home / "data" / "models").mkdir(parents=True)
    other = write_tiny_llama(home / "data" / "models" / "other.gguf")
    page.model.refresh()
    box = page.model.box
    qtbot.waitUntil(lambda: box.findData(str(other)) >= 0, timeout=SOON_MS)
    box.setCurrentIndex(box.findData(str(other)))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: page._known.model == other, timeout=SOON_MS)
    assert page.views["Quantize"].invitation.isVisible()
    page.show_way("Prune")
    assert page.views["Prune"].form.recipe().model == str(other)
    assert not page.model.isVisible()


def test_a_model_is_tuned_and_what_was_found_is_told(fresh_cache, page: OptimizePage, qtbot):
    page.show_way("Tune")
    view = page.views["Tune"]
    view.quick.setChecked(True)
    view.tune_button.click()
    assert view.part.progress.isVisible()
    assert not view.tune_button.isEnabled()
    qtbot.waitUntil(lambda: view.result.isVisible() or view.part.problem.isVisible(), timeout=LATER_MS)
    assert not view.part.problem.isVisible(), view.part.problem.text()
    told = words(view)
    is_kept = "was not kept" not in told  # another program may have kept this computer busy
    assert ("→" if is_kept else NOT_KEPT) in view.speed.text()
    assert ("from the next start of this model on" in told) is is_kept
    assert ("Writes so many tokens per second" in told) is is_kept, "what was only tried does not look chosen"
    view.fold.set_open(True)
    assert "reads" in words(view.trials)
    page.plans.look(page.model.model)
    known: list[Known] = []
    page.plans.known.connect(known.append)
    qtbot.waitUntil(lambda: bool(known), timeout=SOON_MS)
    assert (known[0].run is not None and known[0].run.tuned is not None) is is_kept


def test_what_was_found_of_the_model_one_chats_with_can_be_used_at_once(
    fresh_cache, page: OptimizePage, room: Room, qtbot, model
):
    page.show_way("Tune")
    view = page.views["Tune"]
    found = TuningFound(
        read=90.0, write=30.0, choices=(Choice(name="threads", value="1", reason="1 is best."),), trials=(), seconds=1
    )
    view.part.measuring.model_tuned.emit(found)
    assert "from the next start of this model on" in words(view)
    assert not view.use_button.isVisible(), "it is not loaded"
    room.models.start()
    qtbot.waitUntil(lambda: view.use.text() == IN_USE, timeout=LATER_MS)
    usual = room.engine.model.context_tokens
    assert not view.use_button.isVisible()
    file = plan_file(model)
    remember(file, msgspec.structs.replace(remembered(file), tuned=_tuned(found, context_tokens=usual // 2)))
    view.part.measuring.model_tuned.emit(msgspec.structs.replace(found, notice="It was not kept."))
    assert not view.use_button.isVisible()
    assert view.speed.text() == NOT_KEPT
    assert not view.choices.isVisible(), "nothing of it was chosen"
    view.part.measuring.model_tuned.emit(found)
    assert view.choices.isVisible()
    assert "from the next start of this model on" in words(view)
    view.use_button.click()
    assert not view.use_button.isVisible()
    qtbot.waitUntil(lambda: view.use.text() == IN_USE, timeout=LATER_MS)
    assert room.engine.model.context_tokens == usual // 2
    view.back_button.click()
    assert not view.result.isVisible()
    qtbot.waitUntil(lambda: room.engine.model is not None and room.engine.model.context_tokens == usual, timeout=LATER_MS)
    kept = remembered(file)
    assert kept is not None, "what else is known of the model stays"
    assert kept.tuned is None


def _tuned(found: TuningFound, **settings: int) -> Tuned:
    """As a search keeps it for the engine."""
    same = dict.fromkeys(("threads", "prompt_threads", "busy_threads", "busy_prompt_threads"), 1)
    return Tuned(
        **same, batch=128, ubatch=128, flash_attention=False, kv_types=KVTypes(), gpu_layers=0, speculation=Speculation(),
        steadiness=1.0, read=found.read, write=found.write, choices=found.choices, trials=(), seconds=1.0, **settings,
    )  # fmt: skip


def test_a_search_can_be_stopped(page: OptimizePage, qtbot):
    page.show_way("Tune")
    view = page.views["Tune"]
    view.tune_button.click()
    view.part.progress.stop_button.click()
    assert not view.part.measuring.is_running
    assert not view.part.progress.isVisible()
    assert view.tune_button.isEnabled()


def test_this_computer_is_described_and_a_busy_one_is_told_of(page: OptimizePage, qtbot):
    page.show_way("This computer")
    view = page.views["This computer"]
    qtbot.waitUntil(lambda: "Processor" in words(view), timeout=SOON_MS)
    types = (
        TypeSpeed(kind="Q8_0", bits=8.5, write=20.0, read=90.0),
        TypeSpeed(kind="Q4_0", bits=4.5, write=25.0, read=90.0, write_repacked=35.0),
    )
    found = Benchmark(
        build="0.3.36 CPU", threads=2, memory_bandwidth=2e10, disk_write=1e9, types=types, steadiness=1.0, seconds=20.0
    )
    view.show_benchmark(found)
    assert [bar.name for bar in view.bars.bars] == ["Q4_0 (4.5 bits)", "Q8_0 (8.5 bits)"]
    assert view.bars.bars[0].value == 35.0
    assert "20 GB per second" in words(view)
    assert not view.notice.isVisible()
    for steadiness, told in (
        (551.77, "took many times as long at the end as at the beginning: the processor became warm, or"),
        (2 * SLOWER, "took 2.3 times as long at the end as at the beginning"),
        (0.5, "took twice as long at the beginning as at the end: another program was busy."),
        (0.0, "took many times as long at the beginning"),
    ):
        view.show_benchmark(msgspec.structs.replace(found, steadiness=steadiness))
        assert told in view.notice.text()
        assert "Measure again when it is quiet" in view.notice.text()
        assert view.notice.isVisible()


def test_why_nothing_can_be_measured_beside_a_job_stands_beside_the_buttons(page: OptimizePage, room: Room, qtbot):
    job = create_job(Evaluate(name="A terminal's"), JobOrder())
    lock = JobLock(job.lock_file)
    assert lock.acquire(), "as the process of a job does"
    room.jobs.look()
    why = "“A terminal's” computes now; this can be measured when it is done."
    for way, name in (
        ("Quantize", "Foresee builds"),
        ("Tune", "Tune"),
        ("This computer", "Measure this computer"),
        ("Distill", "What will it cost?"),
    ):
        page.show_way(way)
        qtbot.waitUntil(lambda: why in words(page), timeout=SOON_MS)
        buttons = {button.text(): button for button in page.views[way].findChildren(QPushButton)}
        assert name not in buttons or not buttons[name].isEnabled() or not buttons[name].isVisible()
    lock.release()
    room.jobs.look()
    qtbot.waitUntil(lambda: why not in words(page), timeout=SOON_MS)


def test_what_is_missing_of_a_pruning_or_a_distillation_is_said_in_the_words_of_the_window(page: OptimizePage, room: Room):
    for way, sentence in (("Prune", "Nothing is to be taken out yet."), ("Distill", "There is nothing to learn from yet.")):
        page.show_way(way)
        view = page.views[way]
        view.form.load(view._kinds[view.kind].default)
        if way == "Distill":
            view.form._values["student"] = Student(layers=1)
        view.start_button.click()
        assert sentence in view.problem.text()
    assert room.went == []
    assert not page.views["Prune"].cost.isVisible()


def test_a_student_of_the_teachers_layers_becomes_a_model_of_ones_own(model, tmp_path, home):
    data = tmp_path / "d.jsonl"
    data.write_text("{}", encoding="utf-8")
    wanted = Distill(data_files=(str(data),), student=Student(layers=1), name="small")
    recipe, order = prepared(wanted, str(model))
    assert (recipe.teacher, recipe.model) == (str(model), "")
    assert order.output == str(home / "data" / "models" / "small.gguf")
    with pytest.raises(RecipeError, match="Two students"):
        prepared(msgspec.structs.replace(wanted, model=str(model)), str(model))
    with pytest.raises(RecipeError, match="How many of the teacher"):
        prepared(msgspec.structs.replace(wanted, student=Student()), str(model))
    recipe, order = prepared(Prune(layers=1, name="cut"), str(model))
    assert order.output == str(home / "data" / "models" / "cut.gguf")
