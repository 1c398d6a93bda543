"""What is worth remembering in what a person says, and how somebody else would tell it."""

from __future__ import annotations

import random
import time
from datetime import date

import pytest

from companion.core.reflection.facts import LONGEST, MOST, find_facts, name_given
from companion.core.reflection.third_person import normalized, third_person


def told(text: str) -> list[str]:
    return [fact.text.removeprefix("{{user}}").strip() for fact in find_facts(text)]


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        ("I have a cat called Miso.", "pets", "has a cat called Miso."),
        ("i have a cat called miso", "pets", "has a cat called miso."),
        ("Hey! By the way, I've got two dogs :)", "pets", "has two dogs."),
        ("My dog died last week.", "pets", "'s dog died last week."),
        ("My turtle's name is Larry", "pets", "'s turtle's name is Larry."),
        ("My name's Sam, nice to meet you!", "name", "'s name is Sam."),
        ("Hi Hoshi, I'm Sam.", "name", "'s name is Sam."),
        ("Please call me Captain", "name", "'s name is Captain."),
        ("I am Otto", "name", "'s name is Otto."),
        ("I'm Fred, nice to meet you!", "name", "'s name is Fred."),
        ("I'm Julian Meier.", "name", "'s name is Julian Meier."),
        ("I'm Anna-Lena", "name", "'s name is Anna-Lena."),
        ("I'm Björn.", "name", "'s name is Björn."),
        ("They call me Ana.", "name", "'s name is Ana."),
        ("I'm Catholic.", "self", "is Catholic."),
        ("I'm 27.", "age", "is 27."),
        ("im 27 years old", "age", "is 27 years old."),
        ("I am thirty-two years old.", "age", "is thirty-two years old."),
        ("I live in Oslo and work as a nurse.", "home", "lives in Oslo and works as a nurse."),
        ("I'm originally from a small town", "home", "is originally from a small town."),
        ("I grew up on a farm, you know.", "home", "grew up on a farm."),
        ("I’m moving to Bergen in June", "home", "is moving to Bergen in June."),
        ("I'm a software engineer at a small company.", "work", "is a software engineer at a small company."),
        ("I work night shifts", "work", "works night shifts."),
        ("I used to work as a baker.", "work", "used to work as a baker."),
        ("I'm studying biology in Graz.", "work", "is studying biology in Graz."),
        ("I have a job interview.", "work", "has a job interview."),
        ("My sister's name is Ann.", "family", "'s sister's name is Ann."),
        ("My wife and I have two kids.", "family", "has two kids."),
        ("My mom passed away when I was ten.", "family", "'s mom passed away when they were ten."),
        ("I'm getting married in June!", "family", "is getting married in June."),
        ("I have a sister who teaches me chess.", "family", "has a sister who teaches them chess."),
        ("I'm allergic to peanuts", "health", "is allergic to peanuts."),
        ("I have really bad migraines", "health", "has really bad migraines."),
        ("I don't drink alcohol, do you?", "health", "doesn't drink alcohol."),
        ("I broke my leg", "health", "broke their leg."),
        ("I don’t like loud music.", "likes", "doesn't like loud music."),
        ("Me too! I love hiking with my kids too.", "likes", "loves hiking with their kids."),
        ("I hate Mondays, don't you?", "likes", "hates Mondays."),
        ("I like to cook and go to the beach", "likes", "likes to cook and go to the beach."),
        ("I can't stand coriander.", "likes", "can't stand coriander."),
        ("I'm really into death metal", "likes", "is really into death metal."),
        ("I'm a huge Taylor Swift fan!", "likes", "is a huge Taylor Swift fan."),
        ("I think my favourite colour is green.", "favourite", "'s favourite colour is green."),
        ("My favorite band is probably The Beatles", "favourite", "'s favorite band is probably The Beatles."),
        ("I've always wanted to visit Japan.", "plans", "has always wanted to visit Japan."),
        ("I'd love to learn Norwegian someday.", "plans", "would love to learn Norwegian someday."),
        ("I'm learning Norwegian", "plans", "is learning Norwegian."),
        ("I'm training for a marathon.", "plans", "is training for a marathon."),
        ("I play the piano and guitar and sing.", "habits", "plays the piano and guitar and sings."),
        ("I go swimming every Tuesday", "habits", "goes swimming every Tuesday."),
        ("I speak three languages.", "habits", "speaks three languages."),
        ("I drive a red Tesla.", "self", "drives a red Tesla."),
        ("I'm blonde with blue eyes.", "self", "is blonde with blue eyes."),
    ],
)
def test_what_a_person_says_of_themselves_is_told_in_the_third_person(said, kind, text):
    facts = find_facts(said)
    assert [(fact.kind, fact.sure) for fact in facts] == [(kind, True)]
    assert told(said) == [text]


@pytest.mark.parametrize(
    "said",
    [
        "I love you.",
        "I love your eyes.",
        "I'm in love with you.",
        "I am your master.",
        "I think you are cute.",
        "I love it!",
        "I like that.",
        "I like it there.",
        "I fear it.",
        "I love them so much.",
        "I'd love to!",
        "I have one too.",
        "Do I have a cat?",
        "I have a cat?",
        "What is your name?",
        "Tell me about yourself.",
        "You have a cat.",
        "I have a question.",
        "I have no idea.",
        "I have to go now.",
        "I have a feeling.",
        "I have seen Rome burn.",
        "I'm sorry.",
        "I am Tired.",
        "I'm Exhausted.",
        "I am Thinking",
        "I'm Belgian.",
        "I am Student",
        "I'm Very Tired",
        "I am Groot.",
        "I am otto",
        "I'm Team Jacob.",
        "Call me Maybe.",
        "I'm so tired today.",
        "I'm fine, thanks.",
        "I'm here.",
        "I'm not sure.",
        "I'm going to bed.",
        "If I had a dog, I would be happy.",
        "I wish I had a dog.",
        "Maybe I'm allergic to cats.",
        "I might have a dog someday.",
        "I'm kidding, I'm 200 years old.",
        "Pretend I'm a pirate.",
        "I'm a pirate in this story.",
        "As a joke: I have a horse.",
        "*I have a sword and draw it*",
        "*smiles* I live for this.",
        "“I have a cat,” she said.",
        'He said "I live in Rome".',
        "> I have a horse",
        "`I have a cat`",
        "((I have a dog irl))",
        "```\nI have a cat\n```",
        "My friend said I have a dog.",
        "My god, that's funny.",
        "My bad.",
        "My computer is broken.",
        "My cat is sleeping on my keyboard.",
        "My heart is heavy.",
        "I want to talk about something.",
        "I'd like to know more.",
        "I like where this is going.",
        "I hate when that happens.",
        "I run away.",
        "I take the sword.",
        "I go to the store.",
        "I'm going to kill the dragon.",
        "I'm the king of the world.",
        "I always feel bad.",
        "I never said that.",
        "I study your face.",
        "I was born ready.",
        "I'm like a dog.",
        "I manage to flee.",
        "",
        "   ",
        "!!!",
        "I",
        "My",
        "I am",
        "I'm a",
        "😀",
    ],
)
def test_what_is_not_a_fact_about_the_person_is_left_alone(said):
    assert find_facts(said) == ()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Ich habe eine Katze namens Miso.", "pets"),
        ("Je m'appelle Jean.", "name"),
        ("Me encanta el café con leche.", "likes"),
        ("Меня зовут Анна.", "name"),
        ("私は東京に住んでいます。", "home"),
        ("我叫小明。", "name"),
    ],
)
def test_other_languages_are_quoted_as_they_were_said(said, kind):
    (fact,) = find_facts(said)
    assert (fact.kind, fact.text, fact.sure) == (kind, f"{{{{user}}}} said: “{said}”", True)


@pytest.mark.parametrize(
    ("said", "kind"), [("We have two dogs.", "pets"), ("Our daughter's name is Ida.", "family"), ("We live in Boston", "home")]
)
def test_what_we_say_of_ourselves_is_quoted_until_somebody_finds_better_words(said, kind):
    (fact,) = find_facts(said)
    assert (fact.kind, fact.text, fact.sure) == (kind, f"{{{{user}}}} said: “{said.rstrip('.')}.”", False)
    assert find_facts("We love it.") == find_facts("We love pizza.") == ()


def test_one_message_may_hold_several_facts_and_each_is_found_once():
    text = "Hi! My name is Sam, and I live in Oslo. I have a cat called Miso but I love dogs. I love dogs!"
    assert told(text) == ["'s name is Sam.", "lives in Oslo.", "has a cat called Miso.", "loves dogs."]


def test_what_is_true_only_for_a_time_keeps_its_date():
    when = date(2026, 11, 20)
    (fact,) = find_facts("I've got a job interview tomorrow!", when)
    assert fact.text == "{{user}} has a job interview tomorrow (said on 20 November 2026)."
    (fact,) = find_facts("I have a cat.", when)
    assert fact.text == "{{user}} has a cat."


def test_the_persons_own_words_are_kept_with_the_fact():
    (fact,) = find_facts("Well, I live in Oslo, you know!")
    assert fact.said == "I live in Oslo"


def test_nobody_gets_a_macro_into_a_memory():
    assert told("I have a cat called {{char}}.") == []


def test_long_and_hostile_messages_take_no_time():
    pieces = [
        "I ",
        "I'm ",
        "my ",
        "have ",
        "a ",
        "really ",
        "and ",
        "I have a cat ",
        ", ",
        "*",
        "“",
        "the ",
        "(",
        "you",
        "very ",
        "'",
    ]
    random.seed(0)
    texts = ["".join(random.choices(pieces, k=4000)) for _ in range(20)]
    texts += ["I am a " + "very " * 5000, "I love " + "a" * 50_000, "*" * 20_000, "I have " * 5000, "- " * 9000, "[" * 20_000]
    began = time.process_time()
    for text in texts:
        assert all(len(fact.said) <= LONGEST for fact in find_facts(text))
    assert (time.process_time() - began) / len(texts) < 0.2
    assert len(find_facts(" ".join(f"I have {n} cats." for n in range(50)))) == MOST


@pytest.mark.parametrize(
    ("clause", "text"),
    [
        ("I do carpentry", "{{user}} does carpentry."),
        ("I watch films", "{{user}} watches films."),
        ("I study law and live with my aunt", "{{user}} studies law and lives with their aunt."),
        ("I was born in Spain and live in France", "{{user}} was born in Spain and lives in France."),
        ("I've never seen myself as shy", "{{user}} has never seen themselves as shy."),
        ("I needn't go", None),
        ("We have a cat", None),
        ("I know what we want", None),
    ],
)
def test_only_the_verb_behind_the_name_is_conjugated(clause, text):
    assert third_person(normalized(clause)) == text


ASKED = "There's tea if your hands are cold. What should I call you?"


@pytest.mark.parametrize(
    "answer", ["I'm Ana.", "*waves* I'm Ana. My dog is called Rex.", "Ana", "Hi, it's Ana!", "They call me Ana."]
)
def test_a_name_is_known_by_the_question_it_answers(answer: str):
    given = name_given(ASKED, answer)
    assert given is not None
    assert given.text == "{{user}}'s name is Ana."


@pytest.mark.parametrize(
    "answer", ["I'm German.", "Tired.", "Guess.", "ana", "Why?", "I'm Ana and Bo.", "", "Whatever you like."]
)
def test_other_answers_are_no_names(answer: str):
    assert name_given(ASKED, answer) is None


def test_without_the_question_there_is_no_name():
    assert name_given("The kettle is on.", "I'm Ana.") is None
