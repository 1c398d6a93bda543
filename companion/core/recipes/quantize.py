"""The recipe of a quantization: what the build may cost, on which text it is measured, and how carefully."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from companion.core.recipes.parts import Part

Kind = Literal[
    "Q1_0", "IQ1_S", "IQ1_M", "TQ1_0", "TQ2_0", "Q2_0", "IQ2_XXS", "IQ2_XS", "IQ2_S", "Q2_K", "IQ3_XXS", "IQ3_S", "Q3_K", "MXFP4",
    "NVFP4", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q8_0", "F16", "BF16", "F32",
]  # fmt: skip
"""Types of weights that ggml can pack, coarse ones first (`ggml.h` of llama.cpp as llama-cpp-python 0.3.36 carries it)."""
KINDS: tuple[Kind, ...] = (
    "IQ2_S",
    "Q2_K",
    "IQ3_XXS",
    "IQ3_S",
    "Q3_K",
    "IQ4_XS",
    "IQ4_NL",
    "Q4_0",
    "Q4_1",
    "Q4_K",
    "Q5_0",
    "Q5_1",
    "Q5_K",
    "Q6_K",
    "Q8_0",
    "F16",
)
"""Types that are tried where they fill the rows."""
USUAL_DIVERGENCE: Final = 0.02
"""Nats per token that are allowed when nothing is asked for: few people would notice."""


class Budget(Part, frozen=True, kw_only=True):
    """What the build may cost. Without any limit it is the fastest one that few people could tell from its source."""

    size: Annotated[int, Meta(ge=0, title="Size", description="Bytes of the file at most; 0 sets no limit.")] = 0
    divergence: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            title="Divergence",
            description="Nats per token the next word's chances may move at most; 0 sets no limit.",
        ),
    ] = 0.0
    prefer: Annotated[
        Literal["speed", "size"],
        Meta(title="Prefer", description="What to gain within a divergence: tokens per second, or bytes."),
    ] = "speed"
    speed: Annotated[
        float, Meta(ge=0, le=1e6, title="Speed", description="Tokens per second it has to write at least; 0 sets no limit.")
    ] = 0.0


class Calibration(Part, frozen=True, kw_only=True):
    """The text on which it is measured what matters."""

    tokens: Annotated[int, Meta(ge=256, le=10_000_000, title="Tokens", description="Read to find out which columns matter.")] = (
        8192
    )
    own_share: Annotated[
        float,
        Meta(ge=0, le=1, title="Share of dialogues", description="The rest is general text, so that nothing else is forgotten."),
    ] = 0.5
    importance_file: Annotated[
        str, Meta(max_length=4096, title="Importance file", description="Measured before, by llama-imatrix or Companion.")
    ] = ""


class BuildCalibration(Calibration, frozen=True, kw_only=True):
    """The text on which it is measured what matters, and whether what was measured before is taken over."""

    anew: Annotated[
        bool, Meta(title="Measure anew", description="Also what is known of this model and this text from earlier builds.")
    ] = False


class Search(Part, frozen=True, kw_only=True):
    """How carefully the types are chosen."""

    kinds: Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=40, title="Types", description="Those that are tried.")] = (
        KINDS
    )
    anchors: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            title="Anchors",
            description="Matrices whose divergence is measured one by one; 0 trusts the prediction.",
        ),
    ] = 64
    anchor_tokens: Annotated[int, Meta(ge=64, le=1_000_000, title="Tokens", description="Read for each anchor.")] = 2048


class Proof(Part, frozen=True, kw_only=True):
    """What is measured of the finished file."""

    tokens: Annotated[
        int, Meta(ge=1024, le=10_000_000, title="Tokens", description="Held-out tokens for divergence and perplexity.")
    ] = 8192


class BuildProof(Proof, frozen=True, kw_only=True):
    """What is measured of the finished file, and what beside it."""

    adapters: Annotated[
        bool, Meta(title="Adapters", description="What the character's adapters do to the build is measured, too.")
    ] = True
    stock: Annotated[
        bool, Meta(title="Stock build", description="llama.cpp's own recipe of that size is measured too, and taken if it wins.")
    ] = True


class Quantize(Part, frozen=True, kw_only=True, omit_defaults=False):
    """`model` is an absolute path; `adapter` is merged into it first."""

    kind: Literal["quantize"] = "quantize"
    name: Annotated[
        str, Meta(max_length=80, title="Name", description="What the build is called; empty names it after the model.")
    ] = ""
    model: Annotated[str, Meta(max_length=4096, title="Model", description="A GGUF file, best in F16 or BF16.")] = ""
    adapter: Annotated[str, Meta(max_length=4096, title="Adapter", description="Worked into the weights first.")] = ""
    data_files: Annotated[
        tuple[str, ...],
        Meta(max_length=1000, title="Dialogues", description="Dialogues to calibrate with; built-in ones otherwise."),
    ] = ()
    character: Annotated[
        str, Meta(max_length=4096, title="Character", description="Whose card begins dialogues that have none; empty adds none.")
    ] = ""
    budget: Budget = msgspec.field(default_factory=Budget)
    calibration: BuildCalibration = msgspec.field(default_factory=BuildCalibration)
    search: Search = msgspec.field(default_factory=Search)
    proof: BuildProof = msgspec.field(default_factory=BuildProof)
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, title="Seed", description="The same seed gives the same build.")] = 0
    threads: Annotated[int, Meta(ge=0, le=1024, title="Threads", description="0 takes all cores.")] = 0


QUICK = Quantize(calibration=BuildCalibration(tokens=2048), search=Search(anchors=0), proof=BuildProof(tokens=4096))
"""A few minutes: nothing is measured matrix by matrix."""
USUAL = Quantize(search=Search(anchors=24))
"""The window's: on the starter model 22 matrices, measured one by one, choose builds within 1.2 % of what all of them would."""
PRESETS: dict[str, Quantize] = {"quick": QUICK, "usual": USUAL, "thorough": Quantize()}
