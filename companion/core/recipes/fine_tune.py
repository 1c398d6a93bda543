"""The recipe of a fine-tuning: which model, which dialogues, and every table of `parts`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from companion.core.recipes.parts import (
    AdaptedModel,
    Adapter,
    AdapterName,
    CardBefore,
    Data,
    Loss,
    Machine,
    Optimizer,
    Part,
    Schedule,
    StartAdapter,
    Training,
    Watch,
)


class FineTune(Part, frozen=True, kw_only=True, omit_defaults=False):
    """`model`, `data_files` and `start_adapter` are paths; empty `model` means the one the person chats with."""

    kind: Literal["fine-tune"] = "fine-tune"
    model: AdaptedModel = ""
    data_files: Annotated[
        tuple[str, ...], Meta(max_length=1000, title="Dialogues", description="Files or dataset folders to learn from.")
    ] = ()
    character: CardBefore = ""
    name: AdapterName = ""
    start_adapter: StartAdapter = ""
    data: Data = msgspec.field(default_factory=Data)
    adapter: Adapter = msgspec.field(default_factory=Adapter)
    optimizer: Optimizer = msgspec.field(default_factory=Optimizer)
    schedule: Schedule = msgspec.field(default_factory=Schedule)
    loss: Loss = msgspec.field(default_factory=Loss)
    training: Training = msgspec.field(default_factory=Training)
    watch: Watch = msgspec.field(default_factory=Watch)
    machine: Machine = msgspec.field(default_factory=Machine)


PRESETS: dict[str, FineTune] = {
    "quick": FineTune(training=Training(epochs=1), watch=Watch(evaluations=3)),
    "balanced": FineTune(),
    "thorough": FineTune(
        training=Training(epochs=4, patience=4), optimizer=Optimizer(weight_decay=0.01), watch=Watch(evaluations=16)
    ),
}
"""What a person picks from; a recipe file or `--set` changes single fields of one of them."""
