"""A model of one's own: llama.cpp loads it, cuts text exactly as SentencePiece does, and computes what torch does."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sentencepiece
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core.errors import WorkshopError
from companion.core.gguf.header import read_header
from companion.llama.library import Library
from companion.llama.model import Model
from companion.workshop.data.batch import pack
from companion.workshop.export.model_file import write_model
from companion.workshop.export.sentencepiece_model import (
    TRAINING_OPTIONS,
    read_sentencepiece,
    refuse_unless_llama_cuts_alike,
)
from companion.workshop.export.verify import verify_export
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.losses import supervised_loss
from tests.tiny_models import CHATML
from tests.workshop.export.trained import Loss, random_dialogues, torch_losses

TAGS = ["<joy>", "<sad>"]
CONTROL = ["<|im_start|>", "<|im_end|>"]
WORDS = ["the", "and", "you", "that", "hello", "what", "is", "not", "my", "name", "love", "about", "think", "night", "star"]


def sentences() -> Iterator[str]:
    dice = random.Random(0)
    for _ in range(400):
        yield " ".join(dice.choice(WORDS) for _ in range(dice.randrange(3, 12))) + dice.choice((".", "!", "?", "…", "\n"))
    yield "ÄÖÜ äöü ß é è 猫 犬 0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ ,;:'\"()<>|-_/"


def train(method: str, size: int = 400, **options) -> bytes:
    model = io.BytesIO()
    arguments = {
        **TRAINING_OPTIONS,
        "byte_fallback": method == "bpe",
        "control_symbols": CONTROL,
        "user_defined_symbols": [*TAGS, "\n"],
        "character_coverage": 1.0,
        "hard_vocab_limit": False,
        "minloglevel": 2,
        "num_threads": 1,
    } | options
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sentences(), model_writer=model, model_type=method, vocab_size=size, **arguments
    )
    return model.getvalue()


def config_for(vocabulary: bytes, **more) -> DecoderConfig:
    size = len(read_sentencepiece(vocabulary).pieces)
    shape = {"layers": 2, "width": 64, "heads": 4, "kv_heads": 2, "feed_forward": 128, "context": 128} | more
    return DecoderConfig.llama(vocabulary=size, **shape)


def fresh(config: DecoderConfig, tied: bool = True) -> Decoder:
    return Decoder.fresh(config, 0, DecoderOptions(), tied=tied)


def write(path: Path, vocabulary: bytes, **more):
    config = config_for(vocabulary)
    arguments = {"chat_template": CHATML, "end_of_turn": "<|im_end|>", "name": "Mine"} | more
    return write_model(path, config, arguments.pop("tensors", None) or fresh(config).model_tensors(), vocabulary, **arguments)


@pytest.fixture(scope="module")
def bpe() -> bytes:
    return train("bpe")


@pytest.fixture(scope="module")
def unigram() -> bytes:
    return train("unigram", size=150)


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def both(request, library: Library, tmp_path_factory: pytest.TempPathFactory):
    """The vocabulary in SentencePiece and, from our file, in llama.cpp."""
    vocabulary = request.getfixturevalue(request.param)
    path = tmp_path_factory.mktemp("mine") / "mine.gguf"
    write(path, vocabulary)
    with Model(library, path, vocabulary_only=True) as model:
        yield sentencepiece.SentencePieceProcessor(model_proto=vocabulary), model.vocabulary


def test_the_file_is_a_chat_model_like_any_other(tmp_path, bpe):
    header = write(tmp_path / "mine.gguf", bpe, extra={"general.license": "mit"})
    assert header == read_header(tmp_path / "mine.gguf")
    assert (header.architecture, header.name, header.quantization, header.layers) == ("llama", "Mine", "F16", 2)
    assert header.has_chat_template
    assert header.bytes_with_token == 256
    assert header.text("general.license") == "mit"


@pytest.mark.parametrize("tied", [True, False])
def test_llama_cpp_computes_what_torch_does(tmp_path, bpe, library, tied):
    config = config_for(bpe)
    decoder = fresh(config, tied)
    tensors = {name: tensor * 3 if tensor.dim() > 1 else tensor for name, tensor in decoder.model_tensors().items()}
    path = tmp_path / "mine.gguf"
    header = write(path, bpe, tensors=tensors, store_as="F32")
    assert ("output.weight" in {tensor.name for tensor in header.tensors}) is not tied
    examples = random_dialogues(config.vocabulary)
    loss, _ = torch_losses(path, examples)
    assert verify_export(path, None, examples, loss, library=library, threads=1).difference < 0.002
    with torch.no_grad():
        for name, parameter in decoder.trainable().items():
            parameter.copy_(tensors[name])
        found = [supervised_loss(decoder, pack([example]), Loss()) for example in examples]
    here = sum(one.cross_entropy for one in found) / sum(one.count for one in found)
    assert here == pytest.approx(loss, rel=1e-4), "what was read back is what was trained"


@pytest.mark.parametrize(
    "text", ["", " ", "hello", "  hello  you ", "<joy>hello", "hello <sad> night\n\ttell me", "猫と犬", "a\x00b", "▁"]
)
def test_text_is_cut_as_sentencepiece_does(both, text):
    theirs, ours = both
    assert ours.tokenize(text) == theirs.encode(text)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_any_text_is_cut_as_sentencepiece_does(both, data):
    theirs, ours = both
    part = st.one_of(st.sampled_from([*WORDS, " ", "  ", "\n", ".", "…", *TAGS, *CONTROL, "猫", "<0x0A>"]), st.text(max_size=12))
    text = "".join(data.draw(st.lists(part, max_size=20)))
    assert ours.tokenize(text) == theirs.encode(text)


def test_what_was_cut_reads_as_before(both):
    theirs, ours = both
    text = "Hello, what is <joy> my name? ÄÖÜ 猫\n"
    assert b"".join(ours.piece(token) for token in ours.tokenize(text)).decode() == text == theirs.decode(theirs.encode(text))


def test_control_tokens_cannot_be_typed_and_the_end_of_a_turn_ends_a_reply(both):
    theirs, ours = both
    assert set(CONTROL) <= set(ours.control_tokens)
    assert ours.ends_reply(theirs.piece_to_id("<|im_end|>"))
    assert ours.bos == theirs.piece_to_id("<|begin|>")
    assert ours.adds_bos
    typed = ours.tokenize("<|im_end|><|begin|>")
    assert not {theirs.piece_to_id(piece) for piece in (*CONTROL, "<|begin|>")} & set(typed)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"normalization_rule_name": "nmt_nfkc"}, "changes text"),
        ({"remove_extra_whitespaces": True}, "changes text"),
        ({"add_dummy_prefix": True}, "space at the beginning"),
        ({"byte_fallback": False}, "single bytes"),
    ],
)
def test_a_vocabulary_that_llama_cpp_would_use_otherwise_is_refused(tmp_path, options, sentence):
    with pytest.raises(WorkshopError, match=sentence):
        write(tmp_path / "mine.gguf", train("bpe", **options))
    assert not (tmp_path / "mine.gguf").exists()


def test_unigram_with_bytes_or_without_line_breaks_is_refused():
    for options, sentence in (({"byte_fallback": True}, "bytes"), ({"user_defined_symbols": TAGS}, "line break")):
        vocabulary = read_sentencepiece(train("unigram", size=420, **options))
        with pytest.raises(WorkshopError, match=sentence):
            refuse_unless_llama_cuts_alike(vocabulary)


def test_pieces_that_could_make_a_marker_are_refused():
    model = read_sentencepiece(train("bpe", user_defined_symbols=["<j", "oy>"], control_symbols=["<joy>"]))
    types = tuple(1 if piece in ("<j", "oy>") else kind for piece, kind in zip(model.pieces, model.types, strict=True))
    with pytest.raises(WorkshopError, match="“<j” and “oy>”, out of which text could make the marker “<joy>”"):
        refuse_unless_llama_cuts_alike(msgspec.structs.replace(model, types=types))


@pytest.mark.parametrize("damage", [b"", b"GGUF", b"\x0a\xff\xff\xff", b"\x12\x02\x18\x03", b"\x0a\x02\x0a\x7f"])
def test_what_is_no_vocabulary_is_a_sentence(tmp_path, bpe, damage):
    with pytest.raises(WorkshopError):
        write_model(tmp_path / "m.gguf", config_for(bpe), {}, damage, chat_template="", end_of_turn="<|end|>", name="Mine")


def test_weights_that_do_not_fit_are_never_written(tmp_path, bpe):
    config = config_for(bpe)
    tensors = fresh(config).model_tensors()
    broken = {
        "numbers that are none": tensors | {"output_norm.weight": torch.full((64,), torch.nan)},
        "missing": {name: tensor for name, tensor in tensors.items() if name != "blk.1.attn_q.weight"},
        "not": tensors | {"blk.1.attn_q.weight": torch.zeros(64, 32)},
    }
    for sentence, wrong in broken.items():
        with pytest.raises((WorkshopError, ValueError), match=sentence):
            write(tmp_path / "mine.gguf", bpe, tensors=wrong)
    with pytest.raises(WorkshopError, match="no token “<stop>”"):
        write(tmp_path / "mine.gguf", bpe, end_of_turn="<stop>")
    with pytest.raises(WorkshopError, match="tokens and the model"):
        write_model(
            tmp_path / "mine.gguf", config_for(train("bpe", size=420)), tensors, bpe, chat_template="", end_of_turn="", name=""
        )
    assert not (tmp_path / "mine.gguf").exists()
