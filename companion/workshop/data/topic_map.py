"""A map of what dialogues are about: embeddings, groups of them (k-means), and a picture in two dimensions (PCA).

Words that tell a group from the others come from TF-IDF.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from companion.core.dataset_findings import TopicGroup, TopicMap, TopicPoint
from companion.core.dataset_messages import MapTopics
from companion.core.errors import DatasetError
from companion.core.gguf.header import read_header
from companion.core.hardware import usable_threads
from companion.llama.embedding import EmbeddingModel
from companion.llama.library import Library
from companion.workshop.data.cleaning.step import clipped, speakers
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.telling_words import telling_words

FEWEST: Final = 4
MOST_GROUPS: Final = 8
WORDS: Final = 4
READ_CHARACTERS: Final = 320
"""Of a dialogue: what it is about shows early, and reading is what takes the time."""
Floats = NDArray[np.float64]


def topic_map(wanted: MapTopics, tell: Callable[[str, float], None]) -> TopicMap:
    """Raises DatasetError for too few dialogues, ModelError for a model that cannot be loaded."""
    tell("Reading the dialogues", 0.0)
    texts, read, names = _chosen(wanted)
    if len(texts) < FEWEST:
        raise DatasetError(f"{read:,} dialogues are too few for a map.", f"Add some: it begins to say something at {FEWEST}.")
    vectors = _embedded(Path(wanted.model), texts, tell)
    tell("Finding what belongs together", 1.0)
    labels = _grouped(vectors, wanted.seed)
    points, kept = _placed(vectors)
    words = telling_words(texts, labels, WORDS, names)
    order = [int(group) for group in np.argsort(-np.bincount(labels), kind="stable")]
    groups = [TopicGroup(dialogues=int((labels == group).sum()), words=words[group]) for group in order]
    rank = {group: number for number, group in enumerate(order)}
    placed = [
        TopicPoint(float(x), float(y), rank[int(label)], clipped(text))
        for (x, y), label, text in zip(points, labels, texts, strict=True)
    ]
    return TopicMap(groups=tuple(groups), points=tuple(placed), read=read, kept=kept)


def _chosen(wanted: MapTopics) -> tuple[list[str], int, set[str]]:
    """The words of at most so many dialogues, each as likely as the others (reservoir sampling, Vitter 1985); how many there
    are; and the names of those who speak."""
    names: set[str] = set()
    chosen: list[str] = []
    generator = np.random.default_rng(wanted.seed)
    read = 0
    for found in read_all(wanted.files, lambda broken: None):
        spoken = (turn.content for turn in found.dialogue.messages if turn.role != "system")
        text = " ".join(" ".join(spoken).split())[:READ_CHARACTERS]
        if not text:
            continue
        read += 1
        names |= speakers(found.dialogue)
        if len(chosen) < wanted.most:
            chosen.append(text)
        elif (place := int(generator.integers(read))) < wanted.most:
            chosen[place] = text
    return chosen, read, names


def _embedded(model: Path, texts: Sequence[str], tell: Callable[[str, float], None]) -> Floats:
    """(dialogues, width), each of length 1, moved so that their mean is 0: what all have in common tells nothing."""
    vectors = []
    with EmbeddingModel(Library(), read_header(model), max(1, usable_threads() - 1)) as embedding:
        for number, text in enumerate(texts):
            tell(f"Reading what {len(texts):,} dialogues are about", number / len(texts))
            vectors.append(embedding.embed(text, query=False))
    found = np.asarray(vectors, dtype=np.float64)
    moved: Floats = found - found.mean(axis=0)
    return moved


def _grouped(vectors: Floats, seed: int) -> NDArray[np.int64]:
    """The number of groups is the one that keeps them furthest apart (mean silhouette, Rousseeuw 1987)."""
    from sklearn.cluster import KMeans  # half a second to import, and only the map needs it
    from sklearn.metrics import silhouette_score

    best: tuple[float, NDArray[np.int64]] | None = None
    for groups in range(2, min(MOST_GROUPS, len(vectors) - 1) + 1):
        labels = KMeans(groups, random_state=seed, n_init=3).fit_predict(vectors)
        if len(set(labels.tolist())) < 2:
            continue
        score = float(silhouette_score(vectors, labels))
        if best is None or score > best[0]:
            best = score, labels.astype(np.int64)
    return best[1] if best is not None else np.zeros(len(vectors), dtype=np.int64)


def _placed(vectors: Floats) -> tuple[Floats, float]:
    """(dialogues, 2) within -1 to 1 by principal components, and the share of the variance that they show."""
    _, sizes, directions = np.linalg.svd(vectors, full_matrices=False)
    total = float((sizes**2).sum())
    if total <= 0:
        return np.zeros((len(vectors), 2)), 0.0
    flat = vectors @ directions[:2].T
    points: Floats = flat / np.abs(flat).max()
    return points, float((sizes[:2] ** 2).sum() / total)
