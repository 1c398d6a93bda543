"""The recipe of a pretraining: from raw text to a small model of one's own, vocabulary included."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from companion.core.recipes.parts import Data, Loss, Machine, Optimizer, Part, Schedule, Training, Watch


class VocabularyPart(Part, frozen=True, kw_only=True):
    """The SentencePiece vocabulary trained on the dataset."""

    method: Annotated[
        Literal["unigram", "bpe"],
        Meta(title="Method", description="Unigram prunes a large set of pieces; BPE joins frequent pairs of characters."),
    ] = "bpe"
    size: Annotated[int, Meta(ge=300, le=128_000, title="Size", description="How many tokens the vocabulary has.")] = 2048
    tags: Annotated[
        tuple[str, ...],
        Meta(
            max_length=64,
            title="Control tags",
            description="Extra tokens such as <joy> that dialogues carry to condition a reply.",
        ),
    ] = ()


class Decoder(Part, frozen=True, kw_only=True):
    """Shape of the model. Only what llama.cpp's llama architecture can carry is accepted."""

    layers: Annotated[int, Meta(ge=1, le=128, title="Layers", description="How many blocks are stacked.")] = 6
    width: Annotated[int, Meta(ge=32, le=8192, title="Width", description="Numbers per token between the blocks.")] = 192
    heads: Annotated[int, Meta(ge=1, le=128, title="Heads", description="Attention heads; they divide the width.")] = 6
    kv_heads: Annotated[
        int, Meta(ge=1, le=128, title="KV heads", description="Heads that hold keys and values; they divide the heads.")
    ] = 2
    feed_forward: Annotated[
        int, Meta(ge=32, le=65_536, title="Feed-forward", description="Inner width of the feed-forward part.")
    ] = 512
    activation: Annotated[
        Literal["swiglu", "gelu", "relu2"],
        Meta(title="Activation", description="What bends the feed-forward part; GGUF's llama architecture carries SwiGLU."),
    ] = "swiglu"
    norm: Annotated[
        Literal["rmsnorm", "layernorm"],
        Meta(title="Norm", description="What keeps numbers in range; the llama architecture carries RMSNorm."),
    ] = "rmsnorm"
    tied: Annotated[
        bool, Meta(title="Tied embeddings", description="Input and output share one table, which saves parameters.")
    ] = True
    context: Annotated[int, Meta(ge=64, le=131_072, title="Context", description="Tokens the model is trained for.")] = 512


class Pretrain(Part, frozen=True, kw_only=True, omit_defaults=False):
    """`data_files` hold plain text or dialogues; both may be mixed."""

    kind: Literal["pretrain"] = "pretrain"
    data_files: Annotated[
        tuple[str, ...],
        Meta(max_length=1000, title="Data", description="Text files, dialogues or dataset folders to learn from."),
    ] = ()
    name: Annotated[str, Meta(max_length=80, title="Name", description="What the model is called.")] = ""
    vocabulary: VocabularyPart = msgspec.field(default_factory=VocabularyPart)
    decoder: Decoder = msgspec.field(default_factory=Decoder)
    data: Data = msgspec.field(default_factory=lambda: Data(learn_from="all", longest=512))
    optimizer: Optimizer = msgspec.field(default_factory=lambda: Optimizer(learning_rate=3e-3, weight_decay=0.1, beta2=0.95))
    schedule: Schedule = msgspec.field(default_factory=Schedule)
    loss: Loss = msgspec.field(default_factory=Loss)
    training: Training = msgspec.field(default_factory=lambda: Training(epochs=10, tokens_per_step=8192))
    watch: Watch = msgspec.field(default_factory=Watch)
    machine: Machine = msgspec.field(default_factory=Machine)
