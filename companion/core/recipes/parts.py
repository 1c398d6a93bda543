"""The tables that recipes are made of: every field once, with the sentence that is its tooltip and help, and its bounds.

Nothing here knows torch. A job reads these numbers; a form, `--help` and a TOML file show them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

OptimizerName = Literal["sgd", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "adafactor", "lion", "muon", "lbfgs"]
ScheduleName = Literal["constant", "linear", "cosine", "cosine-restarts", "step", "exponential", "one-cycle", "reduce-on-plateau"]
SMALL_DATASET = 300
"""Dialogues; below it a smaller adapter learns longer."""
Where = Literal["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]


Ewc = Annotated[
    float,
    Meta(
        ge=0,
        le=1e6,
        title="Keep what mattered",
        description="How firmly weights are held that mattered for earlier dialogues (EWC); 0 not at all, 100 is a beginning.",
    ),
]
EwcFrom = Annotated[
    tuple[str, ...],
    Meta(
        max_length=100,
        title="Earlier dialogues",
        description="Dialogues whose skills are kept by it; empty takes what is kept beside the start adapter.",
    ),
]
CardBefore = Annotated[
    str,
    Meta(
        max_length=4096,
        title="Character",
        description="Whose card stands at the beginning of dialogues without a system message; empty adds none.",
    ),
]
AdaptedModel = Annotated[str, Meta(max_length=4096, title="Model", description="The GGUF file to train an adapter for.")]
AdapterName = Annotated[str, Meta(max_length=80, title="Name", description="What the adapter is called.")]
StartAdapter = Annotated[
    str, Meta(max_length=4096, title="Start adapter", description="An adapter to go on from; empty begins a new one.")
]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of a recipe's tables: an unknown field is a mistake the person should hear about."""


class Data(Part, frozen=True, kw_only=True):
    """What is learned from, and what is kept back to measure with."""

    held_out: Annotated[
        float,
        Meta(ge=0, le=0.5, title="Held out", description="Share of the dialogues that is never trained on, only measured."),
    ] = 0.1
    most_held_out: Annotated[
        int, Meta(ge=1, le=100_000, title="Held out at most", description="No more dialogues than this are held out.")
    ] = 200
    group_by: Annotated[
        str,
        Meta(
            max_length=40,
            title="Keep together",
            description="Dialogues with the same value of this field stay on one side of the split; empty keeps copies together.",
        ),
    ] = ""
    stratify_by: Annotated[
        str,
        Meta(max_length=40, title="Balance by", description="Both sides of the split hold the same mix of this field's values."),
    ] = ""
    longest: Annotated[
        int,
        Meta(
            ge=16, le=131_072, title="Longest dialogue", description="Longer dialogues are cut between turns at this many tokens."
        ),
    ] = 1024
    learn_from: Annotated[
        Literal["assistant", "all"],
        Meta(title="Learn from", description="Her replies only, or every word of the dialogue."),
    ] = "assistant"
    replay: Annotated[
        float,
        Meta(
            ge=0, le=0.9, title="Replay", description="Share of general dialogues mixed in, so that old skills are not forgotten."
        ),
    ] = 0.0
    replay_file: Annotated[
        str, Meta(max_length=4096, title="Replay from", description="A dataset of general dialogues for the replay.")
    ] = ""
    shuffle: Annotated[bool, Meta(title="Shuffle", description="A new order of the dialogues in every epoch.")] = True


class Adapter(Part, frozen=True, kw_only=True):
    """The low-rank adapter (LoRA, Hu et al. 2021), or full fine-tuning."""

    method: Annotated[
        Literal["lora", "full"],
        Meta(title="Method", description="A small adapter beside the frozen model, or all weights (which needs a merged model)."),
    ] = "lora"
    rank: Annotated[
        int, Meta(ge=0, le=512, title="Rank", description="Size of the adapter; 0 takes 8 below 300 dialogues and 16 above.")
    ] = 0
    alpha: Annotated[
        float, Meta(ge=0, le=4096, title="Alpha", description="How strongly the adapter counts; 0 takes twice the rank.")
    ] = 0.0
    rank_stabilized: Annotated[
        bool,
        Meta(
            title="Rank-stabilized",
            description="Scales by the root of the rank, so that large ranks learn as fast as small ones.",
        ),
    ] = False
    lora_plus: Annotated[
        float,
        Meta(
            ge=1,
            le=64,
            title="LoRA+",
            description="Learning rate of B as a multiple of A's; 1 is plain LoRA, 16 the paper's. L-BFGS has one rate for all.",
        ),
    ] = 1.0
    dropout: Annotated[
        float, Meta(ge=0, lt=1, title="Dropout", description="Share of the adapter's inputs that is switched off at random.")
    ] = 0.0
    where: Annotated[
        tuple[Where, ...], Meta(min_length=1, title="Where", description="Which matrices of a layer get an adapter.")
    ] = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    first_layer: Annotated[
        int, Meta(ge=0, le=512, title="First layer", description="Layers below this one stay as they are.")
    ] = 0
    last_layer: Annotated[
        int, Meta(ge=-1, le=512, title="Last layer", description="Layers above this one stay as they are; -1 means the last.")
    ] = -1

    def rank_for(self, dialogues: int) -> int:
        """As a number: 8 below 300 dialogues and 16 above, unless one is asked for."""
        return self.rank or (8 if dialogues < SMALL_DATASET else 16)


class Optimizer(Part, frozen=True, kw_only=True):
    """How a gradient becomes a step.

    L-BFGS finds the length of its step by a line search over all weights at once: it clips no gradient (`clip_norm`) and
    gives no group a rate of its own (`Adapter.lora_plus`); `mistakes.without_effect` says so to whoever set them.
    """

    name: Annotated[OptimizerName, Meta(title="Optimizer", description="The rule by which a gradient becomes a step.")] = "adamw"
    learning_rate: Annotated[
        float,
        Meta(
            ge=0,
            le=100,
            title="Learning rate",
            description="Length of a step; 0 takes what suits the size of the model (3e-4 up to 0.6B parameters, less above).",
        ),
    ] = 0.0
    momentum: Annotated[
        float,
        Meta(ge=0, lt=1, title="Momentum", description="How much of the last step goes on into this one (SGD, RMSProp, Muon)."),
    ] = 0.9
    beta1: Annotated[float, Meta(ge=0, lt=1, title="Beta 1", description="Memory of the mean of gradients (Adam, Lion).")] = 0.9
    beta2: Annotated[
        float, Meta(ge=0, lt=1, title="Beta 2", description="Memory of the mean of squared gradients (Adam, RMSProp, Lion).")
    ] = 0.999
    epsilon: Annotated[
        float, Meta(gt=0, le=1, title="Epsilon", description="Keeps the division by small squared gradients finite.")
    ] = 1e-8
    weight_decay: Annotated[
        float, Meta(ge=0, le=1, title="Weight decay", description="Pulls weights towards zero (L2), against overfitting.")
    ] = 0.0
    l1: Annotated[float, Meta(ge=0, le=1, title="L1", description="Sets small weights to exactly zero by a proximal step.")] = 0.0
    clip_norm: Annotated[
        float,
        Meta(
            ge=0,
            le=1000,
            title="Clip",
            description="A longer gradient is shortened to this norm; 0 never clips. L-BFGS never does.",
        ),
    ] = 1.0


class Schedule(Part, frozen=True, kw_only=True):
    """How the learning rate changes while training goes on."""

    name: Annotated[ScheduleName, Meta(title="Schedule", description="How the learning rate changes over time.")] = "cosine"
    warmup_percent: Annotated[
        float, Meta(ge=0, le=90, title="Warm-up", description="Per cent of all steps in which the learning rate rises from zero.")
    ] = 5.0
    final: Annotated[
        float, Meta(ge=0, le=1, title="Final", description="Share of the learning rate that is left at the end.")
    ] = 0.0
    restarts: Annotated[int, Meta(ge=0, le=100, title="Restarts", description="How often the cosine starts again.")] = 2
    step_percent: Annotated[
        float,
        Meta(gt=0, le=100, title="Step after", description="Per cent of all steps after which the step schedule goes down."),
    ] = 30.0
    factor: Annotated[
        float, Meta(gt=0, lt=1, title="Factor", description="What is left of the learning rate after each step down.")
    ] = 0.3
    plateau_patience: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            title="Plateau patience",
            description="Measurements without improvement before the learning rate goes down.",
        ),
    ] = 2


class Loss(Part, frozen=True, kw_only=True):
    """What is made small."""

    name: Annotated[
        Literal["cross-entropy", "focal"],
        Meta(title="Loss", description="Cross-entropy, or focal loss, which looks away from words she already knows."),
    ] = "cross-entropy"
    label_smoothing: Annotated[
        float,
        Meta(
            ge=0,
            lt=1,
            title="Label smoothing",
            description="Share of certainty given to all other words, against overconfidence.",
        ),
    ] = 0.0
    focal_gamma: Annotated[
        float, Meta(ge=0, le=10, title="Focal gamma", description="How strongly focal loss looks away from easy words.")
    ] = 2.0
    keep_close: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            title="Keep close",
            description="Weight of the KL divergence from the model without adapter, against forgetting.",
        ),
    ] = 0.0
    neftune: Annotated[
        float,
        Meta(ge=0, le=50, title="NEFTune", description="Strength of the noise on embeddings; 5 often helps small datasets."),
    ] = 0.0
    ewc: Ewc = 0.0
    ewc_from: EwcFrom = ()


class Training(Part, frozen=True, kw_only=True):
    """How long, in which portions, and when to stop."""

    epochs: Annotated[
        float,
        Meta(
            ge=0, le=1000, title="Epochs", description="How often every dialogue is seen; 0 takes 4 below 300 dialogues, 2 above."
        ),
    ] = 0.0
    steps: Annotated[
        int, Meta(ge=0, le=10_000_000, title="Steps", description="Ends after this many steps; 0 leaves it to the epochs.")
    ] = 0
    tokens_per_step: Annotated[
        int,
        Meta(
            ge=0,
            le=16_777_216,
            title="Tokens per step",
            description="Tokens whose gradients are gathered for one step; 0 counts dialogues instead.",
        ),
    ] = 4096
    dialogues_per_step: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            title="Dialogues per step",
            description="Dialogues per step when tokens are not counted: 1 is single-example, more than there are is full batch.",
        ),
    ] = 8
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, title="Seed", description="The same seed and data give the same adapter.")] = 0
    patience: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            title="Patience",
            description="Stops after this many measurements without improvement; 0 never stops early.",
        ),
    ] = 3

    def epochs_for(self, dialogues: int) -> float:
        """As a number: 4 below 300 dialogues and 2 above, unless one is asked for."""
        return self.epochs or (4.0 if dialogues < SMALL_DATASET else 2.0)


class Watch(Part, frozen=True, kw_only=True):
    """What is measured while it runs, and when work is saved."""

    evaluations: Annotated[
        int, Meta(ge=1, le=1000, title="Evaluations", description="How often per run the held-out loss is measured.")
    ] = 8
    samples: Annotated[int, Meta(ge=0, le=20, title="Samples", description="Sample replies written at every evaluation.")] = 3
    sample_tokens: Annotated[int, Meta(ge=1, le=2048, title="Sample length", description="Tokens of a sample reply at most.")] = (
        40
    )
    checkpoint_minutes: Annotated[
        float,
        Meta(
            ge=0, le=1440, title="Checkpoint", description="Minutes between checkpoints; one is written at each evaluation too."
        ),
    ] = 5.0
    checkpoint_steps: Annotated[
        int,
        Meta(
            ge=0, le=1_000_000, title="Checkpoint steps", description="A checkpoint every so many steps; 0 goes by minutes only."
        ),
    ] = 0
    tensorboard: Annotated[
        bool, Meta(title="TensorBoard", description="Writes the curves for TensorBoard too, when it is installed.")
    ] = False


class Machine(Part, frozen=True, kw_only=True):
    """What of the machine is used; "auto" measures."""

    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"],
        Meta(title="Device", description="Where the training runs; ROCm cards count as cuda."),
    ] = "auto"
    weights: Annotated[
        Literal["auto", "packed", "dense"],
        Meta(title="Weights", description="Packed as in the file (least memory), or unpacked once (faster) when memory allows."),
    ] = "auto"
    compute: Annotated[
        Literal["auto", "float32", "bfloat16"],
        Meta(title="Number format", description="bfloat16 where the hardware multiplies it fast, float32 elsewhere."),
    ] = "auto"
    micro_batch_tokens: Annotated[
        int,
        Meta(
            ge=0, le=1_048_576, title="Micro-batch", description="Tokens computed at once; 0 measures what is fastest and fits."
        ),
    ] = 0
    checkpoint_layers: Annotated[
        Literal["auto", "on", "off"],
        Meta(title="Gradient checkpointing", description="Computes layers twice to save memory."),
    ] = "auto"
    threads: Annotated[int, Meta(ge=0, le=512, title="Threads", description="Processor threads; 0 takes all fast cores.")] = 0
