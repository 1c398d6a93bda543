"""What teaching takes on this machine: one measured dry run, from which the other presets follow."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from companion.core.adapter import read_adapter
from companion.core.amounts import bytes_text, duration_text
from companion.core.gguf.header import read_header
from companion.core.job_history import JobHistory
from companion.core.recipes.files import AdapterRecipe
from companion.core.recipes.prefer import Prefer

ENDING: Final = 2.0
"""Writing the result and checking it in llama.cpp, as a multiple of reading and loading at the beginning: with the starter
model and a dozen dialogues 22 s at the beginning and 45 s at the end, on two busy cores."""
LOOK: Final = 0.2
"""One look at the held-out loss with its sample replies, as a share of the same: 5 s there."""
REFERENCE_SHARE: Final = 0.4
"""Of the time of an epoch, what it takes to measure once how likely every preferred reply is."""
BYTES_PER_WEIGHT: Final = 32
"""Of the adapter, while a job works: its checkpoints with the optimizer's two means, its best versions, and the result twice.
148 MB were measured at most for the starter model's 4.9 million, which is 30."""


class Cost(NamedTuple):
    """Seconds, and bytes of memory and of disk at most."""

    seconds: float
    memory: int
    disk: int

    @property
    def words(self) -> str:
        """“about 4 min”, “1.9 GB of memory” and “98 MB of disk”, a line each."""
        return f"about {duration_text(self.seconds)}\n{bytes_text(self.memory)} of memory\n{bytes_text(self.disk)} of disk"


def cost_of(recipe: AdapterRecipe, measured: AdapterRecipe, history: JobHistory) -> Cost | None:
    """Of `recipe`, after a dry run of `measured`, which may differ from it in its preset. None when nothing was measured.

    A step costs the same in every preset, so the time grows with the epochs; what does not grow goes by what loading and
    reading cost in the dry run. It may stop earlier. Raises ModelError when the model has gone.
    """
    plan, data = history.plan, history.data
    if plan is None or data is None:
        return None
    an_epoch = plan.seconds / measured.training.epochs_for(data.dialogues)
    beginning = history.ended.seconds if history.ended is not None else 0.0
    fixed = beginning * (1 + ENDING + LOOK * (recipe.watch.evaluations + 1))
    if isinstance(recipe, Prefer):
        fixed += REFERENCE_SHARE * an_epoch
    seconds = fixed + an_epoch * recipe.training.epochs_for(data.dialogues)
    return Cost(seconds, plan.memory_bytes, BYTES_PER_WEIGHT * _weights(recipe, data.dialogues))


def _weights(recipe: AdapterRecipe, dialogues: int) -> int:
    """How many numbers the adapter has."""
    if recipe.start_adapter:
        return read_adapter(Path(recipe.start_adapter)).parameters
    rank = recipe.adapter.rank_for(dialogues)
    parts = ((tensor.name.split("."), tensor.shape) for tensor in read_header(Path(recipe.model)).tensors)
    shapes = (shape for name, shape in parts if len(name) == 4 and (name[2] in recipe.adapter.where or name[2] == "attn_qkv"))
    return sum(rank * (shape[0] + shape[1]) for shape in shapes if len(shape) == 2)
