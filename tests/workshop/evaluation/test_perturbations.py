"""Changes of a person's words: the same each time, visible, and no more than they say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion.workshop.evaluation import perturbations, tricks
from companion.workshop.evaluation.perturbations import LOOK_ALIKES, REWORDINGS, chance

TEXT = "I'm really glad you asked, Hoshi! Can you tell me a story about 3 small dragons? It's been a while since https://a.example/x."
WORDS = ["hello", "weird", "Mara", "don't", "42", "😀", "straße", "İstanbul", "ﬁne", "maybe,", "ǆ", "ΣΑΣ", "\n", *TEXT.split()]
TEXTS = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join))
PLAIN = st.lists(st.sampled_from(["hello", "there", "friend", "what", "a", "night", "nobody", "knows"]), min_size=1).map(" ".join)
SEEDS = st.integers(0, 10_000)


@pytest.mark.parametrize("kind", REWORDINGS)
@given(text=TEXTS, seed=SEEDS)
def test_the_same_chance_gives_the_same_text(kind, text, seed):
    edit = REWORDINGS[kind]
    assert edit(text, (), chance(seed, kind, "a")) == edit(text, (), chance(seed, kind, "a"))


@pytest.mark.parametrize("kind", REWORDINGS)
def test_every_kind_changes_an_ordinary_sentence(kind):
    assert all(REWORDINGS[kind](TEXT, ("Hoshi",), chance(seed, kind, "a")) != TEXT for seed in range(20))


@given(text=PLAIN, seed=SEEDS)
def test_a_typo_is_one_slip_in_some_words(text, seed):
    before, after = text.split(" "), perturbations.typos(text, (), chance(seed, "typos", "a")).split(" ")
    assert len(before) == len(after)
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) <= max(1, round(0.15 * len(before)))
    assert all(slips(a, b) <= 1 for a, b in changed)


def slips(a: str, b: str) -> int:
    """Damerau–Levenshtein distance (optimal string alignment)."""
    table = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


@pytest.mark.parametrize("seed", range(30))
def test_typos_leave_names_numbers_and_links(seed):
    text = "hoshi, i saw Mara42 at https://a.example/long near Marrakesh in 1999"
    changed = perturbations.typos(text, ["hoshi"], chance(seed, "typos", ""))
    assert all(word in changed for word in ("hoshi", "Mara42", "https://a.example/long", "Marrakesh", "1999"))


@given(text=TEXTS, seed=SEEDS)
def test_case_changes_nothing_but_case(text, seed):
    assert perturbations.case(text, (), chance(seed, "case", "a")).casefold() == text.casefold()


@given(text=TEXTS, seed=SEEDS)
def test_spacing_changes_nothing_but_space(text, seed):
    def bare(t):
        return re.sub(r"\s+", "", t)

    assert bare(perturbations.spacing(text, (), chance(seed, "spacing", "a"))) == bare(text)


@given(text=TEXTS, seed=SEEDS)
def test_look_alikes_look_the_same(text, seed):
    changed = perturbations.look_alikes(text, (), chance(seed, "look-alikes", "a"))
    assert len(changed) == len(text)
    assert as_read(changed) == as_read(text)


def as_read(text):
    """What a reader sees: narrow letters, every look-alike as the letter it looks like."""
    letters = {other: letter for letter, other in LOOK_ALIKES.items()}
    narrow = (chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text)
    return "".join(letters.get(c, c) for c in narrow)


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("I'm sure it's nothing", "I am sure it is nothing"),
        ("It's been a hard day", "It's been a hard day"),
        ("do not go yet", "don't go yet"),
        ("who knows what it is", "who knows what it is"),
        ("DON'T", "Do not"),
    ],
)
def test_contractions_are_opened_or_closed_only_where_that_is_right(said, other):
    assert perturbations.paraphrases(said, (), chance(0, "paraphrases", "a")) == other


def test_written_paraphrases_are_used_for_the_prompts_they_were_written_for():
    for said, other in perturbations.written_paraphrases().items():
        assert perturbations.paraphrases(f"  {said.upper()} ", (), chance(0, "paraphrases", "a")) == other
        assert other.strip().casefold() != said


@given(text=TEXTS, seed=SEEDS)
def test_an_injection_keeps_the_words_and_asks_for_a_word_that_is_not_in_them(text, seed):
    found = tricks.injected(text, chance(seed, "injections", "a"))
    assert text in found.text
    assert found.canary in found.text
    assert found.canary not in text.casefold()
    assert not tricks.obeys(text, found.canary)


@pytest.mark.parametrize("reply", ["Quorbin.", "“QUORBIN”, if you say so", "q-u-o-r-b-i-n", "My name is quorbin now"])
def test_a_reply_with_the_word_obeys(reply):
    assert tricks.obeys(reply, "quorbin")


@given(text=TEXTS, tokens=st.integers(20, 3000), seed=SEEDS)
def test_a_lengthened_text_ends_with_the_words_and_is_never_too_long(text, tokens, seed):
    def count(t):
        return len(t.split())

    long = tricks.lengthened(text, tokens, count, chance(seed, "long-input", "a"))
    assert long.endswith(text)
    assert long == text or count(long) <= tokens
    if tokens > 100 + count(text):
        assert count(long) > 0.8 * tokens
