"""What is known of a model: named by all that its measurement depends on, and shipped for the starter model."""

from __future__ import annotations

import pytest

from companion.core.paths import models_folder, starter_model
from companion.core.recipes.files import with_changes
from companion.core.recipes.quantize import Quantize
from companion.workshop.quantization.calibration import Texts, read_texts
from companion.workshop.quantization.known import IMPORTANCE, SENSITIVITY, bring, keep, known_by
from companion.workshop.quantization.measuring import kept_sensitivities
from companion.workshop.recipes.open_base import open_base
from tests.tiny_models import write_tiny_llama

TEXTS = Texts(dialogues=list(range(1000)), general=list(range(500, 1500)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_tiny_llama(tmp_path_factory.mktemp("m") / "a.gguf")


def test_what_is_measured_goes_by_model_text_and_method_and_by_nothing_else(model, tmp_path):
    plain = known_by(Quantize(), model, TEXTS)
    other = write_tiny_llama(tmp_path / "b.gguf", width=128)
    assert known_by(Quantize(), other, TEXTS) != plain
    assert known_by(Quantize(), model, TEXTS._replace(general=TEXTS.dialogues)) != plain
    for change in ("search.kinds=Q4_0,Q8_0", "calibration.tokens=512", "search.anchor_tokens=128", "seed=1"):
        assert known_by(with_changes(Quantize(), [change]), model, TEXTS) != plain
    for change in ("budget.size=1000", "search.anchors=3", "threads=1", "proof.tokens=2048", "name=other"):
        assert known_by(with_changes(Quantize(), [change]), model, TEXTS) == plain


def test_what_a_job_has_begun_to_measure_is_not_overwritten(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, words in ((first, b"old"), (second, b"new")):
        folder.mkdir()
        (folder / SENSITIVITY).write_bytes(words)
    (first / IMPORTANCE).write_bytes(b"importance")
    keep("name", first)
    bring("name", second)
    assert (second / SENSITIVITY).read_bytes() == b"new"
    assert (second / IMPORTANCE).read_bytes() == b"importance"


def test_the_starter_model_is_known_from_the_first_start():
    """Otherwise: .venv/bin/python models/known/build.py"""
    recipe = Quantize(model=str(starter_model()), character="Hoshi")
    with open_base(starter_model()) as base:
        name = known_by(recipe, starter_model(), read_texts(recipe, base).calibration)
    place = models_folder() / "known" / name
    assert (place / IMPORTANCE).is_file()
    found = kept_sensitivities(place / SENSITIVITY)
    assert len(found.predicted) == 211
    assert not found.next_anchors(len(found.predicted))
