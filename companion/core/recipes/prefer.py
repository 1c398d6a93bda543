"""The recipe of a preference tuning: which model, which preferences, by which method, and every table of `parts`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from companion.core.recipes.parts import (
    AdaptedModel,
    Adapter,
    AdapterName,
    CardBefore,
    Data,
    Ewc,
    EwcFrom,
    Machine,
    Optimizer,
    Part,
    Schedule,
    StartAdapter,
    Training,
    Watch,
)

Method = Literal["dpo", "kto", "orpo"]


class PreferenceLoss(Part, frozen=True, kw_only=True):
    """How “better” and “worse” become something to make small."""

    method: Annotated[
        Method,
        Meta(
            title="Method",
            description="dpo learns from pairs, kto from replies judged by themselves too, orpo from pairs without a reference.",
        ),
    ] = "dpo"
    beta: Annotated[
        float,
        Meta(
            gt=0,
            le=10,
            title="Beta",
            description="How close it stays to the reference (more is closer); for orpo, how much the comparison counts.",
        ),
    ] = 0.1
    label_smoothing: Annotated[
        float,
        Meta(ge=0, lt=0.5, title="Label smoothing", description="Share of pairs that may be judged the wrong way round (dpo)."),
    ] = 0.0
    sft: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            title="Learn the better",
            description="Weight of plain learning of better replies, so that they do not become less likely; orpo always has 1.",
        ),
    ] = 0.5
    reference: Annotated[
        Literal["start", "bare"],
        Meta(
            title="Reference",
            description="What it is kept close to: the model as it begins, start adapter included, or the model without any.",
        ),
    ] = "start"
    ewc: Ewc = 0.0
    ewc_from: EwcFrom = ()


_PORTIONS: Final = Training(tokens_per_step=0, dialogues_per_step=8)
"""Pairs count, not tokens: what two replies answer may be long, and is not what is learned."""


class Prefer(Part, frozen=True, kw_only=True, omit_defaults=False):
    """`model`, `data_files` and `start_adapter` are paths; an empty `model` means the one the person chats with."""

    kind: Literal["prefer"] = "prefer"
    model: AdaptedModel = ""
    data_files: Annotated[
        tuple[str, ...],
        Meta(max_length=1000, title="Preferences", description="Conversations, or files of pairs, to learn from."),
    ] = ()
    character: CardBefore = ""
    name: AdapterName = ""
    start_adapter: StartAdapter = ""
    data: Data = msgspec.field(default_factory=Data)
    adapter: Adapter = msgspec.field(default_factory=Adapter)
    optimizer: Optimizer = msgspec.field(default_factory=Optimizer)
    schedule: Schedule = msgspec.field(default_factory=Schedule)
    loss: PreferenceLoss = msgspec.field(default_factory=PreferenceLoss)
    training: Training = _PORTIONS
    watch: Watch = msgspec.field(default_factory=Watch)
    machine: Machine = msgspec.field(default_factory=Machine)


PRESETS: dict[str, Prefer] = {
    "quick": Prefer(training=replace(_PORTIONS, epochs=1), watch=Watch(evaluations=3)),
    "balanced": Prefer(),
    "thorough": Prefer(training=replace(_PORTIONS, epochs=8, patience=4), watch=Watch(evaluations=12)),
}
"""What a person picks from; a recipe file or `--set` changes single fields of one of them."""
