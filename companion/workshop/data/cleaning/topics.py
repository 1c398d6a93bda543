"""What dialogues are about, roughly: groups of dialogues with the same words (TF-IDF and k-means)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

_GROUPS: Final = 8
_WORDS: Final = 6


class Topic(NamedTuple):
    """A group of dialogues: its share of them, and the words that tell it from the others."""

    share: float
    words: tuple[str, ...]


def largest_topic(texts: list[str], seed: int = 0) -> Topic | None:
    """The largest of at most eight groups; None when the texts have no words to group them by."""
    from sklearn.cluster import KMeans  # half a second to import, and only inspecting needs it
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(max_df=0.3, min_df=2, max_features=4000, stop_words="english", sublinear_tf=True)
    try:
        vectors = vectorizer.fit_transform(texts)
    except ValueError:  # nothing but stop words
        return None
    groups = min(_GROUPS, max(2, len(texts) // 10))
    fitted = KMeans(groups, random_state=seed, n_init=3).fit(vectors)
    sizes = np.bincount(fitted.labels_, minlength=groups)
    largest = int(sizes.argmax())
    names = vectorizer.get_feature_names_out()
    contrast = fitted.cluster_centers_[largest] - np.delete(fitted.cluster_centers_, largest, axis=0).mean(axis=0)
    words = tuple(str(names[index]) for index in np.argsort(-contrast)[:_WORDS])
    return Topic(float(sizes[largest] / len(texts)), words)
