"""From what the person wants to a recipe: every number is chosen here, by the size of what there is to learn from."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from companion.core.dataset_findings import Inspection
from companion.core.recipes import fine_tune, prefer
from companion.core.recipes.files import AdapterRecipe
from companion.core.recipes.parts import Data
from companion.core.teaching.goals import Goal, method_for
from companion.core.teaching.keeping import Before

Effort = Literal["quick", "balanced", "thorough"]
EFFORTS: Final[dict[Effort, str]] = {
    "quick": "Once through: enough to see where it leads.",
    "balanced": "What suits most: a few times through, and it stops by itself when it no longer helps.",
    "thorough": "Longer, with more looks at how she is doing: it keeps the best of them.",
}
FACT_EPOCHS: Final[dict[Effort, float]] = {"quick": 3, "balanced": 8, "thorough": 16}
"""A fact is said in a dialogue or two: it is read often, where a tone is in every reply."""
THOROUGH: Final = 2
"""So many times as often as what suits most, where that is chosen by how much there is."""
FEW: Final = 100
"""Dialogues; with fewer of them she is kept from learning by heart, as models/recipes/few-dialogues.toml does it."""
REPLAY: Final = 0.2
EWC: Final = 100.0
CLOSE: Final = 0.1
_TOKENS_PER_WORD: Final = 1.5
_STEPS_PER_EPOCH: Final = 8
"""So many steps at least: a handful of dialogues would be one single step otherwise, and hardly learned."""
_LEAST_TOKENS, _MOST_TOKENS = 256, 4096


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the person chose, and what was found of it."""

    goal: Goal
    effort: Effort
    sources: tuple[str, ...]
    character: str
    """As recipes name her."""
    model: str
    name: str
    """What the adapter will be called."""
    found: Inspection
    before: Before


def recipe_of(wanted: Wanted) -> AdapterRecipe:
    """What a job carries out."""
    own: dict[str, object] = {
        "model": wanted.model,
        "data_files": wanted.sources,
        "character": wanted.character,
        "name": wanted.name,
        "start_adapter": wanted.before.start,
    }
    return _prefer(wanted, own) if wanted.goal is Goal.STOP else _fine_tune(wanted, own)


def _fine_tune(wanted: Wanted, own: dict[str, object]) -> fine_tune.FineTune:
    recipe = replace(fine_tune.PRESETS[wanted.effort], **own)
    training = replace(recipe.training, tokens_per_step=_tokens_per_step(wanted.found))
    loss = recipe.loss
    if wanted.effort == "thorough":
        training = replace(training, epochs=THOROUGH * fine_tune.FineTune().training.epochs_for(wanted.found.dialogues))
    if wanted.goal is Goal.SOUND and wanted.found.dialogues < FEW:
        recipe = replace(recipe, data=replace(recipe.data, held_out=0.2), adapter=replace(recipe.adapter, dropout=0.1))
        loss = replace(loss, label_smoothing=0.05, neftune=5.0)
    if wanted.goal is Goal.FACTS:
        training = replace(training, epochs=FACT_EPOCHS[wanted.effort])
        loss = replace(loss, keep_close=0.0 if wanted.before.start else CLOSE)
    if wanted.before.has_fisher:
        loss = replace(loss, ewc=EWC)
    return replace(recipe, data=_with_replay(recipe.data, wanted), training=training, loss=loss)


def _prefer(wanted: Wanted, own: dict[str, object]) -> prefer.Prefer:
    recipe = replace(prefer.PRESETS[wanted.effort], **own)
    judged = wanted.found.pairs + wanted.found.thumbs
    per_step = max(1, min(recipe.training.dialogues_per_step, judged // 4))
    loss = replace(recipe.loss, method=method_for(wanted.found))
    if wanted.before.has_fisher:
        loss = replace(loss, ewc=EWC)
    elif wanted.before.earlier:
        loss = replace(loss, ewc=EWC, ewc_from=wanted.before.earlier)
    return replace(recipe, training=replace(recipe.training, dialogues_per_step=per_step), loss=loss)


def _with_replay(data: Data, wanted: Wanted) -> Data:
    earlier = _replayed(wanted.before, wanted.sources)
    return replace(data, replay=REPLAY, replay_file=earlier) if earlier else data


def _replayed(before: Before, sources: tuple[str, ...]) -> str:
    """Which earlier dialogues are mixed in; empty for none. One source: a recipe takes no more."""
    return next((source for source in before.earlier if source not in sources), "")


def _tokens_per_step(found: Inspection) -> int:
    tokens = _TOKENS_PER_WORD * sum(role.words for role in found.roles.values())
    return max(_LEAST_TOKENS, min(_MOST_TOKENS, round(tokens / _STEPS_PER_EPOCH)))
