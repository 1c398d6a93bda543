"""The recipe of a pretraining: from raw text to a small model of one's own, vocabulary included."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from companion.core.errors import RecipeError
from companion.core.recipes.parts import CardBefore, Data, Loss, Machine, Optimizer, Part, Schedule, Training, Watch


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
            description="Extra tokens such as <joy>; a dialogue with that mood as its label has it before every reply.",
        ),
    ] = ()


CARRIERS: dict[tuple[str, str], str] = {
    ("swiglu", "rmsnorm"): "llama",
    ("gelu", "rmsnorm"): "gemma3",
    ("relu2", "rmsnorm"): "arcee",
    ("swiglu", "layernorm"): "olmo",
}
"""Activation and norm, and the architecture of GGUF that carries them."""


class Decoder(Part, frozen=True, kw_only=True):
    """Shape of the model. Only what an architecture of llama.cpp carries is accepted (see `CARRIERS`)."""

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
        Meta(
            title="Activation",
            description="What bends the feed-forward part: SwiGLU, a gated GELU (with Gemma 3's additional norms), or ReLU² "
            "without a gate.",
        ),
    ] = "swiglu"
    norm: Annotated[
        Literal["rmsnorm", "layernorm"],
        Meta(
            title="Norm",
            description="What keeps numbers in range: RMSNorm, or LayerNorm without a weight, which goes with SwiGLU.",
        ),
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
    character: CardBefore = ""
    name: Annotated[str, Meta(max_length=80, title="Name", description="What the model is called.")] = ""
    vocabulary: VocabularyPart = msgspec.field(default_factory=VocabularyPart)
    decoder: Decoder = msgspec.field(default_factory=Decoder)
    data: Data = msgspec.field(default_factory=lambda: Data(learn_from="all", longest=512))
    optimizer: Optimizer = msgspec.field(default_factory=lambda: Optimizer(learning_rate=3e-3, weight_decay=0.1, beta2=0.95))
    schedule: Schedule = msgspec.field(default_factory=Schedule)
    loss: Loss = msgspec.field(default_factory=Loss)
    training: Training = msgspec.field(default_factory=lambda: Training(epochs=7, tokens_per_step=8192))
    watch: Watch = msgspec.field(default_factory=Watch)
    machine: Machine = msgspec.field(default_factory=Machine)


PRESETS: dict[str, Pretrain] = {
    "tiny": Pretrain(
        vocabulary=VocabularyPart(size=1024), decoder=Decoder(layers=4, width=128, heads=4, kv_heads=2, feed_forward=352)
    ),
    "small": Pretrain(),
    "medium": Pretrain(
        vocabulary=VocabularyPart(size=4096),
        decoder=Decoder(layers=8, width=320, heads=10, kv_heads=5, feed_forward=864),
        optimizer=Optimizer(learning_rate=2e-3, weight_decay=0.1, beta2=0.95),
    ),
}
"""About 0.9, 2.8 and 10.4 million parameters; a recipe file or `--set` changes single fields of one of them."""

_TAG = re.compile(r"<[^\s<>|]{1,40}>")
_TAKEN = re.compile(r"<0x[0-9a-fA-F]{2}>|</?s>|<unk>|<pad>")


def refuse_impossible(recipe: Pretrain) -> None:
    """Raises RecipeError for a model that cannot be made, before anything is read."""
    _refuse_shape(recipe.decoder)
    _refuse_tags(recipe.vocabulary.tags)
    if recipe.data.longest > recipe.decoder.context:
        raise RecipeError(
            f"Dialogues of {recipe.data.longest:,} tokens do not fit into a context of {recipe.decoder.context:,}.",
            f"Set data.longest to {recipe.decoder.context} or less, or raise decoder.context.",
        )
    if recipe.loss.keep_close:
        raise RecipeError("A model that begins with nothing has nothing to be kept close to.", "Set loss.keep_close to 0.")
    if recipe.loss.ewc:
        raise RecipeError("A model that begins with nothing has nothing to forget.", "Set loss.ewc to 0.")


def _refuse_shape(decoder: Decoder) -> None:
    width, heads, kv_heads = decoder.width, decoder.heads, decoder.kv_heads
    if width % heads or (width // heads) % 2:
        near = min((count for count in range(1, width // 2 + 1) if width % (2 * count) == 0), key=lambda n: abs(n - heads))
        raise RecipeError(
            f"{heads:,} heads do not divide a width of {width:,} into parts of even size, which rotary embedding needs.",
            f"Set decoder.heads to {near}, for instance.",
        )
    if heads % kv_heads:
        near = min((count for count in range(1, heads + 1) if heads % count == 0), key=lambda n: abs(n - kv_heads))
        raise RecipeError(
            f"{kv_heads:,} KV heads do not divide {heads:,} heads.", f"Set decoder.kv_heads to {near}, for instance."
        )
    if (decoder.activation, decoder.norm) not in CARRIERS:
        names = {"swiglu": "SwiGLU", "gelu": "GELU", "relu2": "ReLU²", "rmsnorm": "RMSNorm", "layernorm": "LayerNorm"}
        possible = ", ".join(f"{names[activation]} with {names[norm]}" for activation, norm in CARRIERS)
        raise RecipeError(
            f"No architecture that llama.cpp and this trainer share carries {names[decoder.activation]} with "
            f"{names[decoder.norm]}, so such a model could not be chatted with.",
            f"What can be carried: {possible} (decoder.activation, decoder.norm).",
        )


def _refuse_tags(tags: tuple[str, ...]) -> None:
    for tag in tags:
        if not _TAG.fullmatch(tag) or _TAKEN.fullmatch(tag) or tags.count(tag) > 1:
            why = "stands there twice" if tags.count(tag) > 1 else "is no control tag"
            raise RecipeError(f"“{tag}” {why}.", "Write each once, as a word in angle brackets such as <joy>.")
