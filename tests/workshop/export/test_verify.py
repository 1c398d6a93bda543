"""An export that does something else in llama.cpp than in training fails loudly."""

from __future__ import annotations

import math

import pytest

from companion.core.errors import ModelError, WorkshopError
from companion.core.gguf.header import read_header
from companion.workshop.data.batch import Example
from companion.workshop.export.adapter_file import Provenance, write_adapter
from companion.workshop.export.verify import measured_loss, tolerance, verify_export
from tests.workshop.export.trained import matrices, random_dialogues, random_tensors, torch_losses


@pytest.fixture(scope="module")
def voice(tmp_path_factory, tiny_model):
    tensors = random_tensors(matrices(tiny_model), 4)
    path = tmp_path_factory.mktemp("voice") / "voice.gguf"
    write_adapter(path, read_header(tiny_model), tensors, alpha=8.0, rank_stabilized=False, provenance=Provenance(name="Voice"))
    return path, tensors


def test_the_right_adapter_passes(voice, tiny_model, library):
    path, tensors = voice
    examples, seen = random_dialogues(384), []
    _, expected = torch_losses(tiny_model, examples, tensors, 8.0)
    verified = verify_export(tiny_model, path, examples, expected, library=library, threads=1, progress=seen.append)
    assert verified.difference < 0.002
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_a_long_dialogue_is_read_in_portions(voice, tiny_model, library):
    path, tensors = voice
    examples = random_dialogues(384, count=1, length=400)
    _, expected = torch_losses(tiny_model, examples, tensors, 8.0)
    assert verify_export(tiny_model, path, examples, expected, library=library, threads=1).difference < 0.002


def test_the_wrong_scale_or_no_adapter_fails(voice, tiny_model, library):
    path, tensors = voice
    examples = random_dialogues(384)
    plain, _ = torch_losses(tiny_model, examples, tensors, 8.0)
    _, stronger = torch_losses(tiny_model, examples, tensors, 16.0)
    for wrong in (plain, stronger, math.nan):
        with pytest.raises(WorkshopError, match=r"“voice.gguf” does not do in llama.cpp .*nats"):
            verify_export(tiny_model, path, examples, wrong, library=library, threads=1)


def test_nothing_to_check_with_and_a_missing_file_are_sentences(voice, tiny_model, library, tmp_path):
    unlearned = [Example([5, 6, 7], [True, False, False])]  # the first token has nothing before it
    with pytest.raises(WorkshopError, match="nothing to check"):
        measured_loss(tiny_model, voice[0], unlearned, library=library, threads=1)
    with pytest.raises(ModelError, match=r"missing\.gguf"):
        measured_loss(tiny_model, tmp_path / "missing.gguf", random_dialogues(384), library=library, threads=1)


@pytest.mark.parametrize(("tokens", "share"), [(5000, 0.01), (100, 0.01), (25, 0.02), (1, 0.05)])
def test_few_tokens_may_differ_by_more(tokens, share):
    assert tolerance(tokens) == pytest.approx(share)
