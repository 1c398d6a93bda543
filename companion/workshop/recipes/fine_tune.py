"""Fine-tuning, from top to bottom: check, data, load, measure, train, export, verify."""

from __future__ import annotations

import math

from companion.core.amounts import counted
from companion.core.errors import RecipeError
from companion.core.job import JobEnded
from companion.core.recipes.distill import Distill
from companion.core.recipes.fine_tune import FineTune
from companion.workshop.data.prepare import prepare
from companion.workshop.data.prepared import PreparedData
from companion.workshop.job import Job
from companion.workshop.recipes.consolidating import Kept, refuse_nothing_to_keep
from companion.workshop.recipes.learning import Learning, opened, why_it_ended
from companion.workshop.recipes.result import bits_per_byte, verification_sample
from companion.workshop.recipes.teacher_file import TeacherFile
from companion.workshop.training.consolidation import MOST_DIALOGUES
from companion.workshop.training.held_out import Measurement
from companion.workshop.training.loop import Ending
from companion.workshop.training.objective import Supervised


def fine_tune(job: Job, recipe: FineTune | Distill, teacher: TeacherFile | None = None) -> JobEnded:
    """Carry out the recipe from wherever the job stands, with the chances of a `teacher` beside the dialogues if there is one.

    Raises CompanionError, and Stopped when somebody asks for it.
    """
    _refuse_impossible(recipe)
    refuse_nothing_to_keep(recipe)
    with opened(job, recipe, teacher) as work:
        job.stage("data", "Reading the dialogues")
        data = prepare(recipe, work.base, job.folder.path / "data", job.progress)
        learning = work.learning(data)
        if job.order.dry_run:
            return JobEnded(state="done", what="This was a dry run: nothing was learned.")
        objective = Supervised(data, recipe.loss, learning.teacher)
        if job.order.find_rate:
            return learning.find_rate(objective)
        kept = Kept(learning)
        job.stage("training", f"Learning from {counted(data.dialogues, 'dialogue')}")
        return learning.train(objective, kept.anchor, lambda ending: _finished(learning, data, kept, ending))


def _refuse_impossible(recipe: FineTune | Distill) -> None:
    if recipe.adapter.method == "full" and recipe.loss.keep_close:
        what = "Without an adapter there is no model of before to keep close to (loss.keep_close)."
        raise RecipeError(what, "Set loss.keep_close=0, or train an adapter (adapter.method=lora).")


def _finished(learning: Learning, data: PreparedData, kept: Kept, ending: Ending) -> JobEnded:
    """Write and verify the result; the last word says what it is good for."""
    held_out = [data.example(index) for index in data.held_out.tolist()]
    learned = [data.example(index) for index in data.train[:MOST_DIALOGUES].tolist()]
    sample = verification_sample(learning.decoder, held_out, learned)
    first, best = ending.first, ending.best
    metrics = {
        "held_out_loss_before": first.loss,
        "held_out_loss": best.loss,
        **_figures(first, best),
        "held_out_bits_per_byte": bits_per_byte(best.loss, held_out, learning.base.vocabulary),
        **learning.figures(ending),
    }
    made = learning.write(sample, metrics, kept.with_new(learned))
    what, remedy = why_it_ended(ending, learning.steps, made), ""
    if not math.isnan(first.loss) and not math.isnan(best.loss):
        what += f" The held-out loss went from {first.loss:.3f} to {best.loss:.3f}{_apart(first, best)}."
        is_closer = first.divergence is not None and best.divergence is not None and best.divergence < first.divergence
        if best.loss >= first.loss and not is_closer:
            remedy = "She did not get better at these dialogues: try a lower learning rate, or more dialogues."
    return JobEnded(state="cancelled" if ending.reason == "cancel" else "done", what=what, remedy=remedy)


def _figures(first: Measurement, best: Measurement) -> dict[str, float]:
    """What is known of a teacher."""
    named = {"teacher_loss": best.teacher_loss, "divergence_before": first.divergence, "divergence": best.divergence}
    return {name: value for name, value in named.items() if value is not None}


def _apart(first: Measurement, best: Measurement) -> str:
    """How far the teacher was, and is."""
    if best.teacher_loss is None or first.divergence is None or best.divergence is None:
        return ""
    return (
        f" (the teacher’s is {best.teacher_loss:.3f}), and the divergence from the teacher from "
        f"{first.divergence:.3f} to {best.divergence:.3f} nats per token"
    )
