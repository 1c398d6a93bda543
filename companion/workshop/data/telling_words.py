"""The words that tell groups of dialogues apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WORD: Final = r"(?u)\b[^\W\d_]{3,}\b"
"""No numbers: they count things, and name nothing."""
_SMALL_TALK: Final = (
    "hello hey hiya good morning evening afternoon night bye goodbye thanks thank please welcome sorry yes yeah okay sure oh ah "
    "don didn doesn isn wasn aren won can couldn wouldn shouldn haven hasn ve ll re just like really let got know think"
)
_FEWEST: Final = 2
_SHARE: Final = 0.1
"""Of the dialogues of a group that must hold a word: a rare one says nothing about the others."""
_SMOOTH: Final = 0.02


def ignored_words(names: Iterable[str] = ()) -> list[str]:
    """What stands in dialogues about anything: grammar, greetings, and the names of those who speak."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    own = {word for name in names for word in name.casefold().split()}
    return sorted(ENGLISH_STOP_WORDS | set(_SMALL_TALK.split()) | own)


def telling_words(texts: Sequence[str], labels: NDArray[Any], most: int, names: Iterable[str] = ()) -> dict[int, tuple[str, ...]]:
    """For each group those that stand in more of its dialogues than of the others, the most telling first.

    A word's weight is its share p of the group's dialogues times log(p / q), q being its share of the others: its part of the
    divergence between the two. Each word goes to one group only, so no two groups have the same words.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    groups = sorted({int(label) for label in labels})
    nothing: dict[int, tuple[str, ...]] = dict.fromkeys(groups, ())
    try:
        vectorizer = CountVectorizer(binary=True, token_pattern=WORD, stop_words=ignored_words(names), max_features=8000)
        holds = vectorizer.fit_transform(texts)
    except ValueError:  # nothing but such words
        return nothing
    vocabulary = vectorizer.get_feature_names_out()
    counts = np.stack([np.asarray(holds[labels == group].sum(axis=0)).ravel() for group in groups])
    sizes = np.array([(labels == group).sum() for group in groups])[:, None]
    inside = counts / sizes
    outside = (counts.sum(axis=0) - counts) / np.maximum(len(texts) - sizes, 1)
    weights = inside * np.log((inside + _SMOOTH) / (outside + _SMOOTH))
    weights[counts < np.minimum(np.maximum(_FEWEST, _SHARE * sizes), sizes)] = 0
    weights[weights < weights.max(axis=0)] = 0
    return {
        group: tuple(str(vocabulary[at]) for at in np.argsort(-row, kind="stable")[:most] if row[at] > 0)
        for group, row in zip(groups, weights, strict=True)
    }
