"""What a person chose to measure becomes an evaluation, or a sentence about why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from companion.app.evaluation_orders import Wish, evaluation
from companion.core.errors import CompanionError, DatasetError, RecipeError
from companion.core.suites import read_suite, suite_sentence, suites
from tests.small_recipes import write_dialogues
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama
from tests.workshop.small_jobs import small_job, work_here


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_tiny_llama(tmp_path_factory.mktemp("models") / "base.gguf", context=4096)


def wish(model: Path, *adapters: Path, gate: bool = False, data: tuple[str, ...] = (), suite: str = "quick") -> Wish:
    subjects = ((str(model),), *((str(model), f"{adapter}:1") for adapter in adapters))
    return Wish(suite=suite, subjects=subjects, data=data, character="Hoshi", gate=gate)


def test_a_suite_of_two_subjects(model, tmp_path):
    adapter = write_adapter(tmp_path / "voice.gguf", model)
    data = write_dialogues(tmp_path / "talks.jsonl")
    recipe, order = evaluation(wish(model, adapter, data=(str(data),), suite="standard"))
    assert recipe.subjects == ((str(model),), (str(model), f"{adapter}:1"))
    assert (recipe.name, recipe.suite, recipe.character) == ("Standard evaluation of voice", "standard", "Hoshi")
    assert recipe.data_files == (str(data),)
    assert recipe.replies == read_suite("standard").replies
    assert not recipe.gate.enabled
    assert order.output == ""
    assert evaluation(wish(model))[0].character == "", "the quick suite has none"


def test_the_gate_measures_what_a_decision_rests_on_with_what_the_training_held_back(model, tmp_path):
    job = small_job(model, write_dialogues(tmp_path / "talks.jsonl", 30), "data.held_out=0.4")
    work_here(job)
    (adapter,) = job.output.glob("*.gguf")
    recipe, _ = evaluation(wish(model, adapter, gate=True))
    assert recipe.gate.enabled
    assert recipe.forgetting.enabled
    assert not recipe.cost.enabled
    assert recipe.data_files == (str(job.held_out_file),)


def test_what_cannot_be_measured_is_said_in_the_words_of_the_window(model, tmp_path):
    stray = write_adapter(tmp_path / "stray.gguf", model)
    other = write_adapter(tmp_path / "other.gguf", write_tiny_llama(tmp_path / "other-base.gguf", seed=7))
    with pytest.raises(RecipeError, match="Tick a model"):
        evaluation(Wish(suite="quick", subjects=(), data=(), character="", gate=False))
    with pytest.raises(DatasetError, match="Add some under “Dialogues”"):
        evaluation(wish(model, stray, gate=True))
    with pytest.raises(RecipeError, match="Tick the old one and the new one"):
        evaluation(wish(model, gate=True))
    with pytest.raises(CompanionError, match="other"):
        evaluation(wish(model, other))
    with pytest.raises(CompanionError, match="is not there"):
        evaluation(wish(model, stray, data=("/nowhere/talks.jsonl",)))


def test_every_shipped_suite_says_what_it_is_for():
    assert suites()[:3] == ["quick", "standard", "full"]
    for name in suites():
        assert suite_sentence(name).endswith(".")
        assert "#" not in suite_sentence(name)
