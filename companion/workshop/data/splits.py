"""Which dialogues are measured and never learned: chosen by dialogue, never by line, and the same for the same seed.

Dialogues with the same text, and those of the same group, stay on one side. A group is placed by a hash of its name and
the seed, so adding dialogues to a dataset leaves the others where they were.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from companion.core.dataset import Dialogue

LEAST: Final = 4
"""With fewer dialogues none is held out: each is worth more for learning."""
_NONE: Final = 0
ORIGIN: Final = "origin"
"""Label of a dialogue that was made from another one, and of that one: they share most of their words."""
_RELATED: Final = ("conversation", ORIGIN)
"""Labels that keep dialogues together when nothing else is asked for; the first is that of branches of one talk."""


class Split(NamedTuple):
    """Numbers of dialogues, rising."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]


class Membership:
    """What decides where a dialogue goes, in a few numbers each, so that millions fit into memory."""

    def __init__(self, seed: int, group_by: str = "", stratify_by: str = "") -> None:
        self._salt = seed.to_bytes(8, "little", signed=True)
        self._group_by, self._stratify_by = group_by, stratify_by
        self._fields = {group_by, stratify_by} - {""}
        self._texts, self._groups, self._scores = array("Q"), array("Q"), array("Q")
        self._strata = array("q")
        self._names: dict[str, int] = {}
        self.unlabelled: Counter[str] = Counter()
        """By field: dialogues without the one they should be grouped or balanced by."""

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, dialogue: Dialogue) -> int:
        """Returns the dialogue's score: the smallest of a stratum are held out first."""
        text = text_hash(dialogue)
        by = (self._group_by,) if self._group_by else _RELATED
        label, group = next(((name, value) for name in by if (value := dialogue.labels.get(name)) is not None), ("", None))
        stratum = dialogue.labels.get(self._stratify_by, "") if self._stratify_by else ""
        self.unlabelled.update(name for name in self._fields if not dialogue.labels.get(name))
        key = text if group is None else _hash(f"{label}\0{group}".encode())
        score = _hash(self._salt + key.to_bytes(8, "little"))
        self._texts.append(text)
        self._groups.append(key if group is not None else _NONE)
        self._scores.append(score)
        self._strata.append(self._names.setdefault(stratum, len(self._names)))
        return score

    def hold_out(self, share: float, most: int) -> Split:
        """About `share` of the dialogues of every stratum, whole groups only; none when there are too few.

        Strata with less than one group to give are sampled together.
        """
        numbers = np.arange(len(self), dtype=np.int64)
        wanted = min(most, max(1, round(share * len(self)))) if share > 0 and len(self) >= LEAST else 0
        if not wanted:
            return Split(numbers, numbers[:0])
        components, order, strata = self._components()
        sizes = np.bincount(components)
        chosen = np.zeros(len(sizes), dtype=np.bool_)
        totals: NDArray[np.float64] = np.bincount(strata, weights=sizes).astype(np.float64)
        quotas = _quotas(totals, wanted)
        taken = np.zeros_like(totals)
        for component in order:
            stratum = strata[component]
            fits = taken[stratum] + sizes[component] <= max(quotas[stratum], 1) and sizes[component] < len(self)
            if quotas[stratum] > 0 and taken[stratum] < quotas[stratum] and (fits or sizes[component] <= quotas[stratum] * 1.5):
                chosen[component] = True
                taken[stratum] += sizes[component]
        room = wanted - int(taken.sum())  # a stratum whose groups are all larger than its share leaves it unused
        for component in order:
            if not chosen[component] and sizes[component] <= room:
                chosen[component] = True
                room -= int(sizes[component])
        if chosen.all():
            chosen[:] = False
        held = chosen[components]
        return Split(numbers[~held], numbers[held])

    def folds(self, count: int) -> list[Split]:
        """Every dialogue is held out in exactly one of `count` splits of about equal size."""
        components, order, strata = self._components()
        sizes = np.bincount(components)
        fold = np.zeros(len(sizes), dtype=np.int64)
        filled = np.zeros((int(strata.max(initial=0)) + 1, count))
        for component in order:
            row = filled[strata[component]]
            best = min(range(count), key=lambda number: (row[number], filled[:, number].sum()))
            fold[component] = best
            row[best] += sizes[component]
        numbers = np.arange(len(self), dtype=np.int64)
        of = fold[components]
        return [Split(numbers[of != number], numbers[of == number]) for number in range(count)]

    def groups(self) -> int:
        """How many parts can be told apart: dialogues that stay together count once."""
        return len(self._components()[1])

    def _components(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(dialogues,) component of each; (components,) in the order they are held out; (components,) their strata."""
        count = len(self)
        texts = np.unique(np.frombuffer(self._texts, dtype=np.uint64), return_inverse=True)[1]
        groups = np.frombuffer(self._groups, dtype=np.uint64)
        grouped = np.flatnonzero(groups != _NONE)
        named = np.unique(groups[grouped], return_inverse=True)[1]
        nodes = count + int(texts.max(initial=-1)) + 1
        rows = np.concatenate([np.arange(count), grouped])
        columns = np.concatenate([count + texts, nodes + named])
        size = nodes + int(named.max(initial=-1)) + 1
        graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(size, size))
        components = connected_components(graph, directed=False)[1][:count]
        components = np.unique(components, return_inverse=True)[1]
        scores = np.full(int(components.max(initial=-1)) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
        np.minimum.at(scores, components, np.frombuffer(self._scores, dtype=np.uint64))
        first = np.unique(components, return_index=True)[1]
        strata = np.frombuffer(self._strata, dtype=np.int64)[first]
        return components.astype(np.int64), np.argsort(scores, kind="stable"), strata


def text_hash(dialogue: Dialogue) -> int:
    """64 bits of what is said, however it is spaced or written large: copies are equal."""
    digest = hashlib.blake2b(digest_size=8)
    for turn in dialogue.messages:
        digest.update(f"{turn.role}\0{' '.join(turn.content.split()).casefold()}\0".encode())
    return int.from_bytes(digest.digest(), "little") or 1


def _quotas(totals: NDArray[np.float64], wanted: int) -> NDArray[np.int64]:
    """Whole numbers in proportion to the totals whose sum is `wanted` (largest remainder)."""
    exact = totals * wanted / totals.sum()
    quotas: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    for index in np.argsort(quotas - exact, kind="stable")[: wanted - int(quotas.sum())]:
        quotas[index] += 1
    return quotas


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little") or 1


def members(dialogues: Iterable[Dialogue], *, seed: int, group_by: str = "", stratify_by: str = "") -> Membership:
    """The memberships of all these dialogues."""
    found = Membership(seed, group_by, stratify_by)
    for dialogue in dialogues:
        found.add(dialogue)
    return found
