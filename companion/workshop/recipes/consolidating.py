"""What a training must not lose: measured on earlier dialogues before it begins, and with the new ones when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from companion.core.adapter import fisher_file
from companion.core.errors import RecipeError
from companion.core.recipes.files import AdapterRecipe, LearningRecipe
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.parts import Data
from companion.workshop.data.batch import Example
from companion.workshop.data.prepare import prepare
from companion.workshop.recipes.learning import Learning
from companion.workshop.training.consolidation import (
    MOST_DIALOGUES,
    Anchor,
    Fisher,
    added,
    fisher_of,
    read_fisher,
    write_fisher,
)


def refuse_nothing_to_keep(recipe: LearningRecipe) -> None:
    """Raises RecipeError when weights are to be held that nothing was learned by yet."""
    if isinstance(recipe, AdapterRecipe) and recipe.loss.ewc and not recipe.start_adapter:
        what = "Only what an adapter has learned can be kept (loss.ewc), and there is none to go on from."
        raise RecipeError(what, "Name it with --start-adapter, or set loss.ewc=0.")


class Kept:
    """The earlier Fisher information of one training; without `loss.ewc` there is none."""

    def __init__(self, learning: Learning) -> None:
        """Measured with the decoder as it begins, or read from what the job measured before. Raises CompanionError."""
        self._learning = learning
        self._fisher: Fisher | None = None
        self.anchor: Anchor | None = None
        recipe = learning.recipe
        if isinstance(recipe, AdapterRecipe) and recipe.loss.ewc:
            self._fisher = self._earlier(recipe)
            self.anchor = Anchor(learning.decoder.trainable(), self._fisher, recipe.loss.ewc)

    def with_new(self, examples: Sequence[Example]) -> Fisher | None:
        """With what matters for the dialogues that were learned now, at the weights that are kept."""
        if self._fisher is None:
            return None
        self._learning.job.stage("measuring", "Measuring what matters for what was learned")
        return added(self._fisher, fisher_of(self._learning.decoder, examples, self._learning.job.progress))

    def _earlier(self, recipe: AdapterRecipe) -> Fisher:
        job, header = self._learning.job, self._learning.base.header
        measured = job.folder.path / "data" / "earlier.fisher.gguf"
        if measured.is_file():
            return read_fisher(measured)
        if not recipe.loss.ewc_from:
            beside = fisher_file(Path(recipe.start_adapter))
            if not beside.is_file():
                what = f"It is not known what mattered to “{Path(recipe.start_adapter).name}”: “{beside.name}” is not there."
                raise RecipeError(what, "Name the dialogues that it learned from (loss.ewc_from).")
            return read_fisher(beside)
        job.stage("measuring", "Measuring what matters for earlier dialogues")
        earlier = FineTune(
            data_files=recipe.loss.ewc_from,
            character=recipe.character,
            data=Data(held_out=0, longest=recipe.data.longest),
            training=recipe.training,
        )
        data = prepare(earlier, self._learning.base, job.folder.path / "data" / "earlier")
        chosen = data.order(0, recipe.training.seed)[:MOST_DIALOGUES].tolist()
        fisher = fisher_of(self._learning.decoder, [data.example(index) for index in chosen], job.progress)
        write_fisher(measured, fisher, header, self._learning.plan.base_sha256)
        return fisher
