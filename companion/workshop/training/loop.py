"""The training loop: steps, measurements, checkpoints, and an ear for whoever wants it to end.

After every step the state is complete: what a checkpoint holds, together with the plan and the data, says everything
that follows. A run that was killed and resumed has the same loss curve as one that was not.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from msgspec.structs import replace
from torch import Tensor

from companion.core.errors import JobError
from companion.core.job import Evaluated, Sample, StageBegan, StageProgress, StepDone, Trouble
from companion.core.recipes.files import TrainingRecipe
from companion.workshop.job import Job, Stopped
from companion.workshop.nn.decoder import Decoder
from companion.workshop.training.checkpoints import Checkpoint
from companion.workshop.training.consolidation import Anchor
from companion.workshop.training.curves import Curves
from companion.workshop.training.groups import parameter_groups
from companion.workshop.training.held_out import NOTHING, Measurement
from companion.workshop.training.kept_checkpoints import KeptCheckpoints
from companion.workshop.training.machine_use import MachineUse
from companion.workshop.training.objective import Objective, trained_weights
from companion.workshop.training.optimizers import make_optimizer
from companion.workshop.training.order import DataOrder
from companion.workshop.training.pace import Pace
from companion.workshop.training.plan import TrainingPlan, save_plan
from companion.workshop.training.schedules import Schedule
from companion.workshop.training.source import Source
from companion.workshop.training.steps import NoRoom, NotANumber, Stepper
from companion.workshop.training.trouble import REMEDIES, TroubleFinder

Reason = Literal["finished", "early", "cancel", "pause"]


class Ending(NamedTuple):
    """Why the loop ended, after which step, and where the held-out loss was best: step -1 when it was never measured."""

    reason: Reason
    step: int
    first: Measurement
    """Of what is held out before training; its loss is NaN when nothing is."""
    best_step: int
    best: Measurement

    @property
    def kept_step(self) -> int:
        """Of the weights that are kept."""
        return self.best_step if self.best_step >= 0 else self.step


class Trainer:
    """One run of the loop over one job, from the beginning or from its last checkpoint."""

    def __init__(
        self,
        job: Job,
        recipe: TrainingRecipe,
        plan: TrainingPlan,
        decoder: Decoder,
        data: Source,
        samples: Callable[[], tuple[Sample, ...]],
        objective: Objective,
        anchor: Anchor | None = None,
    ) -> None:
        self._job, self._recipe, self.plan = job, recipe, plan
        self._decoder, self._data, self._samples = decoder, data, samples
        self._device = torch.device(plan.device)
        self._weights: dict[str, Tensor] = dict(trained_weights(decoder, objective))
        options = recipe.optimizer
        self._optimizer = make_optimizer(parameter_groups(recipe, self._weights), options, plan.learning_rate)
        self._order = DataOrder(data, recipe.training, plan.epochs)
        self.steps = self._order.steps
        self._schedule = Schedule(recipe.schedule, self.steps)
        seed = recipe.training.seed
        self._objective = objective
        rows = plan.micro_batch_tokens
        self._stepper = Stepper(decoder, self._optimizer, data, objective, options, seed, rows, self._device, anchor)
        self._trouble = TroubleFinder()
        self._checkpoints = KeptCheckpoints(job, recipe.watch, self._trouble)
        self._use = MachineUse(self._device)
        self._pace = Pace(self.steps, self._measured_steps())
        self.step = 0
        self._measured_step = -1
        self._tokens = 0
        self._first = self._best = NOTHING
        self._best_step = -1
        self._worse = 0
        self._restore()
        self._curves = Curves(job.folder.path / "tensorboard", recipe.watch.tensorboard, self.step)

    @property
    def peak_memory(self) -> int:
        """Bytes; of the graphics card when it computes there."""
        return self._use.gpu_peak or self._use.peak

    @property
    def tokens_per_second(self) -> float:
        """Of steps and measurements together, all runs of the job."""
        return self._tokens / self.seconds if self.seconds else 0.0

    @property
    def _when(self) -> str:
        return f"after step {self.step:,}" if self.step else "before training"

    @property
    def seconds(self) -> float:
        """Of training, all runs together, measurements included."""
        return self._pace.seconds

    def run(self) -> Ending:
        """Until all steps are done, it stops early, or somebody asks. Raises JobError when it cannot go on."""
        self._decoder.train()
        try:
            reason = self._run()
        except Stopped as stopped:
            reason = "cancel" if stopped.wish == "cancel" else "pause"
            self._save()
        finally:
            self._curves.close()
        return Ending(reason, self.step, self._first, self._best_step, self._best)

    def best_weights(self) -> dict[str, Tensor]:
        """Those with the lowest held-out loss so far, else the present ones."""
        if self._best_step >= 0 and self._best_step != self.step:
            return self._checkpoints.best(self._best_step)
        return self._copies()

    def put_weights(self, weights: dict[str, Tensor]) -> None:
        """Let the decoder have these. Raises JobError when they are those of another adapter."""
        if set(weights) != set(self._weights) or any(weights[n].shape != w.shape for n, w in self._weights.items()):
            raise JobError("The checkpoint belongs to another recipe.", "Start a new job.")
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(weights[name])

    def try_rate(self, learning_rate: float) -> float:
        """Take the next step with this rate, whatever the schedule says; returns the loss before it, NaN when it is none."""
        self._job.check()
        self.step += 1
        examples = self._order.examples((self.step - 1) % self.steps)
        try:
            return self._stepper.take(self.step, examples, learning_rate, lambda _share: self._job.check()).loss
        except NotANumber:
            return math.nan

    def forget(self) -> None:
        """Delete the checkpoints and the prepared data: the job is done and its result is written."""
        self._curves.close()
        self._checkpoints.forget()
        shutil.rmtree(self._job.folder.path / "data", ignore_errors=True)

    def _run(self) -> Reason:
        due = {0} | self._measured_steps()
        patience = self._recipe.training.patience
        while True:
            if self.step in due and self._measured_step < self.step:
                self._measure()
                self._save(always=True)
            elif self._checkpoints.is_due(self.step):
                self._save()
            if self.step >= self.steps:
                return "finished"
            if patience and self._worse >= patience:
                return "early"
            self._job.check()
            self._take_step()

    def _take_step(self) -> None:
        began = time.perf_counter()
        factor = self._schedule.factor(self.step)
        rate = self.plan.learning_rate * factor
        try:
            taken = self._stepper.take(self.step, self._order.examples(self.step), rate, self._between)
        except NotANumber:
            raise self._not_a_number() from None
        except NoRoom:
            raise JobError(
                "There is not enough memory to train this, even in the smallest portions.",
                "Take packed weights (machine.weights=packed), shorter dialogues (data.longest), a smaller rank or model.",
            ) from None
        self.step += 1
        self._tokens += taken.tokens
        if taken.shrunk:
            self._remember_smaller_rows()
        seconds = time.perf_counter() - began
        self._pace.step(taken.tokens, seconds)
        use = self._use.read()
        share = taken.data_seconds / max(seconds, 1e-9)
        event = StepDone(
            step=self.step,
            steps=self.steps,
            epoch=round(self._order.epoch(self.step), 4),
            loss=taken.loss,
            learning_rate=rate,
            gradient_norm=taken.norm,
            tokens=self._tokens,
            tokens_per_second=round(self._pace.tokens_per_second, 1),
            data_share=round(share, 4),
            memory_bytes=use.memory,
            gpu_memory_bytes=use.gpu_memory,
            cpu_percent=use.cpu_percent,
            gpu_percent=use.gpu_percent,
            seconds_left=round(self._pace.seconds_left(self.step), 1),
            accuracy=taken.accuracy,
            margin=taken.margin,
        )
        self._job.tell(event)
        self._curves.add(event)
        self._report(*self._trouble.step(self.step, taken.loss, taken.norm, factor, share))
        self._report(self._trouble.machine(self.step, use.available, use.total))

    def _measure(self) -> None:
        """The held-out loss and sample replies after the present step. Raises JobError when it is no number."""
        began = time.perf_counter()
        if len(self._data.held_out):
            self._job.tell(StageBegan(stage="evaluating", sentence=f"Measuring the held-out loss {self._when}"))
            found = self._objective.measure(self._decoder, self._stepper.micro_batch_tokens, self._device, self._listen)
            wanted = self._objective.wanted(found)
            if not math.isfinite(wanted):
                raise self._not_a_number()
            samples = self._samples()  # may be stopped: nothing has changed until they are there
            improved = self.step > 0 and (self._best_step < 0 or wanted < self._objective.wanted(self._best))
            best = improved and self._checkpoints.write_best(self.step, found.loss, self._copies())
            if self.step == 0:
                self._first = found
            elif best:
                self._best_step, self._best = self.step, found
            self._worse = 0 if improved or self.step == 0 else self._worse + 1
            numbers = {name: value for name, value in found._asdict().items() if name != "teacher_loss"}  # which never changes
            event = Evaluated(step=self.step, best=best, samples=samples, **numbers)
            self._job.tell(event)
            self._curves.add(event)
            self._schedule.observe(wanted)
            self._report(self._trouble.evaluated(self.step, found.loss))
        self._measured_step = self.step
        self._pace.measured(time.perf_counter() - began)

    def _measured_steps(self) -> set[int]:
        count = min(self._recipe.watch.evaluations, self.steps)
        return {round(self.steps * number / count) for number in range(1, count + 1)}

    def _between(self, share: float) -> None:
        self._job.check()
        self._job.tell(StageProgress(fraction=round((self.step + share) / self.steps, 6)))

    def _listen(self, share: float) -> None:
        self._job.check()
        self._job.tell(StageProgress(fraction=round(share, 6)))

    def _save(self, *, always: bool = False) -> None:
        """Write a checkpoint unless this step has one."""
        if self.step == self._checkpoints.newest and not always:
            return
        counters = {
            "tokens": self._tokens,
            "first": self._first._asdict(),
            "best": self._best._asdict(),
            "best_step": self._best_step,
            "worse": self._worse,
            "measured_step": self._measured_step,
            "trouble": self._trouble.state_dict(),
            "pace": self._pace.state_dict(),
        }
        optimizer, schedule = self._optimizer.state_dict(), self._schedule.state_dict()
        self._checkpoints.write(Checkpoint(self.step, self._copies(), optimizer, schedule, counters))

    def _restore(self) -> None:
        state = self._checkpoints.read()
        if state is None:
            return
        self.put_weights(state.weights)
        try:
            self._continue(state)
        except (KeyError, TypeError, ValueError) as error:
            raise JobError("The checkpoint belongs to another version of the recipe.", "Start a new job.") from error
        self._checkpoints.go_on_from(state)
        self._without_damaged_best()

    def _continue(self, state: Checkpoint) -> None:
        self._optimizer.load_state_dict(state.optimizer)
        self._schedule.load_state_dict(state.schedule)
        counters = state.counters
        self.step = state.step
        self._tokens, self._worse = int(counters["tokens"]), int(counters["worse"])
        self._first, self._best = Measurement(**counters["first"]), Measurement(**counters["best"])
        self._best_step, self._measured_step = int(counters["best_step"]), int(counters["measured_step"])
        self._trouble.load_state_dict(counters["trouble"])
        self._pace.load_state_dict(counters["pace"])

    def _without_damaged_best(self) -> None:
        """Best weights that cannot be read any more do not count as the best."""
        if self._best_step in {-1, self.step}:
            return
        try:
            self._checkpoints.best(self._best_step)
        except JobError as error:
            self._best_step, self._best = -1, NOTHING
            remedy = f"Those of step {self.step:,} count until a later measurement."
            self._report(Trouble(step=self.step, kind="checkpoint", what=error.what, remedy=remedy))

    def _copies(self) -> dict[str, Tensor]:
        return {name: weight.detach().to("cpu", copy=True) for name, weight in self._weights.items()}

    def _remember_smaller_rows(self) -> None:
        rows = self._stepper.micro_batch_tokens
        what = f"Memory ran out, so at most {rows:,} tokens are computed at once from here on."
        self._report(self._trouble.tell(self.step, "memory", what))
        self.plan = replace(self.plan, micro_batch_tokens=rows)
        self._job.refuse_deleted()
        try:
            save_plan(self._job.folder.path, self.plan)
        except OSError as error:
            self._checkpoints.tell_unwritten(self.step, "The plan", error)

    def _not_a_number(self) -> JobError:
        """What to say when a loss is infinite or no number; the trouble is told too."""
        if self.step == 0:
            return JobError(
                "The loss is not a number before anything was learned: weights of the model, or the data, are damaged.",
                "Choose another file of this model.",
            )
        newest = self._checkpoints.newest
        good = f"the last good checkpoint is of step {newest:,}" if newest >= 0 else "there is no checkpoint yet"
        what = f"The loss stopped being a number after step {self.step:,}; {good}."
        self._report(self._trouble.tell(self.step, "nan", what))
        keep = f" What was best until then (step {self._best_step:,}) is kept with: companion jobs cancel {self._job.folder.id}"
        return JobError(what, REMEDIES["nan"] + (keep if self._best_step >= 0 and self._job.keeps_best else ""))

    def _report(self, *troubles: Trouble | None) -> None:
        for trouble in troubles:
            if trouble is not None:
                self._job.tell(trouble)
