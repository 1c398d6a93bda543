"""The recipe of a distillation: a smaller student learns from a teacher what the person's dialogues are about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from companion.core.errors import RecipeError
from companion.core.gguf.header import GGUFHeader
from companion.core.recipes.parts import Adapter, CardBefore, Data, Loss, Machine, Optimizer, Part, Schedule, Training, Watch


class Distillation(Part, frozen=True, kw_only=True):
    """What is taken over from the teacher."""

    way: Annotated[
        Literal["logits", "replies"],
        Meta(
            title="Way",
            description="The teacher's chances of every word (Hinton et al. 2015), or replies that it writes (Kim and Rush "
            "2016), which also teach a student with another vocabulary.",
        ),
    ] = "logits"
    temperature: Annotated[
        float,
        Meta(ge=1, le=10, title="Temperature", description="Higher shows more of the words that the teacher finds unlikely."),
    ] = 1.0
    share: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title="Teacher's share",
            description="Weight of the teacher against the words of the dialogues; of replies, the share that it writes.",
        ),
    ] = 0.9
    direction: Annotated[
        Literal["forward", "reverse"],
        Meta(
            title="Direction",
            description="Forward learns all that the teacher might say, reverse what it would most likely say (Gu et al. 2023).",
        ),
    ] = "forward"
    hidden: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            title="Hidden states",
            description="Weight of being like the teacher inside, layer by layer (Jiao et al. 2019); 0 looks at its words only.",
        ),
    ] = 0.0
    hidden_distance: Annotated[
        Literal["cosine", "mse"],
        Meta(title="Distance inside", description="The angle between hidden states, or their squared difference."),
    ] = "cosine"
    reply_tokens: Annotated[
        int, Meta(ge=1, le=4096, title="Longest reply", description="Tokens of a reply that the teacher writes at most.")
    ] = 160


class Student(Part, frozen=True, kw_only=True):
    """How a student is made when no model is named."""

    layers: Annotated[
        int,
        Meta(
            ge=0,
            le=512,
            title="Layers",
            description="The student begins as so many layers of the teacher, evenly spread, the first and the last among them "
            "(Sanh et al. 2019); 0 takes the model that is named.",
        ),
    ] = 0


class Distill(Part, frozen=True, kw_only=True, omit_defaults=False):
    """All paths are absolute. The student is `model`, or made of the teacher's layers when that is empty.

    An adapter of a student that is made on the spot is worked into it: nobody else has that model.
    """

    kind: Literal["distill"] = "distill"
    name: Annotated[str, Meta(max_length=80, title="Name", description="What the student is called.")] = ""
    model: Annotated[str, Meta(max_length=4096, title="Student", description="The GGUF file that learns.")] = ""
    teacher: Annotated[str, Meta(max_length=4096, title="Teacher", description="The GGUF file that is learned from.")] = ""
    data_files: Annotated[
        tuple[str, ...], Meta(max_length=1000, title="Dialogues", description="Files or dataset folders to learn on.")
    ] = ()
    character: CardBefore = ""
    student: Student = msgspec.field(default_factory=Student)
    distillation: Distillation = msgspec.field(default_factory=Distillation)
    data: Data = msgspec.field(default_factory=Data)
    adapter: Adapter = msgspec.field(default_factory=Adapter)
    optimizer: Optimizer = msgspec.field(default_factory=Optimizer)
    schedule: Schedule = msgspec.field(default_factory=Schedule)
    loss: Loss = msgspec.field(default_factory=Loss)
    training: Training = msgspec.field(default_factory=Training)
    watch: Watch = msgspec.field(default_factory=Watch)
    machine: Machine = msgspec.field(default_factory=Machine)


QUICK = Distill(training=Training(epochs=1), watch=Watch(evaluations=3))
"""Every dialogue once."""
PRESETS: dict[str, Distill] = {
    "quick": QUICK,
    "balanced": Distill(),
    "also inside": Distill(distillation=Distillation(hidden=1.0)),
}
"""What a person picks from."""


def refuse_impossible(recipe: Distill) -> None:
    """Raises RecipeError for what cannot be distilled, before anything is read."""
    options = recipe.distillation
    if not recipe.teacher:
        raise RecipeError("No teacher was named to learn from.", "Name a GGUF file with --teacher FILE.")
    if bool(recipe.model) == bool(recipe.student.layers):
        what = "Two students were asked for" if recipe.model else "No student was named"
        raise RecipeError(f"{what}.", "Name one with --model FILE, or make one of the teacher's layers with --layers N.")
    if recipe.model and Path(recipe.model).absolute() == Path(recipe.teacher).absolute():
        raise RecipeError("Teacher and student are the same model.", "Name a smaller one with --model, or take --layers N of it.")
    if not options.share and (options.way == "replies" or not options.hidden):
        what = "With a share of 0 nothing would be taken over from the teacher"
        raise RecipeError(f"{what}.", "Set distillation.share to 0.9, for instance.")
    if recipe.loss.ewc:
        raise RecipeError("A student goes on from no adapter whose weights could be held (loss.ewc).", "Set loss.ewc=0.")
    if options.way == "replies" and options.hidden:
        what = "A teacher that only writes replies does not show its hidden states (distillation.hidden)"
        raise RecipeError(f"{what}.", "Set distillation.hidden=0, or distillation.way=logits.")


def refuse_as_many_layers(recipe: Distill, teacher: GGUFHeader) -> None:
    """Raises RecipeError when the student would be as large as the teacher it is made of."""
    layers = recipe.student.layers
    if layers >= teacher.layers:
        what = f"“{teacher.name}” has {teacher.layers} layers: a student of {layers} would not be smaller"
        raise RecipeError(f"{what}.", f"Choose fewer than {teacher.layers} with --layers.")
