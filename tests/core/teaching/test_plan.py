"""What a person wants as a recipe: the numbers follow from how much there is to learn from."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from companion.core.dataset_findings import Inspection, RoleCount, Spread
from companion.core.job import DataReady, JobEnded, OutputWritten, PlanMade
from companion.core.job_history import JobHistory
from companion.core.recipes.files import checked_recipe, encode_recipe
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.prefer import Prefer
from companion.core.teaching.cost import Cost, cost_of
from companion.core.teaching.goals import Goal, method_for, offers
from companion.core.teaching.keeping import Before, keeping_sentence
from companion.core.teaching.outcome import outcome_of
from companion.core.teaching.plan import EFFORTS, Wanted, recipe_of

NOTHING = Spread(smallest=0, five_percent=0, middle=0, ninety_five_percent=0, largest=0)
ANEW = Before()
AFTER = Before("/a/voice.gguf", "Voice", has_fisher=False, earlier=("/d/old.jsonl",))


def found(dialogues: int = 40, replies: int = 120, pairs: int = 0, thumbs: int = 0) -> Inspection:
    return Inspection(
        files={}, dialogues=dialogues, turns=2 * replies, words=40 * replies, learned_replies=replies,
        kept_by_cleaning=dialogues, roles={"assistant": RoleCount(turns=replies, words=40 * replies)}, labels={},
        turns_per_dialogue=NOTHING, words_per_reply=NOTHING, tokens_per_dialogue=None, findings=(), examples=(),
        pairs=pairs, thumbs=thumbs,
    )  # fmt: skip


def wanted(goal: Goal, effort: str = "balanced", before: Before = ANEW, sources=("/d/new.jsonl",), **counts: int) -> Wanted:
    return Wanted(
        goal=goal, effort=effort, sources=sources, character="Hoshi", model="/m.gguf", name="n", found=found(**counts),
        before=before,
    )  # fmt: skip


@pytest.mark.parametrize("goal", list(Goal))
@pytest.mark.parametrize("effort", list(EFFORTS))
@pytest.mark.parametrize("before", [ANEW, AFTER, AFTER._replace(has_fisher=True, earlier=())])
@pytest.mark.parametrize("dialogues", [1, 80, 5000])
def test_every_choice_makes_a_recipe_within_its_bounds(goal, effort, before, dialogues):
    recipe = recipe_of(wanted(goal, effort, before, dialogues=dialogues, replies=3 * dialogues, pairs=4))
    assert checked_recipe(recipe) == recipe
    assert encode_recipe(recipe)
    assert recipe.start_adapter == before.start


def test_a_handful_of_dialogues_is_more_than_one_step_and_not_learned_by_heart():
    few = recipe_of(wanted(Goal.SOUND, dialogues=5, replies=20))
    many = recipe_of(wanted(Goal.SOUND, dialogues=5000, replies=20_000))
    assert few.training.tokens_per_step < many.training.tokens_per_step == FineTune().training.tokens_per_step
    assert few.adapter.dropout > many.adapter.dropout == 0
    assert recipe_of(wanted(Goal.SOUND, "thorough")).training.epochs > FineTune().training.epochs_for(40)


def test_facts_are_read_often_and_close_to_how_she_was():
    for effort in EFFORTS:
        facts, sound = (recipe_of(wanted(goal, effort)) for goal in (Goal.FACTS, Goal.SOUND))
        assert facts.training.epochs > sound.training.epochs_for(40)
        assert facts.loss.keep_close > 0


def test_pairs_are_compared_lone_thumbs_are_not_and_one_alone_is_refused():
    assert method_for(found(pairs=2, thumbs=50)) == "dpo"
    assert method_for(found(pairs=1, thumbs=5)) == "kto"
    refused = {offer.goal: bool(offer.refusal) for offer in offers(found(pairs=1))}
    assert refused == {Goal.SOUND: False, Goal.STOP: True, Goal.FACTS: False}
    nothing = {offer.goal: bool(offer.refusal) for offer in offers(found(replies=0, thumbs=3))}
    assert nothing == {Goal.SOUND: True, Goal.STOP: False, Goal.FACTS: True}


def test_one_pair_among_thumbs_is_not_told_that_no_better_reply_stands_beside_them():
    stop = {
        pairs: next(offer for offer in offers(found(pairs=pairs, thumbs=5)) if offer.goal is Goal.STOP) for pairs in (0, 1, 3)
    }
    assert "without a better reply beside them" in stop[0].sentence
    assert "only one of them has a better reply beside it" in stop[1].sentence
    assert "5 single thumbs have nothing to be compared with" in stop[3].sentence
    assert [offer.method[-5:] for offer in stop.values()] == ["(KTO)", "(KTO)", "(DPO)"]


def test_what_she_knew_is_kept_by_what_the_recipe_can_do():
    sound = recipe_of(wanted(Goal.SOUND, before=AFTER))
    assert (sound.data.replay_file, sound.loss.ewc) == ("/d/old.jsonl", 0)
    stop = recipe_of(wanted(Goal.STOP, before=AFTER, pairs=5))
    assert isinstance(stop, Prefer)
    assert stop.loss.ewc > 0
    assert stop.loss.ewc_from == ("/d/old.jsonl",)
    held = recipe_of(wanted(Goal.SOUND, before=AFTER._replace(has_fisher=True)))
    assert held.loss.ewc > 0
    assert held.loss.ewc_from == ()
    same = recipe_of(wanted(Goal.SOUND, before=AFTER, sources=AFTER.earlier))
    assert same.data.replay == 0, "what is learned anyway is not mixed in"


def test_the_sentence_claims_nothing_that_is_not_done():
    assert "stays as it is" in keeping_sentence(ANEW, replays=False, holds=False)
    assert "one dialogue in five" in keeping_sentence(AFTER, replays=True, holds=False)
    assert "held firmly" in keeping_sentence(AFTER, replays=False, holds=True)
    assert "learns again" in keeping_sentence(AFTER, replays=False, holds=False)
    assert "not known" in keeping_sentence(AFTER._replace(earlier=()), replays=False, holds=False)


def test_the_other_presets_follow_from_one_dry_run(tiny_model: Path):
    history = JobHistory()
    history.add(DataReady(dialogues=50, held_out=5, tokens=5000, supervised_tokens=2000, fingerprint=""))
    history.add(
        PlanMade(
            device="cpu", weights="packed", compute="float32", micro_batch_tokens=512, steps=40, tokens_per_second=100,
            seconds=80, memory_bytes=10**9,
        )
    )  # fmt: skip
    history.add(JobEnded(state="done", what="", seconds=20))
    recipes = [FineTune(model=str(tiny_model)), FineTune(model=str(tiny_model))]
    balanced = cost_of(recipes[0], recipes[1], history)
    quick = recipe_of(wanted(Goal.SOUND, "quick"))
    assert balanced is not None
    assert balanced.seconds == pytest.approx(176), "reading, eight looks, writing and checking, and four epochs"
    cheaper = cost_of(FineTune(model=str(tiny_model), training=quick.training), recipes[1], history)
    assert cheaper is not None
    assert cheaper.seconds == pytest.approx(116), "one epoch"
    assert cheaper.memory == balanced.memory
    assert Cost(240, 1_900_000_000, 98_000_000).words == "about 4 min\n1.9 GB of memory\n98 MB of disk"


@pytest.mark.parametrize(
    ("recipe", "metrics", "number", "word"),
    [
        (FineTune(), {"held_out_loss_before": 2.0, "held_out_loss": 2.0 + math.log(0.75)}, "25 %", "better"),
        (FineTune(), {"held_out_loss_before": 2.0, "held_out_loss": 2.0 + math.log(1.1)}, "10 %", "worse"),
        (FineTune(), {"held_out_loss_before": 2.0, "held_out_loss": 2.001}, "0 %", "the same"),
        (FineTune(), {"steps": 4.0}, "", ""),
        (Prefer(), {"preference_accuracy": 0.8, "likelier_before": 0.4, "likelier": 0.6}, "80 %", "better"),
        (Prefer(), {"chosen_loss_before": 2.0, "chosen_loss": 2.0 + math.log(0.9)}, "10 %", "better"),
    ],
)
def test_before_and_after_in_words(recipe, metrics, number, word):
    history = JobHistory()
    assert outcome_of(recipe, history).details == "", "nothing is said before anything is read"
    history.add(OutputWritten(file="a.gguf", kind="adapter", metrics=metrics | {"llama_cpp_loss": 1.5, "torch_loss": 1.501}))
    told = outcome_of(recipe, history)
    assert (told.number, told.word) == (number, word)
    assert "In llama.cpp, with which she talks, the loss is the same." in told.details
