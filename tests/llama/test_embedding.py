"""Embedding models: the same text gives the same vector of length 1; what is none is refused before llama.cpp sees it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from companion.core.errors import ModelError
from companion.core.gguf.header import read_embedding_header
from companion.llama.embedding import LARGEST_TEXT, EmbeddingModel, Prefixes, prefixes_for
from companion.llama.library import Library
from tests.tiny_models import write_tiny_bert, write_tiny_llama


def open_model(library: Library, path: Path) -> EmbeddingModel:
    return EmbeddingModel(library, read_embedding_header(path), threads=1)


def cosine(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def model(library: Library, tmp_path_factory: pytest.TempPathFactory):
    with open_model(library, write_tiny_bert(tmp_path_factory.mktemp("bert") / "tiny.gguf")) as model:
        yield model


@pytest.mark.parametrize("text", ["hello the star", "👩‍👩‍👧 e\u0301", "", "good night " * 3000])
def test_any_text_has_a_vector_of_length_one(model, text):
    vector = model.embed(text, query=False)
    assert len(vector) == 64
    assert cosine(vector, vector) == pytest.approx(1)
    assert model.embed(text, query=False) == vector


def test_other_texts_have_other_vectors(model):
    one, other = model.embed("hello star", query=False), model.embed("what is the name", query=False)
    assert cosine(one, other) < 0.9999


def test_a_long_text_is_cut_and_keeps_its_end_mark(model):
    tokens = model._tokens("good night " * 3000)
    assert len(tokens) == 128 <= LARGEST_TEXT
    assert (tokens[0], tokens[-1]) == (2, 3)


def test_a_model_that_writes_embeds_when_it_says_how(library, tmp_path):
    path = write_tiny_llama(tmp_path / "tiny.gguf", metadata={"{arch}.pooling_type": 3})
    with open_model(library, path) as model:
        first = model.embed("hello", query=False)
        assert model.embed("star", query=False) != first
        assert model.embed("hello", query=False) == first, "nothing of one text stays in the cache for the next"


def test_an_encoder_that_does_not_say_how_takes_the_mean(library, tmp_path):
    silent, mean = write_tiny_bert(tmp_path / "a.gguf", pooling=None), write_tiny_bert(tmp_path / "b.gguf", pooling=1)
    with open_model(library, silent) as one, open_model(library, mean) as other:
        assert one.embed("hello star", query=False) == other.embed("hello star", query=False)


def test_query_and_document_get_the_words_the_model_was_trained_with(library, tmp_path):
    path = write_tiny_bert(tmp_path / "tiny.gguf", name="nomic-embed-text-v1.5")
    with open_model(library, path) as model:
        assert model.embed("star", query=True) != model.embed("star", query=False)
    with open_model(library, write_tiny_bert(tmp_path / "plain.gguf")) as model:
        assert model.embed("star", query=True) == model.embed("star", query=False)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("nomic embed text v1.5", "search_query: "),
        ("multilingual-e5-small", "query: "),
        ("bge-small-en-v1.5", "Represent this sentence for searching relevant passages: "),
        ("snowflake-arctic-embed-m-v2.0", "query: "),
        ("all-MiniLM-L6-v2", ""),
        ("bge-m3", ""),
    ],
)
def test_known_models_are_known_by_name(name, query):
    assert prefixes_for(name).query == query
    assert prefixes_for("nomic_embed_text") == Prefixes("search_query: ", "search_document: ")


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (write_tiny_llama, "is a model for writing"),
        (lambda path: write_tiny_bert(path, pooling=4), "ranks texts"),
        (lambda path: write_tiny_bert(path, pooling=77), "in an unknown way"),
        (lambda path: write_tiny_bert(path, metadata={"bert.attention.head_count": 5}), "do not add up"),
        (lambda path: path.write_bytes(b"hello"), "is not a GGUF model"),
    ],
)
def test_what_is_no_embedding_model_is_refused_with_a_sentence(tmp_path, write, sentence):
    path = tmp_path / "wrong.gguf"
    write(path)
    with pytest.raises(ModelError, match=sentence) as refusal:
        read_embedding_header(path)
    assert "wrong.gguf" in refusal.value.what
    assert refusal.value.remedy
