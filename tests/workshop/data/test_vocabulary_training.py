"""A vocabulary of one's own: SentencePiece makes it, llama.cpp cuts text with it, and both cut alike."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import sentencepiece

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import DatasetError, RecipeError
from companion.core.messages import Turn
from companion.core.recipes.pretrain import Decoder, Pretrain, VocabularyPart
from companion.llama.prompt import tokens_of
from companion.workshop.data import vocabulary_training
from companion.workshop.data.control_tags import BEGIN, TURN_ENDS, chat_template, tagged
from companion.workshop.data.sources.found import Found
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.vocabulary_training import lines_to_learn_from, train_vocabulary
from companion.workshop.export.model_file import write_model
from companion.workshop.export.sentencepiece_model import read_sentencepiece
from companion.workshop.nn.decoder import Decoder as Network
from companion.workshop.recipes.open_base import open_base
from companion.workshop.recipes.pretrain import decoder_config

HOSHI = Path(__file__).parents[3] / "models" / "hoshi" / "dialogues" / "first_meetings.jsonl"
TAGS = ("<joy>", "<sadness>")
ODD = ("<|im_start|>", "<joy>", "\n\n", "   ", "▁", "<0x41>", BEGIN, "日本", "😀", "\t", "e\u0301")


@pytest.fixture(scope="module")
def lines():
    return list(lines_to_learn_from(read_all([str(HOSHI)])))


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def trained(request, lines, tmp_path_factory):
    """SentencePiece's processor and llama.cpp's vocabulary with its chat template."""
    part = VocabularyPart(method=request.param, size=900, tags=TAGS)
    model = train_vocabulary(lines, part, 0)
    shape = Decoder(layers=1, width=32, heads=2, kv_heads=1, feed_forward=32, context=64)
    config = decoder_config(Pretrain(decoder=shape), len(read_sentencepiece(model).pieces))
    path = tmp_path_factory.mktemp("vocabulary") / "fresh.gguf"
    tensors = Network.fresh(config, 0).model_tensors()
    write_model(path, config, tensors, model, chat_template=chat_template(TAGS), begin=BEGIN, end_of_turn=TURN_ENDS, name="Fresh")
    with open_base(path) as base:
        yield sentencepiece.SentencePieceProcessor(model_proto=model), base


def texts(lines, count):
    chance = random.Random(3)
    letters = "ab cdehilo rstu  \n.,!?'<|>_0123é語😀im_startendjoysad"
    for number in range(count):
        parts = chance.choices(lines, k=3)
        noise = "".join(chance.choices(letters, k=chance.randrange(1, 60)))
        yield (parts[0], noise, f"{parts[0]}{chance.choice(ODD)}{parts[1]}\n{parts[2][:9]}")[number % 3]


def test_sentencepiece_and_llama_cpp_cut_alike(trained, lines):
    processor, base = trained
    spelled = processor.encode("😀", out_type=str)
    has_bytes = spelled != ["<|unknown|>"]
    for text in texts(lines, 900):
        ours, theirs = base.vocabulary.tokenize(text), processor.encode(text)
        if has_bytes:
            assert ours == theirs, text
        else:  # of equally likely ways unigram may take either: “!!” and “!” in this order or the other
            assert sorted(ours) == sorted(theirs), text
            assert sum(map(processor.get_score, ours)) == pytest.approx(sum(map(processor.get_score, theirs)), abs=1e-3)


def test_text_comes_back_as_it_was(trained, lines):
    _, base = trained
    for text in [*lines[:200], "two  spaces\nand a line"]:
        assert b"".join(map(base.vocabulary.piece, base.vocabulary.tokenize(text))).decode() == text


def test_a_tag_in_the_system_message_becomes_a_token_before_every_reply(trained):
    _, base = trained
    vocabulary = base.vocabulary
    joy = vocabulary.control_tokens["<joy>"]
    talk = (Turn("user", "Hi"), Turn("assistant", "Hello"), Turn("user", "Tell me of <joy>"))
    plain = tokens_of(vocabulary, base.template.render(talk))
    assert joy not in plain
    glad = tokens_of(vocabulary, base.template.render((Turn("system", "You are Mira. <joy>"), *talk)))
    assert glad.count(joy) == 2
    assert glad[-1] == joy
    assert base.template.name == "the model's own"


def test_the_label_of_a_dialogue_names_its_tag():
    said = (DialogueTurn("user", "Hi"), DialogueTurn("assistant", "Hello"))
    glad = Dialogue(messages=said, labels={"mood": "Joy"})
    assert tagged(glad, TAGS).messages[0] == DialogueTurn("system", "<joy>")
    carded = Dialogue(messages=(DialogueTurn("system", "You are Mira."), *said), labels={"mood": "sadness"})
    assert tagged(carded, TAGS).messages[0] == DialogueTurn("system", "You are Mira.\n<sadness>")
    for other in (Dialogue(messages=said), Dialogue(messages=said, labels={"mood": "anger"})):
        assert tagged(other, TAGS) is other


def test_the_same_lines_and_seed_give_the_same_vocabulary(lines):
    part = VocabularyPart(method="unigram", size=600)
    assert train_vocabulary(lines, part, 1) == train_vocabulary(lines, part, 1)


def test_a_small_text_fills_a_smaller_vocabulary():
    pieces = read_sentencepiece(train_vocabulary(["a few words", "and a few more"], VocabularyPart(size=4000), 0)).pieces
    assert 256 < len(pieces) < 500


def test_a_large_text_is_sampled_and_long_lines_are_cut(lines, monkeypatch):
    monkeypatch.setattr(vocabulary_training, "_MOST_CHARACTERS", 20_000)
    kept = vocabulary_training._sample(iter(lines), 0)
    assert kept == vocabulary_training._sample(iter(lines), 0)
    assert sum(map(len, kept)) < 20_000
    assert lines.index(kept[-1]) > len(lines) // 2
    long = Dialogue(messages=(DialogueTurn("user", "word " * 5000 + "x" * 3000),))
    cut = list(lines_to_learn_from([Found(long, "Line 1")]))
    assert max(map(len, cut)) <= 1000
    assert "".join(cut[1:]) == long.messages[0].content


def test_what_cannot_become_a_vocabulary_is_refused():
    with pytest.raises(DatasetError, match="no text"):
        train_vocabulary(["", "  "], VocabularyPart(), 0)
    many = ["".join(map(chr, range(start, start + 100))) for start in range(0x4E00, 0x5A00, 100)]
    with pytest.raises(RecipeError, match="400 tokens has no room for the single characters") as caught:
        train_vocabulary(many, VocabularyPart(method="unigram", size=400), 0)
    assert "vocabulary.size" in caught.value.remedy
