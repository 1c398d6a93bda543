"""Fine-tuning, from top to bottom: check, data, load, measure, train, export, verify."""

from __future__ import annotations

import math

from companion.core.errors import RecipeError
from companion.core.job import JobEnded
from companion.core.recipes.fine_tune import FineTune
from companion.workshop.data.prepare import prepare
from companion.workshop.data.prepared import PreparedData
from companion.workshop.job import Job
from companion.workshop.recipes.consolidating import Kept, refuse_nothing_to_keep
from companion.workshop.recipes.learning import Learning, opened, why_it_ended
from companion.workshop.recipes.result import bits_per_byte, verification_sample
from companion.workshop.training.consolidation import MOST_DIALOGUES
from companion.workshop.training.loop import Ending
from companion.workshop.training.objective import Supervised


def fine_tune(job: Job, recipe: FineTune) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError, and Stopped when somebody asks for it."""
    _refuse_impossible(recipe)
    refuse_nothing_to_keep(recipe)
    with opened(job, recipe) as work:
        job.stage("data", "Reading the dialogues")
        data = prepare(recipe, work.base, job.folder.path / "data", job.progress)
        learning = work.learning(data)
        if job.order.dry_run:
            return JobEnded(state="done", what="This was a dry run: nothing was learned.")
        objective = Supervised(data, recipe.loss)
        if job.order.find_rate:
            return learning.find_rate(objective)
        kept = Kept(learning)
        job.stage("training", f"Learning from {data.dialogues:,} dialogues")
        return learning.train(objective, kept.anchor, lambda ending: _finished(learning, data, kept, ending))


def _refuse_impossible(recipe: FineTune) -> None:
    if recipe.adapter.method == "full" and recipe.loss.keep_close:
        what = "Without an adapter there is no model of before to keep close to (loss.keep_close)."
        raise RecipeError(what, "Set loss.keep_close=0, or train an adapter (adapter.method=lora).")


def _finished(learning: Learning, data: PreparedData, kept: Kept, ending: Ending) -> JobEnded:
    """Write and verify the result; the last word says what it is good for."""
    held_out = [data.example(index) for index in data.held_out.tolist()]
    learned = [data.example(index) for index in data.train[:MOST_DIALOGUES].tolist()]
    sample = verification_sample(learning.decoder, held_out, learned)
    bits = bits_per_byte(ending.best.loss, held_out, learning.base.vocabulary)
    metrics = {
        "held_out_loss_before": ending.first.loss,
        "held_out_loss": ending.best.loss,
        "held_out_bits_per_byte": bits,
        **learning.figures(ending),
    }
    made = learning.write(sample, metrics, kept.with_new(learned))
    what, remedy = why_it_ended(ending, learning.steps, made), ""
    if not math.isnan(ending.first.loss) and not math.isnan(ending.best.loss):
        what += f" The held-out loss went from {ending.first.loss:.3f} to {ending.best.loss:.3f}."
        if ending.best.loss >= ending.first.loss:
            remedy = "She did not get better at these dialogues: try a lower learning rate, or more dialogues."
    return JobEnded(state="cancelled" if ending.reason == "cancel" else "done", what=what, remedy=remedy)
