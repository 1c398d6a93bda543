"""What is decided before the first step and must not change afterwards: kept in the job's folder, read again on resume."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from companion.core.files import read_json, write_atomic
from companion.core.recipes.distill import Distill
from companion.core.recipes.files import TrainingRecipe
from companion.core.recipes.parts import Adapter
from companion.core.recipes.prefer import Prefer

FILE = "plan.json"

_RATE_BY_PARAMETERS = ((6e8, 3e-4), (5e9, 2e-4), (2e10, 1e-4))
"""AdamW on an adapter: 3e-4 up to 0.6 billion parameters, less above."""
_LOWEST_RATE = 5e-5
_PREFERENCES = 1 / 3
"""Preferences move an adapter with less than what dialogues do: what is better than what is learned long before the words are."""
_WHOLE_MODEL = 0.1
"""All weights move with a tenth of an adapter's rate."""
_STUDENT = 3.0
"""A student has further to go, and a teacher's chances are less noisy than single words: 24 of the starter model's 30 layers came
within 0.89 nats of it at 1e-3 and within 1.18 at 3e-4 after the same 15,000 tokens (2.14 before)."""
_RATE_BY_OPTIMIZER = {
    "sgd": 300.0,
    "nesterov": 300.0,
    "adagrad": 3.0,
    "rmsprop": 0.05,
    "adafactor": 300.0,
    "lion": 0.3,
    "muon": 3.0,
}
"""How many times AdamW's rate other rules need for about as much change. Found on tiny models only; plain SGD follows the
size of the gradient, RMSProp's momentum adds ten steps up, and torch's Adafactor multiplies by the size of the weights."""
_LBFGS_RATE = 1.0
"""Its line search finds the length itself."""


class TrainingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything "automatic" of a recipe as a number, and how it is computed."""

    base_sha256: str = ""
    teacher_sha256: str = ""
    """Empty without a teacher."""
    start_sha256: str = ""
    """Of the adapter it goes on from; empty without one."""
    fingerprint: str = ""
    """Of the data."""
    device: str
    weights: Literal["packed", "dense"]
    teacher_packed: bool = False
    compute: Literal["float32", "bfloat16"]
    checkpoint_layers: bool
    threads: int
    micro_batch_tokens: int
    epochs: float
    learning_rate: float
    steps: int = 0
    tokens_per_second: float = 0.0
    """Measured before the first step; 0 when it was not."""
    memory_bytes: int = 0


def save_plan(folder: Path, plan: TrainingPlan) -> None:
    """Raises OSError."""
    write_atomic(folder / FILE, msgspec.json.format(msgspec.json.encode(plan)) + b"\n")


def load_plan(folder: Path) -> TrainingPlan | None:
    """None when the job never came so far, or its file is damaged: the plan is then made and told anew."""
    return read_json(folder / FILE, TrainingPlan)


def chosen_adapter(adapter: Adapter, dialogues: int) -> Adapter:
    """Rank and alpha as numbers: 8 below 300 dialogues and 16 above, alpha twice the rank."""
    rank = adapter.rank_for(dialogues)
    return msgspec.structs.replace(adapter, rank=rank, alpha=adapter.alpha or 2.0 * rank)


def chosen_epochs(recipe: TrainingRecipe, dialogues: int) -> float:
    return recipe.training.epochs_for(dialogues)


def chosen_rate(recipe: TrainingRecipe, parameters: int, *, whole: bool) -> float:
    """The learning rate for a model of so many parameters; `whole` when all of them are trained."""
    options = recipe.optimizer
    if options.learning_rate:
        return options.learning_rate
    if options.name == "lbfgs":
        return _LBFGS_RATE
    rate = next((rate for most, rate in _RATE_BY_PARAMETERS if parameters <= most), _LOWEST_RATE)
    share = _PREFERENCES if isinstance(recipe, Prefer) else _WHOLE_MODEL if whole else 1.0
    student = _STUDENT if isinstance(recipe, Distill) else 1.0
    return rate * _RATE_BY_OPTIMIZER.get(options.name, 1.0) * share * student
