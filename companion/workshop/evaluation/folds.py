"""Which dialogues are measured and which are learned from, round by round: each way to divide, over one `Membership`.

Whatever the way, dialogues of one group (copies, branches of one talk, versions of one original) stay on one side, and
the same seed divides in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from companion.core.dataset import Dialogue
from companion.core.errors import DatasetError
from companion.workshop.data.splits import Split, members

FEWER = "Ask for fewer folds, or add dialogues."
FEWEST = 2
USUAL_FOLDS = 5


class Scheme(NamedTuple):
    """How to divide. `stratify_by` gives every part the same mix of a label, `group_by` keeps equal labels together."""

    kind: Literal["holdout", "folds", "leave-one-out"] = "folds"
    folds: int = USUAL_FOLDS
    """0 takes so many, or as many as there are groups where these are fewer."""
    repeats: int = 1
    """Divided anew so many times, each with a seed of its own; leaving one out can be done in one way only."""
    share: float = 0.1
    """What a holdout keeps back."""
    group_by: str = ""
    stratify_by: str = ""
    seed: int = 0

    @property
    def sentence(self) -> str:
        """How it was divided, for a report."""
        ways = {
            "holdout": f"{self.share:.0%} of the dialogues were held out",
            "folds": f"The dialogues were divided into {self.folds} folds, each held out once",
            "leave-one-out": "Each dialogue was held out once",
        }
        again = f", {self.repeats} times over" if self.repeats > 1 and self.kind != "leave-one-out" else ""
        balanced = f"balanced by {self.stratify_by}" if self.stratify_by else "not balanced by anything"
        return f"{ways[self.kind]}{again} (grouped by {self.group_by or 'equal text'}, {balanced}, seed {self.seed})"


def splits(dialogues: Iterable[Dialogue], scheme: Scheme) -> list[Split]:
    """One split per round, in the order of rounds. Raises DatasetError when there are too few dialogues for it."""
    everything = list(dialogues)
    repeats = 1 if scheme.kind == "leave-one-out" else max(1, scheme.repeats)
    found: list[Split] = []
    for repeat in range(repeats):
        found += _once(everything, scheme, scheme.seed + repeat)
    if not all(len(split.train) and len(split.held_out) for split in found):
        raise DatasetError("In one round nothing would be learned or nothing measured.", FEWER)
    return found


def _once(dialogues: list[Dialogue], scheme: Scheme, seed: int) -> list[Split]:
    membership = members(dialogues, seed=seed, group_by=scheme.group_by, stratify_by=scheme.stratify_by)
    if scheme.kind == "holdout":
        return [membership.hold_out(scheme.share, len(membership))]
    groups = membership.groups()
    if groups < FEWEST:
        what = f"At least {FEWEST} different dialogues are needed, so that one can be left out, and there {_are(groups)}."
        raise DatasetError(what, "Add dialogues; copies, versions of one, and branches of one talk count once.")
    count = groups if scheme.kind == "leave-one-out" else scheme.folds or min(USUAL_FOLDS, groups)
    if not FEWEST <= count <= groups:
        raise DatasetError(f"{groups:,} independent dialogues cannot be divided into {count:,} folds.", FEWER)
    return membership.folds(count)


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count:,}"
