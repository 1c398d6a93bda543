"""Who she is and what she remembers, with the starter model itself."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from companion.core.character_library import CharacterLibrary, built_in_character
from companion.core.dataset import DialogueTurn
from companion.core.errors import DatasetError
from companion.core.recipes.evaluate import Persona, Replies
from companion.llama.scoring import continuation
from companion.workshop.evaluation import persona, recall
from companion.workshop.evaluation.opened import prompt_tokens
from companion.workshop.evaluation.scripted import character_of, dialogue, read_lines, shipped
from tests.workshop.evaluation.canned import by_key, situation, values

FACTS = 2
ROUNDING = 0.15
"""Nats per token: what is computed side by side is rounded in another order (measured up to 0.06)."""


def test_the_margin_is_that_of_each_pair_computed_alone(starter_opened):
    wanted = situation(opened=starter_opened, character="hoshi", persona=Persona(facts=FACTS))
    found = persona.measure(wanted)
    margins = []
    with starter_opened.context(600) as context:
        for fact in read_lines(shipped(persona.FACTS), persona.Fact)[:FACTS]:
            talk = dialogue(fact.id, built_in_character(), [DialogueTurn("user", fact.question)])
            endings = [starter_opened.model.vocabulary.tokenize(text) for text in (fact.true, fact.false)]
            true, false = continuation(context, prompt_tokens(starter_opened, talk.messages), endings)
            margins.append(true / len(endings[0]) - false / len(endings[1]))
    items = by_key(found, "margin").items
    assert items is not None
    assert [vector[0] for vector in items.vectors] == pytest.approx(margins, abs=ROUNDING)
    assert values(found)["facts"] == pytest.approx(np.mean(np.array(margins) > 0))
    assert by_key(found, "facts").headline


@pytest.mark.slow
def test_only_the_card_tells_which_of_the_shipped_answers_is_true(starter_opened):
    facts = read_lines(shipped(persona.FACTS), persona.Fact)
    shares = []
    for character in (built_in_character(), None):
        found = persona.margins(starter_opened, character, facts, lambda share: None)
        shares.append(sum(margin > 0 for margin in found) / len(found))
    assert shares[0] > 0.65  # measured 0.75
    assert 0.35 < shares[1] < 0.65  # measured 0.52


def test_the_card_tells_a_true_answer_from_nonsense(starter_opened, tmp_path):
    facts = tmp_path / "facts.jsonl"
    pairs = (
        ("What's your name?", "My name is Hoshi.", "Seven of the of purple because."),
        ("Where are we?", "We are in the dome of the observatory.", "Where where are are the the."),
    )
    lines = [json.dumps({"id": str(n), "question": q, "true": t, "false": f}) for n, (q, t, f) in enumerate(pairs)]
    facts.write_text("\n".join(lines), encoding="utf-8")
    recipe = {"character": "Hoshi", "persona": Persona(facts_file=str(facts))}
    found = persona.measure(situation(opened=starter_opened, **recipe))
    assert values(found)["facts"] == 1.0
    assert found.tables == ()
    assert values(found)["margin"] > 1


def test_without_a_character_or_facts_about_her_the_section_says_what_to_do():
    section = persona.measure(situation())
    assert section.state == "skipped"
    assert "hoshi" in section.why
    other = CharacterLibrary().create(built_in_character().card.__class__(name="Rin"))
    section = persona.measure(situation(character=other.identifier))
    assert section.state == "skipped"
    assert "Rin" in section.why
    assert "facts_file" in section.why


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("", "holds no lines"), ('{"id": "a"}', "Line 1"), ("\n{", "Line 2"), ('{"id": "", "question": "a"}', "Line 1")],
)
def test_a_file_of_facts_that_is_none_is_told(tmp_path, content, sentence):
    file = tmp_path / "facts.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DatasetError, match=sentence):
        persona.measure(situation(character="hoshi", persona=Persona(facts_file=str(file))))


def test_a_file_of_facts_that_is_missing_is_told(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        persona.measure(situation(character="hoshi", persona=Persona(facts_file=str(tmp_path / "none.jsonl"))))


def test_the_shipped_facts_are_pairs_with_names_of_their_own():
    facts = read_lines(shipped(persona.FACTS), persona.Fact)
    assert len({fact.id for fact in facts}) == len(facts) == 60
    assert all(fact.true != fact.false for fact in facts)
    longer = sum(len(fact.true) > len(fact.false) for fact in facts)
    assert 0.3 <= longer / len(facts) <= 0.7  # length alone does not give it away


def test_a_word_counts_as_held_only_as_a_whole():
    script = recall.Script("a", "name", "I'm Tom", "Hi.", "my name?", ("Tom",))
    assert script.held_by("You’re TOM, of course.")
    assert not script.held_by("Tomorrow I will know it, atom by atom.")


def test_small_talk_and_her_written_words_give_nothing_away():
    scripts = read_lines(shipped(recall.SCRIPTS), recall.Script)
    small_talk = read_lines(shipped(recall.SMALL_TALK), recall.Exchange)
    assert len({script.id for script in scripts}) == len(scripts) == 24
    for script in scripts:
        assert script.held_by(script.tell) or script.id == "name-wilhelmina"
        assert not script.held_by(script.answer), script.id
        assert not script.held_by(script.ask), script.id
        for exchange in small_talk:
            assert not script.held_by(f"{exchange.said} {exchange.answer}"), script.id


def test_the_question_comes_after_as_many_exchanges_as_wanted():
    small_talk = read_lines(shipped(recall.SMALL_TALK), recall.Exchange)
    script = read_lines(shipped(recall.SCRIPTS), recall.Script)[0]
    character = character_of(situation(character="hoshi").recipe)
    prompt = recall.scripted(script, 3, character, small_talk[:3])
    said = [turn.content for turn in prompt.dialogue.messages if turn.role == "user"]
    assert [said[0], said[-1]] == [script.tell, script.ask]
    assert len(said) == 5
    assert prompt.dialogue.messages[0].role == "system"
    roles = [turn.role for turn in prompt.dialogue.messages[1:]]
    assert all(a != b for a, b in itertools.pairwise(roles))


def test_recall_is_asked_at_every_distance(starter_opened):
    section = recall.measure(
        situation(
            opened=starter_opened,
            character="hoshi",
            persona=Persona(recalls=2, distances=(2, 0)),
            replies=Replies(tokens=8, sampling="greedy"),
        )
    )
    found = values(section)
    assert found["held"] == pytest.approx((found["held:0"] + found["held:2"]) / 2)
    assert by_key(section, "held").count == 2
    assert [x for x, _ in section.curves[0].series["Names"]] == [0.0, 2.0]
    assert [sample.name.rpartition(" ")[2] for sample in section.samples] == ["2", "2"]


def test_recall_without_distances_says_what_to_do():
    section = recall.measure(situation(persona=Persona(distances=())))
    assert section.state == "skipped"
    assert "distances" in section.why
