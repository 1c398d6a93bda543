"""General dialogues that are mixed in against forgetting: a seeded choice from a file of any size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from companion.workshop.data.sources.found import Found
from companion.workshop.data.sources.reading import read_all


def chosen_replay(source: str, wanted: int, seed: int) -> tuple[Iterator[Found], int]:
    """`wanted` dialogues of the source in its order, and how many it has. The file is read twice and never kept.

    Raises DatasetError.
    """
    there_are = sum(1 for _ in read_all([source]))
    random = np.random.default_rng([seed, 0x5E91A7])
    numbers = random.choice(there_are, size=min(wanted, there_are), replace=False)
    chosen = set(map(int, numbers))
    return (found for number, found in enumerate(read_all([source])) if number in chosen), there_are
