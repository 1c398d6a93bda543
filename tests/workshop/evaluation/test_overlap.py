"""Text overlap against the libraries' own corpus scores."""

from __future__ import annotations

import statistics

import pytest
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.translate.meteor_score import single_meteor_score
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from companion.core.recipes.evaluate import Overlap
from companion.workshop.evaluation import overlap
from tests.workshop.evaluation.canned import by_key, replies, reply, situation, values

TEXTS = (
    "The kettle is on, and I walked up the hill to see Saturn.",
    "I don't know.\nMaybe we could look at the moon together, or talk?",
    "",
    "That sounds hard. What happened then?",
    "Ich habe Tee gekocht – möchtest du auch einen?",
    "Yes.",
    "stars stars stars stars",
)
REFERENCES = (
    "The kettle's on. I walk up the hill every night to see Saturn!",
    "I don't know.\nWe could look at the moon, or just talk.",
    "There is tea.",
    "What happened next? That sounds really hard.",
    "Ich habe gerade Tee gekocht, möchtest du einen?",
    "Yes.",
    "So many stars tonight.",
)
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def measured():
    return overlap.measure(situation(replies(*TEXTS, references=REFERENCES)))


def test_bleu_and_its_signature_are_sacrebleus(measured):
    scorer = BLEU()
    expected = scorer.corpus_score(list(TEXTS), [list(REFERENCES)]).score
    assert values(measured)["bleu"] == pytest.approx(expected, abs=TOLERANCE)
    assert "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp." in measured.notes[0]


def test_chrf_is_sacrebleus(measured):
    expected = CHRF().corpus_score(list(TEXTS), [list(REFERENCES)]).score
    assert values(measured)["chrf"] == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("stemmer", [True, False])
def test_rouge_is_the_mean_of_rouge_scores_f(stemmer):
    section = overlap.measure(situation(replies(*TEXTS, references=REFERENCES), overlap=Overlap(stemmer=stemmer)))
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=stemmer)
    scores = [scorer.score(reference, text) for text, reference in zip(TEXTS, REFERENCES, strict=True)]
    for kind in ("rouge1", "rouge2", "rougeL", "rougeLsum"):
        expected = statistics.mean(score[kind].fmeasure for score in scores)
        assert values(section)[kind.lower()] == pytest.approx(expected, abs=TOLERANCE)
    assert ("stems" in section.notes[1]) is stemmer


def test_meteor_is_nltks(measured):
    class Without:
        def synsets(self, word):
            return []

    found = overlap.meteor()
    if found.synonyms:
        from nltk.corpus import wordnet as synonyms
    else:
        synonyms = Without()
        assert any("WordNet" in note for note in measured.notes)
    cut = NLTKWordTokenizer().tokenize
    expected = statistics.mean(
        single_meteor_score(cut(reference), cut(text), wordnet=synonyms, alpha=0.9, beta=3.0, gamma=0.5) if text else 0.0
        for text, reference in zip(TEXTS, REFERENCES, strict=True)
    )
    assert values(measured)["meteor"] == pytest.approx(expected, abs=TOLERANCE)


def test_an_exact_match_counts_letters_and_marks_but_not_spaces():
    section = overlap.measure(situation(replies("Yes. ", "yes.", "Yes!", "No", references=["Yes.", "Yes.", "Yes.", "No"])))
    assert values(section)["exact"] == 0.5


def test_a_reply_that_is_the_reference_scores_everything():
    text = "I walked up the hill to see Saturn tonight."
    found = values(overlap.measure(situation(replies(text, references=[text]))))
    assert found["bleu"] == pytest.approx(100)
    assert found["chrf"] == pytest.approx(100)
    assert found["rougelsum"] == found["exact"] == 1.0


def test_replies_to_one_dialogue_are_one_unit(measured):
    given = [reply("a b c d e", "a b c d f", name="one#2"), reply("g h i j k", "g h i j k", name="one#6")]
    bleu = by_key(overlap.measure(situation(given)), "bleu")
    assert bleu.items is not None
    assert bleu.items.names == ("one",)
    assert bleu.value == pytest.approx(BLEU().corpus_score([r.text for r in given], [[r.prompt.reference for r in given]]).score)


def test_without_references_the_section_says_what_to_do():
    section = overlap.measure(situation(replies("Hello there.")))
    assert section.state == "skipped"
    assert "Choose dialogues" in section.why


def test_replies_without_a_reference_are_left_out_and_told():
    section = overlap.measure(situation(replies("Yes.", "No.", references=["Yes."])))
    assert by_key(section, "exact").count == 1
    assert any("1 of 2" in note for note in section.notes)
