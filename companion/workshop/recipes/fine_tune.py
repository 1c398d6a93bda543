"""Fine-tuning, from top to bottom: check, data, load, measure, train, export, verify."""

from __future__ import annotations

import math
import threading
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from companion.core.errors import DatasetError, ModelError, RecipeError
from companion.core.files import write_atomic
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import read_header
from companion.core.job import DataReady, JobEnded, OutputWritten, RateTried, Sample
from companion.core.recipes.distill import Distill
from companion.core.recipes.fine_tune import FineTune
from companion.workshop.data.prepare import prepare
from companion.workshop.data.prepared import PreparedData
from companion.workshop.job import NOTHING_KEPT, Job, interrupted
from companion.workshop.nn.config import DecoderConfig, refuse_unless_supported
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.teacher import Teacher
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes.open_base import Base, open_base
from companion.workshop.recipes.result import Writer, bits_per_byte, verification_sample
from companion.workshop.recipes.teacher_file import TeacherFile, lineage_of
from companion.workshop.training.loop import Ending, Trainer
from companion.workshop.training.plan import TrainingPlan, chosen_adapter, load_plan, save_plan
from companion.workshop.training.planning import begin_computing, decoder_options, draft_plan, measured_plan
from companion.workshop.training.rate_finder import find_rate, plot


def fine_tune(job: Job, recipe: FineTune | Distill, teacher: TeacherFile | None = None) -> JobEnded:
    """Carry out the recipe from wherever the job stands, with the chances of a `teacher` beside the dialogues if there is one.

    Raises CompanionError, and Stopped when somebody asks for it.
    """
    _refuse_impossible(recipe)
    path = Path(recipe.model)
    job.stage("checking", f"Checking the model “{path.stem}”")
    refuse_unless_supported(read_header(path))
    with open_base(path) as base:
        known = load_plan(job.folder.path)
        sha256 = file_sha256(path)
        if known is not None and known.base_sha256 != sha256:
            raise _other_file(path)
        if known is not None and teacher is not None and known.teacher_sha256 != teacher.sha256:
            raise _other_file(teacher.path)
        data = _prepared(job, recipe, base, told=known is not None)
        if known is not None and known.fingerprint != data.fingerprint:
            what = "The dialogues are not those that this job began with."
            raise DatasetError(what, "Put the old files back, or start a new job for the new ones.")
        recipe = replace(recipe, adapter=chosen_adapter(recipe.adapter, data.dialogues))
        loaded = _loaded(job, recipe, base, data, known, sha256, teacher)
        if job.order.dry_run:
            return JobEnded(state="done", what="This was a dry run: nothing was learned.")
        if job.order.find_rate:
            return _rate_found(job, recipe, loaded, data)
        return _trained(job, recipe, base, loaded, data)


class _Loaded(NamedTuple):
    """What learns, from whom beside the dialogues, and how."""

    plan: TrainingPlan
    decoder: Decoder
    teacher: Teacher | None


def _other_file(path: Path) -> ModelError:
    what = f"“{path.name}” is not the file that this job began with."
    return ModelError(what, "Put the old file back, or start a new job for the new one.")


def _refuse_impossible(recipe: FineTune | Distill) -> None:
    if recipe.adapter.method == "full" and recipe.loss.keep_close:
        what = "Without an adapter there is no model of before to keep close to (loss.keep_close)."
        raise RecipeError(what, "Set loss.keep_close=0, or train an adapter (adapter.method=lora).")


def _prepared(job: Job, recipe: FineTune | Distill, base: Base, *, told: bool) -> PreparedData:
    """The examples, and what is to be said about them unless it was `told` before."""
    job.stage("data", "Reading the dialogues")
    data = prepare(recipe, base, job.folder.path / "data", job.progress)
    if not told:
        job.tell(
            DataReady(
                dialogues=data.dialogues,
                held_out=data.held_out_dialogues,
                tokens=data.tokens,
                supervised_tokens=data.supervised_tokens,
                fingerprint=data.fingerprint,
                left_out=(*data.left_out, *data.notices),
            )
        )
    return data


def _loaded(
    job: Job,
    recipe: FineTune | Distill,
    base: Base,
    data: PreparedData,
    known: TrainingPlan | None,
    sha256: str,
    teacher: TeacherFile | None,
) -> _Loaded:
    """The model with its adapter, and the plan: the one from before, or a new one, measured with it."""
    header = base.header
    config = DecoderConfig.from_header(header)

    def load(plan: TrainingPlan) -> _Loaded:
        decoder = _decoder(job, recipe, base, plan, data)
        return _Loaded(plan, decoder, None if teacher is None else teacher.load(job, plan, config, data, recipe.training.seed))

    if known is not None:
        return load(known)
    size = teacher.size(config) if teacher is not None else None
    draft = draft_plan(recipe, data, config, header.parameters, header.weights_bytes, recipe.adapter, size)
    draft = draft._replace(sentences=(*draft.sentences, *base.notices))
    loaded = load(draft.plan)
    job.stage("measuring", "Measuring what is fastest here")
    plan, made = measured_plan(recipe, draft, loaded.decoder, data, lambda: job.progress(0.0), loaded.teacher)
    plan = replace(plan, base_sha256=sha256, teacher_sha256=teacher.sha256 if teacher is not None else "")
    job.refuse_deleted()
    save_plan(job.folder.path, plan)
    job.tell(made)
    return loaded._replace(plan=plan)


def _decoder(job: Job, recipe: FineTune | Distill, base: Base, plan: TrainingPlan, data: PreparedData) -> Decoder:
    begin_computing(plan)
    job.stage("loading", f"Loading the model “{base.header.path.stem}”")
    decoder = Decoder.load(GGUFWeights(base.header), decoder_options(plan, int(data.lengths.max())))
    decoder.add_adapter(recipe.adapter, recipe.training.seed)
    if not decoder.trainable():
        what = f"Nothing of this model would be trained: it has {decoder.config.layers} layers, counted from 0."
        raise RecipeError(what, "Change adapter.first_layer, adapter.last_layer or adapter.where.")
    return decoder


def _trained(job: Job, recipe: FineTune | Distill, base: Base, loaded: _Loaded, data: PreparedData) -> JobEnded:
    plan, decoder = loaded.plan, loaded.decoder
    prompts = data.sample_prompts(recipe.watch.samples)

    def answers(mine: list[int], _: threading.Event) -> dict[int, list[int]]:
        most, ends = recipe.watch.sample_tokens, base.vocabulary.ends_reply
        return {index: decoder.continue_text(list(prompts[index].tokens), most, ends) for index in mine}

    def samples() -> tuple[Sample, ...]:
        job.check()
        dealt = deal([1] * len(prompts), decoder.lanes())
        tokens: dict[int, list[int]] = {}
        for found in side_by_side([partial(answers, mine) for mine in dealt]):
            tokens |= found
        replies = (b"".join(map(base.vocabulary.piece, tokens[index])) for index in range(len(prompts)))
        return tuple(
            Sample(prompt=prompt.said, reply=reply.decode("utf-8", errors="replace"))
            for prompt, reply in zip(prompts, replies, strict=True)
        )

    job.stage("training", f"Learning from {data.dialogues:,} dialogues")
    trainer = Trainer(job, recipe, plan, decoder, data, samples, loaded.teacher)
    ending = trainer.run()
    if ending.reason == "pause":
        return interrupted(job.folder, ending.step)
    if not ending.step:
        return JobEnded(state="cancelled", what=NOTHING_KEPT)
    job.has_result = True
    job.stage("exporting", "Writing the result")
    trainer.put_weights(trainer.best_weights())
    sample = verification_sample(decoder, data)
    lineage = lineage_of(read_header(Path(recipe.teacher))) if isinstance(recipe, Distill) else {}
    writer = Writer(job, recipe, plan, base.header, base.library, job.progress, lineage)
    metrics = {
        "held_out_loss_before": ending.first.loss,
        "held_out_loss": ending.best.loss,
        "teacher_loss": ending.best.teacher_loss,
        "divergence_before": ending.first.divergence,
        "divergence": ending.best.divergence,
        "held_out_bits_per_byte": bits_per_byte(ending.best.loss, data, base.vocabulary),
        "steps": float(ending.kept_step),
        "seconds": trainer.seconds,
        "tokens_per_second": trainer.tokens_per_second,
        "peak_memory_bytes": float(trainer.peak_memory),
    }
    whole = recipe.adapter.method == "full" or base.header.path.is_relative_to(job.folder.path)
    if whole:  # or an adapter of a model that nobody but this job has
        writer.model(decoder, data, sample, metrics)
    else:
        adapter = writer.adapter(decoder, data, sample, metrics)
        if job.order.merged:
            writer.merged(adapter, Path(job.order.merged), sample)
    trainer.forget()
    return _ended(ending, trainer.steps, "model" if whole else "adapter")


def _ended(ending: Ending, steps: int, made: str) -> JobEnded:
    """The last word: why it ended, and what it was good for."""
    kept = f"the {made} is that of step {ending.kept_step:,}"
    said = {
        "finished": f"All {steps:,} steps are done; {kept}.",
        "early": f"It ended early, after step {ending.step:,} of {steps:,}, because measurements no longer improved; {kept}.",
        "cancel": f"It was cancelled after step {ending.step:,} of {steps:,}; {kept}.",
    }
    what, remedy = said[ending.reason], ""
    first, best = ending.first, ending.best
    if not math.isnan(first.loss) and not math.isnan(best.loss):
        what += f" The held-out loss went from {first.loss:.3f} to {best.loss:.3f}"
        if not math.isnan(best.divergence):
            what += (
                f" (the teacher’s is {best.teacher_loss:.3f}), and the divergence from the teacher from "
                f"{first.divergence:.3f} to {best.divergence:.3f} nats per token"
            )
        what += "."
        if best.loss >= first.loss and not best.divergence < first.divergence:
            remedy = "She did not get better at these dialogues: try a lower learning rate, or more dialogues."
    return JobEnded(state="cancelled" if ending.reason == "cancel" else "done", what=what, remedy=remedy)


def _rate_found(job: Job, recipe: FineTune | Distill, loaded: _Loaded, data: PreparedData) -> JobEnded:
    """Try learning rates instead of training; the curve becomes a picture."""
    job.stage("measuring", "Trying learning rates")
    trainer = Trainer(job, recipe, loaded.plan, loaded.decoder, data, tuple, loaded.teacher)
    curve = find_rate(
        trainer.try_rate, tried=lambda point: job.tell(RateTried(learning_rate=point.learning_rate, loss=point.loss))
    )
    picture = Path(job.order.output or job.folder.output / "learning-rate.svg")
    write_atomic(picture, plot(curve).encode())
    trainer.forget()
    metrics = {"suggestion": curve.suggestion} if curve.suggestion else {}
    job.tell(OutputWritten(file=str(picture), kind="report", metrics=metrics))
    return JobEnded(state="done", what=curve.sentence)
