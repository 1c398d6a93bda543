"""Subjects are checked, named and loaded once."""

from __future__ import annotations

import pytest

from companion.core.dataset import DialogueTurn
from companion.core.errors import ModelError, RecipeError
from companion.core.fingerprint import file_sha256
from companion.core.recipes.evaluate import Evaluate
from companion.workshop.evaluation.opened import open_subjects, prompt_tokens, reference_for
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama


@pytest.fixture(scope="module")
def adapter(tiny_model, tmp_path_factory):
    return write_adapter(tmp_path_factory.mktemp("adapters") / "voice.gguf", tiny_model, metadata={"general.license": "cc0-1.0"})


def test_a_subject_says_what_it_is(tiny_model, adapter):
    with open_subjects(Evaluate(subjects=((str(tiny_model), f"{adapter}:0.5"),))) as (subjects, reference):
        subject = subjects[0].subject
        assert reference is None
        assert subject.name == "tiny + voice × 0.5"
        assert subject.model.sha256 == file_sha256(tiny_model)
        assert subject.model.bytes == tiny_model.stat().st_size
        assert (subject.architecture, subject.quantization) == ("llama", "F32")
        assert subject.parameters == subjects[0].model.parameters
        assert subject.adapters[0].sha256 == file_sha256(adapter)
        assert (subject.adapters[0].scale, subject.adapters[0].licence) == (0.5, "cc0-1.0")


def test_a_model_that_several_subjects_need_is_loaded_once(tiny_model, adapter):
    plain, voiced = (str(tiny_model),), (str(tiny_model), str(adapter))
    with open_subjects(Evaluate(subjects=(plain, voiced, plain))) as (subjects, reference):
        assert subjects[0].model is subjects[1].model
        assert [each.subject.name for each in subjects] == ["tiny", "tiny + voice", "tiny (2)"]
        assert reference is subjects[0]
        assert reference_for(subjects[0], reference) is None
        assert reference_for(subjects[2], reference) is None
        assert reference_for(subjects[1], reference) is reference


def test_a_reference_of_its_own_is_opened_too(tiny_model, adapter):
    recipe = Evaluate(subjects=((str(tiny_model), str(adapter)),), reference=(str(tiny_model),))
    with open_subjects(recipe) as (subjects, reference):
        assert len(subjects) == 1
        assert reference.subject.name == "tiny"


def test_adapters_count_in_a_subjects_contexts(tiny_model, adapter):
    with open_subjects(Evaluate(subjects=((str(tiny_model),), (str(tiny_model), str(adapter))))) as (subjects, _):
        found = []
        for each in subjects:
            with each.context(64) as context:
                context.read([5, 6, 7])
                found.append([context.logits()[token] for token in range(8)])
        assert found[0] != found[1]


def test_an_adapter_of_another_base_is_refused(tiny_model, adapter, tmp_path):
    other = write_tiny_llama(tmp_path / "other.gguf", seed=1)
    with (
        pytest.raises(ModelError, match="trained for another model"),
        open_subjects(Evaluate(subjects=((str(other), str(adapter)),))),
    ):
        pass


@pytest.mark.parametrize("missing", ["model", "adapter"])
def test_a_missing_file_is_a_sentence(tiny_model, tmp_path, missing):
    gone = str(tmp_path / "gone.gguf")
    files = (gone,) if missing == "model" else (str(tiny_model), gone)
    with pytest.raises(ModelError, match="gone"), open_subjects(Evaluate(subjects=(files,))):
        pass


def test_no_subject_is_a_sentence():
    with pytest.raises(RecipeError, match="No model was named"), open_subjects(Evaluate()):
        pass


def test_a_prompt_ends_where_her_reply_begins(starter_opened):
    turns = [DialogueTurn("system", "You are kind."), DialogueTurn("user", "Hello.")]
    tokens = prompt_tokens(starter_opened, turns)
    text = "".join(starter_opened.model.vocabulary.text(token) for token in tokens)
    assert text.endswith("<|im_start|>assistantĊ")
    assert text.count("<|im_start|>") == 3
