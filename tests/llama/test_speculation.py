"""Guessed tokens are verified, and change nothing but the time: the same seed gives the same reply, token by token."""

from __future__ import annotations

from pathlib import Path

import pytest

from companion.core.errors import ModelError
from companion.core.sampling import PRESETS, Sampling
from companion.llama.context import Context, ContextOptions, KVTypes
from companion.llama.model import Model
from companion.llama.sampling import Sampler
from companion.llama.speculation import Ahead, Drafter, DraftModel, Payoff, PromptLookup, drift
from tests.tiny_models import write_tiny_llama

OPTIONS = ContextOptions(tokens=512, threads=1, batch=64, flash_attention=True, outputs=16)
TALK = (
    "The list again: red lamp, blue lamp, green lamp, small tea, large tea. "
    "Please write the list once more. The list again: red lamp, blue lamp, green"
)
SAMPLINGS = {
    "greedy": Sampling(temperature=0, repeat_penalty=1),
    "greedy with penalties": Sampling(temperature=0, repeat_penalty=1.1, dry_multiplier=0.8),
    **PRESETS,
    "wild": Sampling(temperature=1.5, top_k=0, top_p=1, min_p=0),
}


class Wrong:
    """Guesses what is never right, and once in a while what is."""

    def __init__(self, truth: list[int]) -> None:
        self.truth, self.asked = truth, 0

    def guess(self, tokens, most):
        self.asked += 1
        right = self.truth[len(tokens) : len(tokens) + most]
        return [*right[: self.asked % 3], 5, 6][:most]

    def close(self) -> None: ...


def write(model: Model, drafter: Drafter | None, sampling: Sampling, count: int = 60, **changes) -> tuple[list[int], Context]:
    """What is drawn, and the context it was written into, closed."""
    prompt = model.vocabulary.tokenize(TALK)
    with Context(model, OPTIONS._replace(**changes)) as context:
        context.read(prompt)
        sampler = Sampler(model.vocabulary, sampling, prompt)
        ahead, drawn = Ahead(context, drafter, 4), []
        for _ in range(count):
            drawn.append(sampler.sample(context.pointer, ahead.index))
            ahead.add(drawn[-1])
        ahead.finish()
        sampler.close()
        assert context.tokens == [*prompt, *drawn]
        assert ahead.length == len(context.tokens)
    return drawn, context


@pytest.mark.parametrize("name", SAMPLINGS)
def test_the_same_seed_gives_the_same_reply_with_guesses_and_without(starter_loaded, name):
    sampling = SAMPLINGS[name]
    sampling = Sampling(**{field: getattr(sampling, field) for field in sampling.__struct_fields__} | {"seed": 7})
    plain, _ = write(starter_loaded, None, sampling)
    assert write(starter_loaded, PromptLookup(), sampling)[0] == plain
    truth = [*starter_loaded.vocabulary.tokenize(TALK), *plain]
    assert write(starter_loaded, Wrong(truth), sampling)[0] == plain


def test_a_quantized_cache_is_cut_and_goes_on_too(starter_loaded):
    kinds = {"kv_types": KVTypes("Q8_0", "Q8_0")}
    plain, _ = write(starter_loaded, None, SAMPLINGS["greedy"], **kinds)
    assert write(starter_loaded, PromptLookup(), SAMPLINGS["greedy"], **kinds)[0] == plain


def test_a_draft_model_guesses_and_the_words_stay_the_target_models(library, starter, starter_loaded):
    plain, _ = write(starter_loaded, None, SAMPLINGS["greedy"], 30)
    drafter = DraftModel(Model(library, starter), starter_loaded, ContextOptions(512, 1))
    try:
        prompt = starter_loaded.vocabulary.tokenize(TALK)
        assert drafter.guess(prompt, 3) == plain[:3], "it is the same model, and it is sure of a list"
        assert drafter.guess([*prompt] * 20, 3) == [], "what does not fit its context is not guessed"
        assert write(starter_loaded, drafter, SAMPLINGS["greedy"], 30)[0] == plain
        sampled = Sampling(seed=3)
        assert write(starter_loaded, drafter, sampled, 30)[0] == write(starter_loaded, None, sampled, 30)[0]
    finally:
        drafter.close()


def test_a_draft_model_with_another_vocabulary_is_a_sentence(library, starter_loaded, tmp_path):
    other = Model(library, write_tiny_llama(tmp_path / "tiny.gguf"))
    with pytest.raises(ModelError, match="different vocabularies"):
        DraftModel(other, starter_loaded, ContextOptions(256))
    assert other.pointer is None, "it was closed"


def test_what_stood_there_before_is_looked_up():
    lookup = PromptLookup()
    assert lookup.guess([1, 2, 3, 4], 3) == []
    assert lookup.guess([1, 2, 3, 4, 9, 2, 3], 3) == [4, 9, 2]
    assert lookup.guess([1, 2, 3, 4, 9, 2, 3, 4, 9], 2) == [2, 3], "it goes on in the circle"
    assert lookup.guess([7, 7, 1, 2], 3) == [], "another conversation"
    assert lookup.guess([7, 8, 1, 7, 8, 2, 7, 8], 1) == [2], "the latest place counts"


def test_guesses_that_do_not_pay_are_given_up_for_a_while():
    payoff = Payoff()
    assert not payoff.is_on, "nobody knows yet how long one token takes"
    payoff.plain(0.01)
    for _ in range(12):
        assert payoff.is_on
        payoff.round(0.03, guessed=4, accepted=0)
    assert not payoff.is_on
    for _ in range(64):
        payoff.plain(0.01)
    for _ in range(12):
        assert payoff.is_on
        payoff.round(0.03, guessed=4, accepted=4)
    assert payoff.is_on
    assert (payoff.guessed, payoff.accepted) == (96, 48)


def test_a_short_text_is_computed_with_the_same_bits_at_once_or_one_by_one(starter_loaded):
    tokens = starter_loaded.vocabulary.tokenize(TALK)
    with Context(starter_loaded, OPTIONS) as context:
        assert drift(context, tokens) == 0.0
        assert context.tokens == []
    with Context(starter_loaded, OPTIONS._replace(flash_attention=False)) as context:
        assert 0 <= drift(context, tokens) < 0.02


def test_a_cache_that_cannot_be_taken_back_gets_no_guesses(library, tmp_path):
    from tests.workshop.architectures import write_architecture

    path: Path = write_architecture(tmp_path / "gemma.gguf", "gemma2")
    with Model(library, path) as model, Context(model, ContextOptions(256, batch=64)) as context:
        assert not context.can_take_back
        context.read([3, 4, 5])
        ahead = Ahead(context, Wrong([3, 4, 5, 6]), 4)
        ahead.add(6)
        assert (ahead.index, context.tokens) == (-1, [3, 4, 5, 6])
