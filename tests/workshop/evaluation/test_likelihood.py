"""Perplexity, held-out loss by role and dataset, bits per byte: right, paired by what they were computed from, or explained."""

from __future__ import annotations

import math

import pytest

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.recipes.evaluate import Evaluate, Likelihood
from companion.core.report import Metric, Section
from companion.llama.likelihood import likelihood
from companion.llama.scoring import perplexity, text_tokens
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.evaluation import likelihood as family
from companion.workshop.evaluation.family import Material, Situation, Text
from companion.workshop.evaluation.material import DATASET
from companion.workshop.evaluation.opened import Opened, open_subjects
from tests.tiny_adapters import write_adapter
from tests.tiny_models import write_tiny_llama

PROSE = "Hello, what is your name? You and me and the night: how can you tell that a star is not with me? Tell me, love. " * 8


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    path = write_tiny_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", context=2048)
    with open_subjects(Evaluate(subjects=((str(path),),))) as (subjects, _):
        yield subjects[0]._replace(threads=1)


def dialogues(count: int = 6) -> tuple[Dialogue, ...]:
    card = DialogueTurn("system", "You are with me and the night is good.")
    said = ["hello", "what is your name", "tell me about the star", "how are you", "is love good", "think"]
    return tuple(
        Dialogue(
            id=f"talk {i}",
            labels={DATASET: ("one", "two")[i % 2]},
            messages=(
                card,
                DialogueTurn("user", said[i % len(said)]),
                DialogueTurn("assistant", "I think that " + said[(i + 2) % len(said)]),
                DialogueTurn("user", "and you"),
                DialogueTurn("assistant", said[(i + 3) % len(said)] * (1 + i % 3)),
            ),
        )
        for i in range(count)
    )


def measured(opened: Opened, *, texts: tuple[Text, ...] = (Text("prose", PROSE),), **options: object) -> Section:
    recipe = Evaluate(likelihood=Likelihood(**{"context": 64, **options}))
    material = Material(dialogues(), texts, ())
    return family.measure(Situation(recipe, opened, material, (), None, lambda share: None))


def by_key(section: Section, name: str) -> Metric:
    return next(each for each in section.metrics if each.key == f"likelihood.{name}")


def test_perplexity_of_a_text_is_that_of_its_chunks(opened):
    found = by_key(measured(opened), "perplexity")
    tokens = text_tokens(opened.model.vocabulary, PROSE)
    with opened.context(64, batch=64) as context:
        score = perplexity(context, tokens, chunk=64)
    assert found.value == pytest.approx(score.perplexity)
    assert found.headline
    assert (found.count, found.units) == (len(tokens) // 64, "chunks")


def test_losses_are_those_that_training_would_see(opened):
    section = measured(opened)
    template = TrainingTemplate(opened.model.vocabulary, opened.template)
    nats = tokens = size = 0
    with opened.context(512) as context:
        for dialogue in dialogues():
            example = template.example(dialogue)
            one = likelihood(context, example.tokens, example.learn)
            nats, tokens = nats + one.nats, tokens + one.tokens
            size += sum(len(turn.content) for turn in dialogue.messages if turn.role == "assistant")
    assert by_key(section, "held_out_loss").value == pytest.approx(nats / tokens, rel=1e-5)
    assert by_key(section, "bits_per_byte").value == pytest.approx(nats / size / math.log(2), rel=1e-5)


def test_each_role_and_each_dataset_has_its_loss(opened):
    section = measured(opened)
    hers, theirs, both = (by_key(section, name).items for name in ("held_out_loss", "held_out_loss:user", "held_out_loss:all"))
    for one, two, sums in zip(hers.vectors, theirs.vectors, both.vectors, strict=True):
        assert sums == pytest.approx((one[0] + two[0], one[1] + two[1]))
    parts = [by_key(section, f"held_out_loss@{name}").items.vectors for name in ("one", "two")]
    assert sorted(parts[0] + parts[1]) == sorted(hers.vectors)


def test_units_of_losses_per_token_name_the_tokens_and_those_of_bits_do_not(opened, tmp_path):
    path = write_tiny_llama(tmp_path / "other.gguf", tokenizer="llama", context=2048)
    with open_subjects(Evaluate(subjects=((str(path),),))) as (others, _):
        other, ours = measured(others[0]._replace(threads=1)), measured(opened)
    for key, paired in {"held_out_loss": False, "perplexity": False, "bits_per_byte": True}.items():
        names = [set(by_key(section, key).items.names) for section in (ours, other)]
        assert bool(names[0] & names[1]) == paired, key


def test_a_text_that_is_too_short_says_how_many_tokens_it_needs(opened):
    section = measured(opened, texts=(Text("prose", PROSE), Text("short", "hello")))
    short = by_key(section, "perplexity:short")
    assert short.value is None
    assert "needs at least 128" in short.why
    assert by_key(section, "perplexity").value


def test_without_replies_the_loss_has_no_value_and_says_why(opened):
    material = Material((Dialogue(id="a", messages=(DialogueTurn("user", "hello"),)),), (Text("prose", PROSE),), ())
    recipe = Evaluate(likelihood=Likelihood(context=64))
    section = family.measure(Situation(recipe, opened, material, (), None, lambda share: None))
    loss = by_key(section, "held_out_loss")
    assert (loss.value, bool(loss.why)) == (None, True)
    assert by_key(section, "held_out_loss:user").value > 0


def test_torch_computes_the_same_loss_with_and_without_an_adapter(opened, tmp_path):
    adapter = write_adapter(tmp_path / "voice.gguf", opened.path, size=0.5)
    with open_subjects(Evaluate(subjects=((str(opened.path), f"{adapter}:0.5"),))) as (voiced, _):
        losses = []
        for subject in (opened, voiced[0]._replace(threads=1)):
            section = measured(subject, torch_check=True)
            losses.append(by_key(section, "torch_loss").value)
            assert losses[-1] == pytest.approx(by_key(section, "held_out_loss").value, rel=2e-3)
            assert any("torch computes" in note and "wrong" not in note for note in section.notes)
    assert abs(losses[0] - losses[1]) > 0.01


def test_the_losses_of_the_dialogues_are_drawn(opened):
    curve = measured(opened).curves[0]
    assert curve.kind == "bars"
    assert sum(height for _, height in curve.series["her replies"]) == len(dialogues())
