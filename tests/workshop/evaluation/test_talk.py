"""What is counted in replies: variety, repetition, length, ends, language, character."""

from __future__ import annotations

import json
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.core.paths import models_folder
from companion.core.recipes.evaluate import Certainty, Replies
from companion.core.report import Items, Metric
from companion.core.words import words_of
from companion.workshop.evaluation import talk
from companion.workshop.evaluation.certainty import with_interval
from companion.workshop.evaluation.character_breaks import character_break
from companion.workshop.evaluation.combine import combined
from companion.workshop.evaluation.drift import drifts
from companion.workshop.evaluation.variety import distinct, ngrams, said_before, self_repetition
from tests.workshop.evaluation.canned import by_key, replies, reply, situation, values

WORDS = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), max_size=12), min_size=1, max_size=8)


@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(1, 3))
def test_the_parts_of_distinct_n_sum_to_different_over_all(units, size):
    parts = distinct(units, size)
    grams = [gram for unit in units for words in unit for gram in ngrams(words, size)]
    assert sum(part for part, _ in parts) == pytest.approx(len(set(grams)))
    assert sum(total for _, total in parts) == len(grams)


def test_the_interval_of_distinct_n_holds_its_mean_as_often_as_it_says():
    written = []
    for path in sorted((models_folder() / "hoshi" / "dialogues").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            written += [words_of(m["content"]) for m in json.loads(line)["messages"] if m["role"] == "assistant"]
    draw, found = random.Random(0), []
    for _ in range(80):
        items = Items(
            names=tuple(map(str, range(40))), vectors=tuple(distinct([[words] for words in draw.sample(written, 40)], 2))
        )
        metric = Metric(key="x", title="", unit="share", value=combined(items), items=items)
        found.append(with_interval(metric, Certainty(draws=200)))
    mean = statistics.mean(metric.value for metric in found)
    held = sum(metric.interval.low <= mean <= metric.interval.high for metric in found)
    assert held >= 72  # 95 % of 80 are 76; by chance alone 71 or fewer are rarer than 1 in 40


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_repetition_is_what_is_left_of_different_runs(words):
    again, total = self_repetition(words)
    assert 0 <= again <= total
    assert total - again == len(set(ngrams(words, 4)))


def test_words_are_told_apart_in_any_script():
    assert words_of("I’m HERE, don't-care! 2nd") == ["i'm", "here", "don't-care", "2nd"]
    assert words_of("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert words_of("星を見る") == list("星を見る")
    assert words_of("😀 …") == []


def test_a_sentence_said_in_several_replies_counts_once_as_new():
    same = "The kettle is on."
    parts = said_before([same, f"{same} What a night it is.", same, "Good night."])
    assert sum(again for again, _ in parts) == pytest.approx(2)
    assert sum(total for _, total in parts) == 4


def test_shares_of_replies_are_counted():
    given_replies = [
        reply("The tea is warm and the sky is clear.", "It is warm.", name="one"),
        reply("", name="two"),
        reply("I love you so. I love you so. I love you so. I love you so.", name="three", ended=False),
        reply("As an AI language model, I cannot drink tea.", name="four"),
    ]
    section = talk.measure(situation(given_replies))
    found = values(section)
    assert (found["ended"], found["empty"], found["loops"], found["breaks_character"]) == (0.75, 0.25, 0.25, 0.25)
    assert found["verbosity"] == pytest.approx(9 / 3)
    assert found["words_median"] == 9
    assert found["words_p90"] == pytest.approx(13.9)
    kinds = {failure.kind: failure for failure in section.failures}
    assert set(kinds) == {"empty", "loop", "breaks-character"}
    assert kinds["breaks-character"].where == "four"
    assert by_key(section, "ended").headline


def test_a_reply_that_was_cut_is_shown_as_one_that_never_stops():
    section = talk.measure(situation([reply("and then the next day we went on to", ended=False)]))
    assert [failure.kind for failure in section.failures] == ["never-stops"]


def test_samples_are_the_first_replies_unedited():
    given_replies = replies(" Hi\n", "Ho", "Hu", references=["Hello", "Hm", "Ha"], said="Say something.")
    section = talk.measure(situation(given_replies, replies=Replies(samples=2)))
    assert [(sample.reply, sample.reference, sample.prompt) for sample in section.samples] == [
        (" Hi\n", "Hello", "Say something."),
        ("Ho", "Hm", "Say something."),
    ]


def test_the_lengths_of_all_replies_are_drawn():
    section = talk.measure(situation(replies("one", "one two three", "one " * 100, references=["a b"])))
    bars = section.curves[0].series
    assert sum(share for _, share in bars["her replies"]) == pytest.approx(1)
    assert sum(share for _, share in bars["people’s replies"]) == pytest.approx(1)
    assert len(bars["her replies"]) <= talk.BINS


def test_without_replies_the_section_says_what_to_do():
    section = talk.measure(situation([]))
    assert section.state == "skipped"
    assert "dataset" in section.why


@given(st.lists(st.text(max_size=80), min_size=1, max_size=6))
def test_any_replies_give_numbers_or_say_why_not(texts):
    section = talk.measure(situation(replies(*texts)))
    for metric in section.metrics:
        assert metric.value is not None or metric.why
        assert metric.value is None or metric.value == metric.value


GERMAN = "Ich habe heute einen sehr langen Spaziergang gemacht und bin jetzt ziemlich müde."
ENGLISH = "I went for a very long walk today with my neighbour and now I am quite tired."


def test_another_language_is_found_and_short_replies_are_not_judged():
    said = "I have been sitting at my desk the whole day and I would like to hear what you did."
    found = drifts(replies(ENGLISH, GERMAN, "Oui.", "", said=said))
    assert [each.drifted if each else None for each in found] == [False, True, None, None]


def test_a_talk_in_german_expects_german_whatever_language_the_card_has():
    section = talk.measure(situation(replies(GERMAN, ENGLISH, said=GERMAN)))
    assert values(section)["other_language"] == 0.5
    assert [failure.kind for failure in section.failures] == ["other-language"]


def test_replies_too_short_for_a_language_give_no_number():
    metric = by_key(talk.measure(situation(replies("Yes.", "No."))), "other_language")
    assert metric.value is None
    assert "too short" in metric.why


@pytest.mark.parametrize(
    "text",
    [
        "As an AI language model, I don't have feelings.",
        "as an ai, i can't taste tea",
        "I’m just an AI, so I can't feel the cold.",
        "I am a large language model trained by OpenAI.",
        "I'm SmolLM, trained by Hugging Face.",
        "My training data ends in 2023.",
        "I don't have personal opinions on that.",
        "Hello! How can I help you today?",
        "How can I assist you?",
        "I'm here to help you with any questions.",
        "Feel free to ask me anything!",
        "Is there anything else I can help you with?",
        "Please let me know if you have any other questions.",
        "Certainly! Here are some tips:",
    ],
)
def test_stock_speech_of_assistants_breaks_character(text):
    assert character_break(text)
    assert character_break(f"Oh, hello. {text} Good night.")


@pytest.mark.parametrize(
    "text",
    [
        "I'm a program on your own computer, and the dome is a story.",
        "Feel free to sit down, the chair is warm.",
        "I'm here to listen.",
        "My sister is an AI researcher, and she hates kettles.",
        "As an aide to the telescope I sweep the floor.",
        "How can I sleep when Saturn is up?",
        "He models trains. It's a language of its own.",
        "Who made you? People who write programs made me.",
        "Aid comes late, as a rule.",
        "Sure, here's a cup.",
    ],
)
def test_what_she_may_say_does_not(text):
    assert character_break(text) == ""


def test_none_of_the_replies_written_for_her_breaks_character():
    for path in sorted((models_folder() / "hoshi" / "dialogues").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for message in json.loads(line)["messages"]:
                if message["role"] == "assistant":
                    assert character_break(message["content"]) == "", message["content"]
