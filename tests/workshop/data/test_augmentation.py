"""Other versions of a dialogue: seeded, shown, and never with another name or number in it."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.dataset import Dialogue, DialogueTurn
from companion.workshop.data.augmentation.edits import delete_words, replace_words, shuffle_sentences, swap_words
from companion.workshop.data.augmentation.neighbours import of_model, wordnet
from companion.workshop.data.augmentation.opposites import stand_apart
from companion.workshop.data.augmentation.pipeline import Augmentation
from companion.workshop.data.augmentation.rewriting import LocalWriter, Rewriting, refusal
from companion.workshop.data.augmentation.words import facts_of, parts_of
from companion.workshop.data.sources.found import Found
from companion.workshop.data.splits import members

OTHERS = {"big": ("large",), "house": ("home",), "river": ("stream",)}
SENTENCE = "Hoshi, the big house near the river has 12 rooms and Mara loves `big_house()` at https://big.example!"
METHODS = {
    "synonyms": replace_words(1.0, lambda word: OTHERS.get(word, ())),
    "deletion": delete_words(0.9),
    "swap": swap_words(1.0),
    "shuffling": shuffle_sentences,
}


def test_synonyms_replace_ordinary_words_only():
    changed = METHODS["synonyms"](SENTENCE, ["Hoshi"], Random(0))
    assert changed == "Hoshi, the large home near the stream has 12 rooms and Mara loves `big_house()` at https://big.example!"


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=120) | st.just(SENTENCE), seed=st.integers(0, 99))
def test_no_edit_loses_a_name_or_a_number_and_the_seed_decides(name, text, seed):
    changed = METHODS[name](text, ["hoshi"], Random(seed))
    assert METHODS[name](text, ["hoshi"], Random(seed)) == changed
    assert facts_of(text, ["hoshi"]) <= {part.casefold() for part in parts_of(changed)}
    assert "not" not in text.split() or "not" in changed


def test_deletion_leaves_two_thirds_of_the_ordinary_words():
    words = " ".join(["river"] * 30)
    assert len(delete_words(1.0)(words, (), Random(1)).split()) == 20


def test_shuffling_keeps_the_last_sentence_which_is_answered():
    text = "I like tea. It rains here. What do you like?"
    assert shuffle_sentences(text, (), Random(0)) == "It rains here. I like tea. What do you like?"
    assert shuffle_sentences("One. Two?", (), Random(0)) == "One. Two?"


def dialogue(number: int = 0) -> Found:
    turns = (
        DialogueTurn("system", "The big river."),
        DialogueTurn("user", f"Is the big river {number} near the house?"),
        DialogueTurn("assistant", "The big river is near."),
    )
    return Found(Dialogue(messages=turns, id=f"d{number}", labels={"topic": "rivers"}), f"Line {number}")


def test_only_the_turns_asked_for_change_and_the_dialogue_itself_stays():
    work = Augmentation({"synonyms": METHODS["synonyms"]})
    own, other = work.versions(dialogue())
    assert own.messages == dialogue().dialogue.messages
    assert [turn.content for turn in other.messages] == [
        "The big river.",
        "Is the large stream 0 near the home?",
        "The big river is near.",
    ]
    assert other.id == "d0+synonyms"
    assert other.labels["augmented"] == "synonyms"
    (finding,) = work.findings()
    assert (finding.cases[0].before, finding.cases[0].after) == (
        "Is the big river 0 near the house?",
        "Is the large stream 0 near the home?",
    )
    both = Augmentation({"synonyms": METHODS["synonyms"]}, whose="all")
    assert list(both.versions(dialogue()))[1].messages[2].content == "The large stream is near."


def test_a_version_is_never_measured_when_its_original_is_learned():
    work = Augmentation(METHODS)
    versions = [each for number in range(20) for each in work.versions(dialogue(number))]
    assert len(versions) > 40
    for seed in range(5):
        split = members(versions, seed=seed).hold_out(0.2, 100)
        learned = {versions[index].labels["origin"] for index in split.train}
        assert learned.isdisjoint(versions[index].labels["origin"] for index in split.held_out)
        assert len(split.held_out) > 0


def test_wordnet_is_used_only_where_it_is_installed():
    known = wordnet()
    assert known is None or "house" not in known("house")


def test_words_near_in_the_model_s_own_embeddings_are_words_of_its_vocabulary(starter):
    neighbours = of_model(starter)
    assert "large" in neighbours("big")
    assert "houses" not in neighbours("house")
    assert list(neighbours("xyzzy")) == []
    assert all("river" not in other for other in neighbours("river"))
    for word in ("evening", "good", "hot", "tea", "mother", "left", "said"):
        others = neighbours(word)
        assert not {"morning", "bad", "cold", "coffee", "father", "right", "say"} & set(others), f"{word} → {others}"


def test_opposites_and_members_of_a_row_are_no_synonyms():
    apart = (("evening", "morning"), ("tuesday", "monday"), ("mothers", "fathers"), ("hours", "years"), ("big", "tiny"))
    assert all(stand_apart(one, other) and stand_apart(other, one) for one, other in apart)
    assert not any(stand_apart(one, other) for one, other in (("big", "large"), ("begin", "start"), ("car", "vehicle")))


ASKED = "I went to the market with Mara and bought 12 apples."


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("Mara and I went to the market, where I bought 12 apples.", ""),
        ("At the market with Mara I was buying 12 red apples.", ""),
        ("", "it is empty"),
        (ASKED, "it is the same"),
        (ASKED.upper(), "it is the same"),
        ("Here is the paraphrased message: I bought 12 apples with Mara.", "it talks about the task"),
        ("Apples.", "it is far longer or shorter"),
        ("I went to the market with Anna and bought 12 apples.", "it lost a name or a number"),
        ("I went to the market with Mara and bought apples.", "it lost a name or a number"),
        ("Did I go to the market with Mara and buy 12 apples?", "a question became a statement, or the other way"),
        ("Mara and the 12 dancing stars will never return home again.", "it says something else"),
        ("I went to the market with Mara.\nThen I bought 12 apples there.", "it has several paragraphs"),
    ],
)
def test_the_gate_lets_only_paraphrases_pass(after, reason):
    assert refusal(ASKED, after) == reason


def test_what_a_model_of_noise_writes_is_refused(talkative_model):
    with LocalWriter(talkative_model) as writer:
        assert writer.write("Say it again:", "the night star", seed=1) == writer.write("Say it again:", "the night star", seed=1)
        for rewriting in (Rewriting(writer), Rewriting(writer, "German")):
            assert rewriting(ASKED, (), Random(0)) == ASKED
            assert rewriting.accepted == 0
            assert rewriting.refused.total() == 1
