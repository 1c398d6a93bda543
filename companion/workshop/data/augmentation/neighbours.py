"""Words that may stand for another: WordNet when it is installed, else words with a like embedding in the model itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from companion.core.errors import DatasetError
from companion.llama.vocabulary import Vocabulary
from companion.workshop.data.augmentation.edits import Neighbours
from companion.workshop.data.augmentation.opposites import stand_apart
from companion.workshop.data.augmentation.words import STOP_WORDS

_MOST: Final = 5
_LIKE: Final = 0.5
"""Least cosine of two embeddings. They say which words stand in like places: small for big as well as large for big, so what
comes out is another sentence of the same kind rather than the same one in other words. No cosine keeps opposites out, so a
list does (`opposites`): in 907 turns of people it took away half of what 0.5 alone let through."""
_ENDINGS: Final = ("ing", "ed", "ly", "est", "er", "s")
_PLAIN_WORD: Final = re.compile(r"[^\W\d_]{3,20}")


def wordnet() -> Neighbours | None:
    """Synonyms of a word's most frequent sense (Miller 1995); None when its corpus is not installed.

    Only base forms are replaced: the synonym of an inflected word would have to be inflected, too.
    """
    try:
        from nltk.corpus import wordnet as corpus  # its data are not shipped

        corpus.ensure_loaded()
    except (ImportError, LookupError, OSError):
        return None

    @lru_cache(maxsize=20_000)
    def neighbours(word: str) -> Sequence[str]:
        senses: list[Any] = corpus.synsets(word)
        if not senses or word not in senses[0].lemma_names():
            return ()
        others = (name for name in senses[0].lemma_names() if name != word and _PLAIN_WORD.fullmatch(name) and name.islower())
        return tuple(others)[:_MOST]

    return neighbours


def from_embeddings(vocabulary: Vocabulary, table: NDArray[np.float32]) -> Neighbours:
    """Nearest whole words in a token table (vocab, width); a word that is several tokens has none.

    Only words that are also known written large (so no code), that are among each other's nearest, that end alike
    (talking, speaking), and that are not the same word with another ending (star, stars).
    """
    texts = [vocabulary.piece(token).decode("utf-8", errors="ignore") for token in range(min(vocabulary.size, len(table)))]
    known = set(texts)
    words = {
        text[1:]: token
        for token, text in enumerate(texts)
        if text[:1] == " " and _PLAIN_WORD.fullmatch(text[1:]) and text[1:].islower() and f" {text[1:].capitalize()}" in known
    }
    names, numbers = list(words), np.fromiter(words.values(), dtype=np.int64, count=len(words))
    rows = {name: row for row, name in enumerate(names)}
    vectors = table[numbers] - table[numbers].mean(axis=0) if words else table[:0]
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    @lru_cache(maxsize=20_000)
    def nearest(row: int) -> tuple[int, ...]:
        likeness = vectors @ vectors[row]
        order = np.argsort(-likeness)[1 : 1 + _MOST]
        return tuple(int(index) for index in order if likeness[index] >= _LIKE)

    def neighbours(word: str) -> Sequence[str]:
        row = rows.get(word)
        if row is None:
            return ()
        mutual = [names[index] for index in nearest(row) if row in nearest(index)]
        return [name for name in mutual if name not in STOP_WORDS and _ends_alike(name, word) and not _is_another(name, word)]

    return neighbours


def of_model(path: Path) -> Neighbours:
    """`from_embeddings` over the token table of a GGUF file; raises ModelError."""
    import torch

    from companion.workshop.nn.weights import GGUFWeights
    from companion.workshop.recipes.open_base import open_base

    with open_base(path) as base:
        packed = GGUFWeights(base.header).packed("token_embd.weight")
        return from_embeddings(base.vocabulary, packed.dense(torch.float32).numpy())


def best_available(model: Path | None) -> tuple[Neighbours, str]:
    """WordNet, else the model's embeddings; and which it is. Raises DatasetError when there is neither."""
    if (known := wordnet()) is not None:
        return known, "WordNet"
    if model is None:
        raise DatasetError(
            "Synonyms need WordNet or a model, and there is neither.",
            "Install nltk with its wordnet corpus, or name a model with --model FILE.",
        )
    return of_model(model), f"embeddings of {model.name}"


def _ends_alike(one: str, other: str) -> bool:
    first, second = (next((ending for ending in _ENDINGS if word.endswith(ending)), "") for word in (one, other))
    return first == second


def _is_another(one: str, other: str) -> bool:
    """Not a synonym, as far as that is known: a form of the same word, or its opposite."""
    return _same_stem(one, other) or stand_apart(one, other)


def _same_stem(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    common = next(_differences(short, long), len(short))
    return common >= max(3, len(short) - 2)


def _differences(one: str, other: str) -> Iterator[int]:
    return (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
