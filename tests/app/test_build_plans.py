"""Plans of builds: made by a real process, kept for the model and the machine, and found again with what jobs have proven."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from companion.app import build_plans as module
from companion.app.build_plans import BuildPlans, Known
from companion.app.measuring_turn import MeasuringTurn
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.proven_builds import proven_builds
from companion.core.recipes.files import with_changes
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import ended, work_here

LATER_MS = 240_000
SMALL = (
    "calibration.tokens=512", "search.anchors=0", "search.kinds=Q4_0,Q5_0,Q8_0", "proof.tokens=1024", "proof.stock=false",
    "threads=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("m") / "wide.gguf", width=64, ffn=256, type="F16")


@pytest.fixture
def plans(qapp, monkeypatch) -> Iterator[BuildPlans]:
    usual = module.recipe_for
    monkeypatch.setattr(module, "recipe_for", lambda *given: with_changes(usual(*given), SMALL))
    made = BuildPlans(MeasuringTurn())
    yield made
    made.stop()
    made._background.close()


def looked(plans: BuildPlans, model: Path, qtbot) -> Known:
    with qtbot.waitSignal(plans.known, timeout=LATER_MS) as got:
        plans.look(model)
    return got.args[0]


def test_a_plan_is_made_once_and_found_again(fresh_cache, plans: BuildPlans, model, qtbot):
    before = looked(plans, model, qtbot)
    assert (before.plan, before.proven) == (None, ())
    told: list[str] = []
    plans.progressed.connect(lambda words, _share: told.append(words))
    with qtbot.waitSignal(plans.known, timeout=LATER_MS) as got:
        plans.plan(before)
    assert got.args[0].plan.builds
    assert any("what each type costs" in words for words in told)
    assert not plans.is_planning
    assert looked(BuildPlans(MeasuringTurn()), model, qtbot).plan == got.args[0].plan


def test_what_jobs_have_proven_of_this_model_is_found(plans: BuildPlans, model, tmp_path, qtbot):
    for name, source in (("mine", model), ("others", write_tiny_llama(tmp_path / "other.gguf", width=64, type="F16"))):
        recipe = with_changes(module.recipe_for(source), ["budget.divergence=0.05", f"name={name}"])
        assert ended(work_here(create_job(recipe, JobOrder(output=str(tmp_path / f"{name}.gguf"))))).state == "done"
    builds = looked(plans, model, qtbot).proven
    assert [build.file for build in builds if build.file] == [str(tmp_path / "mine.gguf")]
    others = proven_builds(tmp_path / "other.gguf")
    assert others
    assert not any(build in others for build in builds)
    assert all(build.name == "" for build in builds)


def test_another_model_gives_up_the_plan_of_the_one_before(plans: BuildPlans, model, tmp_path, qtbot):
    plans.plan(looked(plans, model, qtbot))
    assert plans.is_planning
    other = looked(plans, write_tiny_llama(tmp_path / "other.gguf"), qtbot)
    assert not plans.is_planning
    assert other.model == tmp_path / "other.gguf"


def test_what_cannot_be_planned_is_a_sentence(plans: BuildPlans, tmp_path, qtbot):
    with qtbot.waitSignal(plans.failed, timeout=LATER_MS) as got:
        plans.look(tmp_path / "gone.gguf")
    assert "“gone.gguf” cannot be read" in got.args[0]
    (tmp_path / "no.gguf").write_text("nothing")
    known = looked(plans, tmp_path / "no.gguf", qtbot)
    with qtbot.waitSignal(plans.failed, timeout=LATER_MS):
        plans.plan(known)
    assert not plans.is_planning
