"""From a recipe and its data to a plan: what is automatic is measured or looked up, and every choice is explained."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import NamedTuple

import torch
from msgspec.structs import replace

from companion.core.errors import JobError
from companion.core.job import PlanMade
from companion.core.recipes.files import TrainingRecipe
from companion.core.recipes.mistakes import without_effect
from companion.core.recipes.parts import Adapter, Loss, Training
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder, DecoderOptions
from companion.workshop.nn.teacher import Teacher
from companion.workshop.training.curves import MISSING
from companion.workshop.training.layout import LARGEST_ROW, SMALLEST_ROW, choose_layout
from companion.workshop.training.machine import Place, choose_place
from companion.workshop.training.measure import SIZES, Speed, fastest, measure_rows, speed_sentence
from companion.workshop.training.memory import TeacherSize
from companion.workshop.training.objective import Supervised, trained_weights
from companion.workshop.training.order import DataOrder
from companion.workshop.training.plan import TrainingPlan, chosen_epochs, chosen_rate
from companion.workshop.training.source import Prepared

SMALL_WORK = 100_000
"""Tokens of all steps together; below it, looking for the best size takes longer than it saves."""
FORWARD_SHARE = 0.4
"""Of the time of a step, what a measurement of as many tokens takes."""
STATE_BYTES = 12
"""What the optimizer adds for every trained number after measuring: two means and a copy for clipping, in float32."""


class Draft(NamedTuple):
    """A plan before anything was measured, and why it is so."""

    plan: TrainingPlan
    place: Place
    most_tokens: int
    sentences: tuple[str, ...]


def draft_plan(
    recipe: TrainingRecipe,
    data: Prepared,
    config: DecoderConfig,
    parameters: int,
    packed_bytes: int,
    adapter: Adapter | None,
    teacher: TeacherSize | None = None,
) -> Draft:
    """Decide all that needs no loaded model. `adapter` is None when everything is trained. Raises JobError when it cannot fit."""
    place = choose_place(recipe.machine)
    lengths = data.lengths[data.train]
    layout = choose_layout(
        config,
        packed_bytes,
        adapter,
        recipe.machine,
        place,
        typical_length=int(lengths.mean()),
        longest=int(data.lengths.max()),
        teacher=teacher,
    )
    epochs = chosen_epochs(recipe, data.dialogues)
    whole = adapter is None or adapter.method == "full"
    rate = chosen_rate(recipe, parameters, whole=whole)
    plan = TrainingPlan(
        fingerprint=data.fingerprint,
        device=place.device,
        weights="packed" if layout.packed else "dense",
        teacher_packed=layout.teacher_packed,
        compute=place.compute,
        checkpoint_layers=layout.checkpoint,
        threads=place.threads,
        micro_batch_tokens=recipe.machine.micro_batch_tokens,
        epochs=epochs,
        learning_rate=rate,
        steps=DataOrder(data, recipe.training, epochs).steps,
    )
    sentences = [*place.sentences, *layout.sentences, _learning(recipe, plan, adapter)]
    sentences += without_effect(recipe.optimizer, adapter)
    if recipe.watch.tensorboard and importlib.util.find_spec("tensorboard") is None:
        sentences.append(MISSING)
    return Draft(plan, place, layout.most_tokens, tuple(sentences))


def decoder_options(plan: TrainingPlan, longest: int) -> DecoderOptions:
    """How a decoder of this plan computes; `longest` is the longest dialogue in tokens."""
    return DecoderOptions(
        compute=torch.bfloat16 if plan.compute == "bfloat16" else torch.float32,
        device=plan.device,
        packed=plan.weights == "packed",
        checkpoint=plan.checkpoint_layers,
        longest=longest,
    )


def begin_computing(plan: TrainingPlan) -> None:
    """Set up torch as the plan says. Raises JobError when its device has gone since."""
    torch.set_num_threads(plan.threads)
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise JobError("This job was begun on a graphics card that torch no longer sees.", "Start a new job on the processor.")
    if plan.device == "cuda":
        torch.set_float32_matmul_precision("high")


def measured_plan(
    recipe: TrainingRecipe,
    draft: Draft,
    decoder: Decoder,
    data: Prepared,
    check: Callable[[], None],
    teacher: Teacher | None = None,
) -> tuple[TrainingPlan, PlanMade]:
    """The plan with its micro-batch, time and memory as measured with the loaded model. Raises JobError when nothing fits."""
    plan = draft.plan
    loss = recipe.loss if isinstance(recipe.loss, Loss) else Loss()  # what preferences add to it takes no time
    objective = Supervised(data, loss, teacher)
    speeds = measure_rows(decoder, data, objective, recipe.training.seed, _sizes(recipe, draft, data), check)
    if not speeds:
        raise JobError(
            "There is not enough memory for even one row of tokens.",
            "Take packed weights (machine.weights=packed), shorter dialogues (data.longest), a smaller rank or model.",
        )
    chosen = fastest(speeds)
    trained = sum(weight.numel() for weight in trained_weights(decoder, objective).values())
    memory = chosen.memory + STATE_BYTES * trained
    plan = replace(plan, micro_batch_tokens=chosen.tokens, tokens_per_second=round(chosen.per_second, 1), memory_bytes=memory)
    made = PlanMade(
        device=draft.place.name,
        weights=plan.weights,
        compute=plan.compute,
        micro_batch_tokens=chosen.tokens,
        steps=plan.steps,
        tokens_per_second=plan.tokens_per_second,
        seconds=round(_seconds(recipe, plan, data, chosen), 1),
        memory_bytes=memory,
        sentences=(*draft.sentences, speed_sentence(speeds)),
    )
    return plan, made


def _sizes(recipe: TrainingRecipe, draft: Draft, data: Prepared) -> list[int]:
    """Sizes of rows to try, in tokens."""
    if recipe.machine.micro_batch_tokens:
        return [recipe.machine.micro_batch_tokens]
    of_step = _step_tokens(recipe.training, data)
    most = min(draft.most_tokens, LARGEST_ROW, max(of_step, SMALLEST_ROW))
    sizes = [size for size in SIZES if size <= most] or [max(most, 1)]
    if of_step * draft.plan.steps < SMALL_WORK:
        return [sizes[min(1, len(sizes) - 1)]]
    return sizes


def _step_tokens(training: Training, data: Prepared) -> int:
    if training.tokens_per_step:
        return min(training.tokens_per_step, data.tokens)
    return min(max(training.dialogues_per_step, 1), len(data.train)) * data.tokens // max(len(data.train), 1)


def _seconds(recipe: TrainingRecipe, plan: TrainingPlan, data: Prepared, speed: Speed) -> float:
    steps = plan.steps * _step_tokens(recipe.training, data)
    held_out = int(data.lengths[data.held_out].sum()) * (min(recipe.watch.evaluations, plan.steps) + 1)
    return (steps + FORWARD_SHARE * held_out) / max(speed.per_second, 1e-9)


def _learning(recipe: TrainingRecipe, plan: TrainingPlan, adapter: Adapter | None) -> str:
    what = f"An adapter of rank {adapter.rank}" if adapter is not None and adapter.method == "lora" else "All weights"
    options = recipe.optimizer
    often = f"{plan.steps:,} steps" if recipe.training.steps else f"{plan.epochs:g} epochs"
    return f"{what}, {often} with {options.name} at a learning rate of {plan.learning_rate:.3g}."
