"""What dialogues are about, roughly: groups of dialogues with the same words (TF-IDF and k-means)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np

from companion.workshop.data.telling_words import WORD, ignored_words, telling_words

_GROUPS: Final = 8
_WORDS: Final = 6
_ALIKE: Final = 0.15
"""Least mean cosine of two dialogues of a topic."""


class Topic(NamedTuple):
    """A group of dialogues: its share of them, and the words that tell it from the others."""

    share: float
    words: tuple[str, ...]


def largest_topic(texts: list[str], names: Iterable[str] = (), seed: int = 0) -> Topic | None:
    """The largest of at most eight groups whose dialogues are like each other; None when there is none.

    What has no words in common with anything is no topic, however much of it there is: k-means puts it together all the same.
    """
    from sklearn.cluster import KMeans  # half a second to import, and only inspecting needs it
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        min_df=2, max_features=4000, token_pattern=WORD, stop_words=ignored_words(names), sublinear_tf=True
    )
    try:
        vectors = vectorizer.fit_transform(texts)
    except ValueError:  # nothing but words that say nothing
        return None
    groups = min(_GROUPS, max(2, len(texts) // 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different dialogues than groups: that is what is looked for
        labels = KMeans(groups, random_state=seed, n_init=3).fit_predict(vectors)
    alike = [group for group in range(groups) if _likeness(vectors[labels == group]) >= _ALIKE]
    if not alike:
        return None
    largest = max(alike, key=lambda group: int((labels == group).sum()))
    words = telling_words(texts, labels, _WORDS, names)[largest]
    return Topic(float((labels == largest).mean()), words) if words else None


def _likeness(vectors: Any) -> float:
    """Mean cosine of two dialogues of a group, from its centre."""
    count = vectors.shape[0]
    if count < 2:
        return 0.0
    centre = np.asarray(vectors.mean(axis=0)).ravel()
    return float((count * centre @ centre - 1) / (count - 1))
