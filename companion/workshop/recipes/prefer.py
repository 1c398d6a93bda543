"""Preference tuning, from top to bottom: check, data, load, measure, reference, train, export, verify."""

from __future__ import annotations

import math

from companion.core.errors import RecipeError
from companion.core.job import JobEnded
from companion.core.recipes.prefer import Prefer
from companion.workshop.data.prepare_preferences import prepare_preferences
from companion.workshop.data.prepared_preferences import PreparedPreferences
from companion.workshop.job import Job
from companion.workshop.recipes.consolidating import Kept, refuse_nothing_to_keep
from companion.workshop.recipes.learning import Learning, opened, why_it_ended
from companion.workshop.recipes.result import verification_sample
from companion.workshop.training.consolidation import MOST_DIALOGUES
from companion.workshop.training.held_out import Measurement
from companion.workshop.training.loop import Ending
from companion.workshop.training.preference_objective import PreferenceObjective, reference_likelihoods

FELL_TOO_FAR = 0.3
"""Nats per token by which better replies may become less likely before it is said: words begin to be lost then."""


def prefer(job: Job, recipe: Prefer) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError, and Stopped when somebody asks for it."""
    refuse_impossible(recipe)
    refuse_nothing_to_keep(recipe)
    with opened(job, recipe) as work:
        job.stage("data", "Reading what is preferred")
        folder = job.folder.path / "data"
        data = prepare_preferences(recipe, work.base, folder, job.progress)
        learning = work.learning(data)
        if job.order.dry_run:
            return JobEnded(state="done", what="This was a dry run: nothing was learned.")
        job.stage("measuring", "Measuring how likely every reply is before anything is learned")
        rows = learning.plan.micro_batch_tokens
        reference = reference_likelihoods(learning.decoder, data, recipe.loss, folder / "reference.bin", rows, job.progress)
        objective = PreferenceObjective(data, recipe.loss, reference)
        if job.order.find_rate:
            return learning.find_rate(objective)
        kept = Kept(learning)
        job.stage("training", f"Learning from {data.dialogues:,} {data.counted}")
        return learning.train(objective, kept.anchor, lambda ending: _finished(learning, data, kept, ending))


def refuse_impossible(recipe: Prefer) -> None:
    """Raises RecipeError for what has no meaning here."""
    if recipe.adapter.method == "full":
        what = "Preferences are learned by an adapter: without one there is no reference to stay close to."
        raise RecipeError(what, "Set adapter.method=lora.")
    if recipe.data.replay:
        raise RecipeError("Preferences are not mixed with other dialogues (data.replay).", "Set data.replay=0, or use loss.ewc.")
    if recipe.data.learn_from != "assistant":
        raise RecipeError("What is preferred are her replies (data.learn_from).", "Set data.learn_from=assistant.")
    if recipe.loss.label_smoothing and recipe.loss.method != "dpo":
        raise RecipeError("Only dpo knows pairs that may be the wrong way round.", "Set loss.label_smoothing=0.")
    if recipe.loss.reference == "bare" and not recipe.start_adapter:
        raise RecipeError("Without a start adapter the model begins bare.", "Set loss.reference=start, which is the same.")


def _finished(learning: Learning, data: PreparedPreferences, kept: Kept, ending: Ending) -> JobEnded:
    """Write and verify the result; the last word says what it is good for."""
    learned = data.better(data.train[:MOST_DIALOGUES])
    sample = verification_sample(learning.decoder, data.better(data.held_out), learned)
    first, best = ending.first, ending.best
    metrics = {
        "held_out_loss_before": first.loss,
        "held_out_loss": best.loss,
        **_figures("_before", first),
        **_figures("", best),
        **learning.figures(ending),
    }
    made = learning.write(sample, metrics, kept.with_new(learned))
    what, remedy = f"{why_it_ended(ending, learning.steps, made)}{_said(first, best)}", ""
    if not math.isnan(first.loss) and not math.isnan(best.loss):
        if best.loss >= first.loss:
            remedy = "She did not learn what is preferred: try a higher learning rate, more epochs, or more pairs."
        elif (best.chosen_loss or 0.0) - (first.chosen_loss or 0.0) > FELL_TOO_FAR:
            remedy = "Better replies became less likely too: raise loss.sft or loss.beta, or lower the learning rate."
    return JobEnded(state="cancelled" if ending.reason == "cancel" else "done", what=what, remedy=remedy)


def _figures(suffix: str, found: Measurement) -> dict[str, float]:
    named = {
        "preference_accuracy": found.accuracy,
        "reward_margin": found.margin,
        "likelier": found.likelier,
        "chosen_loss": found.chosen_loss,
    }
    return {name + suffix: value for name, value in named.items() if value is not None}


def _said(first: Measurement, best: Measurement) -> str:
    """What became of the held-out pairs."""
    said = ""
    if best.accuracy is not None and best.likelier is not None and first.likelier is not None:
        said += f" Of the held-out pairs the better reply gained more in {best.accuracy:.0%}, and is the likelier one in "
        said += f"{best.likelier:.0%} (before: {first.likelier:.0%})."
    if best.chosen_loss is not None and first.chosen_loss is not None:
        said += f" The loss of better replies went from {first.chosen_loss:.3f} to {best.chosen_loss:.3f}."
    return said
