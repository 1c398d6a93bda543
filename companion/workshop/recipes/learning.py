"""What every training has in common: the model, its plan, sample replies, and what is left at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from companion.core.errors import DatasetError, ModelError, RecipeError
from companion.core.files import write_atomic
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import read_header
from companion.core.job import DataReady, JobEnded, OutputWritten, RateTried, Sample
from companion.core.job_folder import HELD_OUT_FILE
from companion.core.recipes.distill import Distill
from companion.core.recipes.files import AdapterRecipe, LearningRecipe
from companion.workshop.job import NOTHING_KEPT, Job, interrupted
from companion.workshop.nn.config import DecoderConfig, refuse_unless_supported
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.lanes import deal, side_by_side
from companion.workshop.nn.teacher import Teacher
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.recipes.open_base import Base, open_base
from companion.workshop.recipes.result import Sample as Verification
from companion.workshop.recipes.result import Writer
from companion.workshop.recipes.start_adapter import Start, begin_with, read_start
from companion.workshop.recipes.teacher_file import TeacherFile, lineage_of
from companion.workshop.training.consolidation import Anchor, Fisher
from companion.workshop.training.loop import Ending, Trainer
from companion.workshop.training.objective import Objective
from companion.workshop.training.plan import TrainingPlan, chosen_adapter, load_plan, save_plan
from companion.workshop.training.planning import begin_computing, decoder_options, draft_plan, measured_plan
from companion.workshop.training.rate_finder import find_rate, plot
from companion.workshop.training.source import Prepared


class Opened:
    """The model, the adapter and the teacher of a recipe, and the plan of before when there is one."""

    def __init__(self, job: Job, recipe: LearningRecipe, base: Base, teacher: TeacherFile | None) -> None:
        """Raises ModelError for files that are not those the job began with."""
        self.job, self.recipe, self.base, self.teacher = job, recipe, base, teacher
        path = base.header.path
        self.known = load_plan(job.folder.path)
        self.sha256 = file_sha256(path)
        if self.known is not None and self.known.base_sha256 != self.sha256:
            raise _other_file(path)
        if self.known is not None and teacher is not None and self.known.teacher_sha256 != teacher.sha256:
            raise _other_file(teacher.path)
        self.start: Start | None = None
        self.start_sha256 = ""
        if isinstance(recipe, AdapterRecipe) and recipe.start_adapter:
            self._read_start(Path(recipe.start_adapter))

    def _read_start(self, path: Path) -> None:
        if self.recipe.adapter.method == "full":
            what = "All weights are trained, so there is no adapter to go on with (start_adapter)."
            raise RecipeError(what, "Set adapter.method=lora, or leave the start adapter out.")
        self.start = read_start(path, self.base.header, self.sha256, self.recipe.adapter)
        self.start_sha256 = file_sha256(path)
        if self.known is not None and self.known.start_sha256 != self.start_sha256:
            raise ModelError(f"“{path.name}” is not the adapter that this job began with.", "Put the old file back.")

    def learning(self, data: Prepared) -> Learning:
        """The loaded model with its plan; says what was prepared, unless that was said before. Raises DatasetError."""
        if self.known is None:
            self.job.tell(
                DataReady(
                    dialogues=data.dialogues,
                    held_out=data.held_out_dialogues,
                    tokens=data.tokens,
                    supervised_tokens=data.supervised_tokens,
                    fingerprint=data.fingerprint,
                    left_out=(*data.left_out, *data.notices),
                    counted=data.counted,
                )
            )
        elif self.known.fingerprint != data.fingerprint:
            what = "The dialogues are not those that this job began with."
            raise DatasetError(what, "Put the old files back, or start a new job for the new ones.")
        return Learning(self, data)


@contextmanager
def opened(job: Job, recipe: LearningRecipe, teacher: TeacherFile | None = None) -> Iterator[Opened]:
    """Raises ModelError for a model that cannot be trained, or is not the one that the job began with."""
    path = Path(recipe.model)
    job.stage("checking", f"Checking the model “{path.stem}”")
    refuse_unless_supported(read_header(path))
    with open_base(path) as base:
        yield Opened(job, recipe, base, teacher)


def _other_file(path: Path) -> ModelError:
    what = f"“{path.name}” is not the file that this job began with."
    return ModelError(what, "Put the old file back, or start a new job for the new one.")


class Learning:
    """One training: a loaded decoder with its adapter, its teacher if there is one, the plan, and the way to its result."""

    def __init__(self, work: Opened, data: Prepared) -> None:
        self.job, self.base, self.data = work.job, work.base, data
        self._start = work.start
        shaped = work.start.adapter if work.start is not None else work.recipe.adapter
        self.recipe: LearningRecipe = replace(work.recipe, adapter=chosen_adapter(shaped, data.dialogues))
        self.plan, self.decoder, self.teacher = self._loaded(work)
        self._trainer: Trainer | None = None

    @property
    def steps(self) -> int:
        return self._trainer.steps if self._trainer is not None else self.plan.steps

    def train(self, objective: Objective, anchor: Anchor | None, finished: Callable[[Ending], JobEnded]) -> JobEnded:
        """Until it ends; `finished` is called with the best weights in the decoder when there is a result to write."""
        samples = self._samples()
        trainer = Trainer(self.job, self.recipe, self.plan, self.decoder, self.data, samples, objective, anchor)
        self._trainer = trainer
        ending = trainer.run()
        if ending.reason == "pause":
            return interrupted(self.job.folder, ending.step)
        if not ending.step:
            return JobEnded(state="cancelled", what=NOTHING_KEPT)
        self.job.has_result = True
        self.job.stage("exporting", "Writing the result")
        trainer.put_weights(trainer.best_weights())
        ended = finished(ending)
        held_out = self.job.folder.path / "data" / HELD_OUT_FILE
        if held_out.is_file():
            held_out.replace(self.job.folder.held_out_file)
        trainer.forget()
        return ended

    def figures(self, ending: Ending) -> dict[str, float]:
        """What every result says of its making."""
        trainer = self._trainer
        if trainer is None:
            return {}
        return {
            "steps": float(ending.kept_step),
            "seconds": trainer.seconds,
            "tokens_per_second": trainer.tokens_per_second,
            "peak_memory_bytes": float(trainer.peak_memory),
        }

    def write(self, sample: Verification, metrics: dict[str, float], fisher: Fisher | None = None) -> str:
        """The files that were asked for, each verified through llama.cpp; returns what was made. Raises WorkshopError.

        `fisher` is kept beside the adapter: what must not be lost when somebody goes on from it.
        """
        recipe, header = self.recipe, self.base.header
        lineage = lineage_of(read_header(Path(recipe.teacher))) if isinstance(recipe, Distill) else {}
        writer = Writer(self.job, recipe, self.plan, header, self.base.library, self.job.progress, lineage)
        if recipe.adapter.method == "full" or header.path.is_relative_to(self.job.folder.path):
            writer.model(self.decoder, self.data.fingerprint, sample, metrics)
            return "model"  # also instead of an adapter of a model that nobody but this job has
        adapter = writer.adapter(self.decoder, self.data.fingerprint, sample, metrics)
        if fisher is not None:
            writer.fisher(adapter, fisher)
        if self.job.order.merged:
            writer.merged(adapter, Path(self.job.order.merged), sample)
        return "adapter"

    def find_rate(self, objective: Objective) -> JobEnded:
        """Try learning rates instead of training; the curve becomes a picture."""
        self.job.stage("measuring", "Trying learning rates")
        trainer = Trainer(self.job, self.recipe, self.plan, self.decoder, self.data, tuple, objective)
        curve = find_rate(
            trainer.try_rate, tried=lambda point: self.job.tell(RateTried(learning_rate=point.learning_rate, loss=point.loss))
        )
        picture = Path(self.job.order.output or self.job.folder.output / "learning-rate.svg")
        write_atomic(picture, plot(curve).encode())
        trainer.forget()
        metrics = {"suggestion": curve.suggestion} if curve.suggestion else {}
        self.job.tell(OutputWritten(file=str(picture), kind="report", metrics=metrics))
        return JobEnded(state="done", what=curve.sentence)

    def _loaded(self, work: Opened) -> tuple[TrainingPlan, Decoder, Teacher | None]:
        """The plan of before, or a new one that is measured with the loaded model."""
        job, recipe, header, file = self.job, self.recipe, self.base.header, work.teacher
        config = DecoderConfig.from_header(header)

        def load(plan: TrainingPlan) -> tuple[Decoder, Teacher | None]:
            longest, seed = int(self.data.lengths.max()), recipe.training.seed
            return self._decoder(plan), None if file is None else file.load(job, plan, config, longest, seed)

        if work.known is not None:
            return work.known, *load(work.known)
        size = file.size(config) if file is not None else None
        draft = draft_plan(recipe, self.data, config, header.parameters, header.weights_bytes, recipe.adapter, size)
        draft = draft._replace(sentences=(*draft.sentences, *self.base.notices))
        decoder, teacher = load(draft.plan)
        job.stage("measuring", "Measuring what is fastest here")
        plan, made = measured_plan(recipe, draft, decoder, self.data, lambda: job.progress(0.0), teacher)
        plan = replace(
            plan,
            base_sha256=work.sha256,
            teacher_sha256=file.sha256 if file is not None else "",
            start_sha256=work.start_sha256,
        )
        job.refuse_deleted()
        save_plan(job.folder.path, plan)
        job.tell(made)
        return plan, decoder, teacher

    def _decoder(self, plan: TrainingPlan) -> Decoder:
        begin_computing(plan)
        self.job.stage("loading", f"Loading the model “{self.base.header.path.stem}”")
        decoder = Decoder.load(GGUFWeights(self.base.header), decoder_options(plan, int(self.data.lengths.max())))
        decoder.add_adapter(self.recipe.adapter, self.recipe.training.seed)
        if not decoder.trainable():
            what = f"Nothing of this model would be trained: it has {decoder.config.layers} layers, counted from 0."
            raise RecipeError(what, "Change adapter.first_layer, adapter.last_layer or adapter.where.")
        if self._start is not None:
            begin_with(decoder, self._start)
        return decoder

    def _samples(self) -> Callable[[], tuple[Sample, ...]]:
        """Replies to a few prompts, as the decoder gives them at the moment of asking."""
        decoder, base, watch = self.decoder, self.base, self.recipe.watch
        prompts = self.data.sample_prompts(watch.samples)

        def answers(mine: list[int], _: threading.Event) -> dict[int, list[int]]:
            most, ends = watch.sample_tokens, base.vocabulary.ends_reply
            return {index: decoder.continue_text(list(prompts[index].tokens), most, ends) for index in mine}

        def samples() -> tuple[Sample, ...]:
            self.job.check()
            dealt = deal([1] * len(prompts), decoder.lanes())
            tokens: dict[int, list[int]] = {}
            for found in side_by_side([partial(answers, mine) for mine in dealt]):
                tokens |= found
            replies = (b"".join(map(base.vocabulary.piece, tokens[index])) for index in range(len(prompts)))
            return tuple(
                Sample(prompt=prompt.said, reply=reply.decode("utf-8", errors="replace"))
                for prompt, reply in zip(prompts, replies, strict=True)
            )

        return samples


def why_it_ended(ending: Ending, steps: int, made: str) -> str:
    """The first sentence of the last word."""
    kept = f"the {made} is that of step {ending.kept_step:,}"
    said = {
        "finished": f"All {steps:,} steps are done; {kept}.",
        "early": f"It ended early, after step {ending.step:,} of {steps:,}, because measurements no longer improved; {kept}.",
        "cancel": f"It was ended early, after step {ending.step:,} of {steps:,}, because somebody wished so; {kept}.",
    }
    return said[ending.reason]
