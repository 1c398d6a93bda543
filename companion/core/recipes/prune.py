"""The recipe of a pruning: what is taken out of a model, by which measure, and how it recovers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from companion.core.recipes.parts import Part
from companion.core.recipes.quantize import Calibration, Proof


class Recovery(Part, frozen=True, kw_only=True):
    """A short training after the cut, in which the original is the teacher."""

    epochs: Annotated[
        float, Meta(ge=0, le=100, title="Epochs", description="How often every dialogue is seen; 0 recovers nothing by itself.")
    ] = 0.0
    steps: Annotated[
        int, Meta(ge=0, le=1_000_000, title="Steps", description="Ends after this many steps; 0 leaves it to the epochs.")
    ] = 0
    method: Annotated[
        Literal["auto", "full", "lora"],
        Meta(
            title="Method",
            description="All weights, which keeps zeros zero, or an adapter that is worked in; auto trains all below 0.5B.",
        ),
    ] = "auto"
    learning_rate: Annotated[
        float, Meta(ge=0, le=1, title="Learning rate", description="Length of a step; 0 takes 1e-4 for all weights.")
    ] = 0.0
    hidden: Annotated[
        float,
        Meta(ge=0, le=100, title="Hidden states", description="Weight of being like the original inside, layer by layer."),
    ] = 1.0

    @property
    def is_wanted(self) -> bool:
        return self.epochs > 0 or self.steps > 0


class Prune(Part, frozen=True, kw_only=True, omit_defaults=False):
    """`model` is an absolute path. Layers go first, then neurons and heads, then single weights."""

    kind: Literal["prune"] = "prune"
    name: Annotated[str, Meta(max_length=80, title="Name", description="What the pruned model is called.")] = ""
    model: Annotated[str, Meta(max_length=4096, title="Model", description="A GGUF file, best in F16 or BF16.")] = ""
    data_files: Annotated[
        tuple[str, ...],
        Meta(max_length=1000, title="Dialogues", description="Dialogues to measure with and to recover on; built-in ones else."),
    ] = ()
    character: Annotated[
        str, Meta(max_length=4096, title="Character", description="Whose card begins dialogues that have none; empty adds none.")
    ] = ""
    layers: Annotated[
        int,
        Meta(
            ge=0,
            le=511,
            title="Layers",
            description="Whole layers to take out, next always the one that is missed least. Saves bytes and time.",
        ),
    ] = 0
    neurons: Annotated[
        float,
        Meta(
            ge=0,
            le=0.9,
            title="Neurons",
            description="Share of feed-forward neurons to take out, the same in every layer. Saves bytes and time.",
        ),
    ] = 0.0
    heads: Annotated[
        float,
        Meta(
            ge=0,
            le=0.9,
            title="Heads",
            description="Share of key/value heads to take out with all query heads that read them. Saves bytes and time.",
        ),
    ] = 0.0
    scores: Annotated[
        Literal["fisher", "wanda", "magnitude"],
        Meta(
            title="Scores",
            description="Neurons and heads are ranked by how much they move the next word (fisher), by what they write (wanda), "
            "or by their weights alone (magnitude).",
        ),
    ] = "fisher"
    whole_blocks: Annotated[
        bool,
        Meta(
            title="Whole blocks",
            description="Takes neurons out in blocks as they are packed, so that no matrix has to be packed anew; chooses worse.",
        ),
    ] = False
    k_quants: Annotated[
        bool,
        Meta(
            title="For k-quants",
            description="Leaves a multiple of 256 neurons instead of 32, which k-quants need to pack the result.",
        ),
    ] = False
    sparsity: Annotated[
        float,
        Meta(
            ge=0,
            le=0.95,
            title="Sparsity",
            description="Share of the layers' weights to set to zero. llama.cpp computes with zeros as with any number: this "
            "saves neither bytes nor time.",
        ),
    ] = 0.0
    pattern: Annotated[
        str,
        Meta(
            max_length=7,
            title="Pattern",
            description="As 2:4: of every 4 weights in a row at most 2 stay. Some graphics cards gain by it; llama.cpp does not.",
        ),
    ] = ""
    method: Annotated[
        Literal["wanda", "magnitude"],
        Meta(
            title="Method",
            description="Weights are ranked by size times the size of what they multiply, row by row (wanda), or by size alone.",
        ),
    ] = "wanda"
    layer_tokens: Annotated[
        int, Meta(ge=64, le=1_000_000, title="Layer tokens", description="Tokens on which each layer is left out once.")
    ] = 2048
    calibration: Calibration = msgspec.field(default_factory=Calibration)
    proof: Proof = msgspec.field(default_factory=Proof)
    recovery: Recovery = msgspec.field(default_factory=Recovery)
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, title="Seed", description="The same seed cuts the same.")] = 0
    threads: Annotated[int, Meta(ge=0, le=1024, title="Threads", description="0 takes all cores.")] = 0


QUICK = Prune(calibration=Calibration(tokens=2048), layer_tokens=1024, proof=Proof(tokens=4096))
"""A few minutes: less is measured."""
PRESETS: dict[str, Prune] = {"quick": QUICK, "thorough": Prune(), "with recovery": Prune(recovery=Recovery(epochs=1.0))}
"""What a person picks from."""
