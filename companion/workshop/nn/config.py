"""The shape of a decoder, as a GGUF file's metadata describes it or as a pretraining chooses it."""

from __future__ import annotations

import msgspec

from companion.core.errors import ModelError
from companion.core.gguf.cursor import shown
from companion.core.gguf.fields import GGUFHeader
from companion.workshop.nn.activation import Activation
from companion.workshop.nn.rotary import RotaryConfig

SUPPORTED = ("llama", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "arcee", "olmo")
"""Values of `general.architecture` that can be trained."""

SPARSITY = "companion.sparsity"
"""Share of the layers' weights that a pruned model's file says were set to zero."""
_ACTIVATIONS: dict[str, Activation] = {"gemma2": "gelu", "gemma3": "gelu", "arcee": "relu2"}
_LAYERS_OF_27B = {"gemma2": 46, "gemma3": 62}
"""Gemma's largest sizes scale attention by the width of a head's share of the embedding, not by the head's own size."""


class DecoderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One decoder-only transformer. Sizes count numbers, not bytes."""

    architecture: str = "llama"
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    feed_forward: int
    vocabulary: int
    context: int
    epsilon: float = 1e-5
    rotary: RotaryConfig
    local_rotary: RotaryConfig | None = None
    """Of layers with a sliding window, where it differs (gemma3)."""
    windows: tuple[int, ...] = ()
    """Per layer, how many tokens attention looks back, itself included; 0 is all of them. Empty: no layer has one."""
    attention_scale: float
    attention_cap: float = 0.0
    """Scores s become cap * tanh(s / cap); 0 leaves them."""
    final_cap: float = 0.0
    """The same for logits."""
    embedding_scale: float = 1.0
    activation: Activation = "silu"
    sparse: bool = False
    """Whether weights that are zero stay so when all are trained."""

    @property
    def query_width(self) -> int:
        return self.heads * self.head_size

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_size

    @property
    def fused(self) -> bool:
        """Whether q, k, v and gate, up are single tensors of the file (phi3)."""
        return self.architecture == "phi3"

    @property
    def gated(self) -> bool:
        """Whether the feed-forward part has a gate; without one it is two matrices (arcee)."""
        return self.activation != "relu2"

    @property
    def parameters(self) -> int:
        """Numbers in the matrices of all layers, without embeddings."""
        attention = self.width * (2 * self.query_width + 2 * self.kv_width)
        return self.layers * (attention + (3 if self.gated else 2) * self.width * self.feed_forward)

    def window(self, layer: int) -> int:
        return self.windows[layer] if self.windows else 0

    def rotary_of(self, layer: int) -> RotaryConfig:
        return self.local_rotary if self.local_rotary is not None and self.window(layer) else self.rotary

    @classmethod
    def llama(
        cls, *, layers: int, width: int, heads: int, kv_heads: int, feed_forward: int, vocabulary: int, context: int
    ) -> DecoderConfig:
        """A fresh llama: RMSNorm, SwiGLU, rotary embedding on adjacent pairs. Raises ModelError when heads do not add up."""
        if width % heads or heads % kv_heads or (width // heads) % 2:
            raise ModelError(
                f"{heads:,} heads and {kv_heads:,} KV heads do not divide a width of {width:,}.",
                "Choose heads that divide the width into an even head size, and KV heads that divide the heads.",
            )
        size = width // heads
        return cls(
            layers=layers,
            width=width,
            heads=heads,
            kv_heads=kv_heads,
            head_size=size,
            feed_forward=feed_forward,
            vocabulary=vocabulary,
            context=context,
            rotary=RotaryConfig(pairs="adjacent", dimension=size),
            attention_scale=size**-0.5,
        )

    @classmethod
    def from_header(cls, header: GGUFHeader) -> DecoderConfig:
        """Raises ModelError for an architecture or a variant of one that this decoder does not compute."""
        architecture = header.architecture
        refuse_unless_supported(header)
        head_size = header.head_sizes[0]
        windows = windows_of(header)
        rotary = _rotary(header, head_size)
        local = None
        if architecture == "gemma3" and any(windows):
            local = RotaryConfig(
                pairs=rotary.pairs, dimension=rotary.dimension, base=_float(header, "rope.freq_base_swa", 10000.0)
            )
        is_27b = scales_as_27b(architecture, header.layers)
        return cls(
            architecture=architecture,
            layers=header.layers,
            width=header.embedding_length,
            heads=header.head_count,
            kv_heads=header.kv_heads[0],
            head_size=head_size,
            feed_forward=header.feed_forward_length,
            vocabulary=header.vocabulary_size,
            context=header.context_length,
            epsilon=_float(header, f"attention.{epsilon_key(architecture)}", 1e-5),
            rotary=rotary,
            local_rotary=local,
            windows=windows,
            attention_scale=(header.embedding_length / header.head_count if is_27b else head_size) ** -0.5,
            attention_cap=_float(header, "attn_logit_softcapping", 50.0) if architecture == "gemma2" else 0.0,
            final_cap=_float(header, "final_logit_softcapping", 30.0 if architecture == "gemma2" else 0.0)
            if architecture in ("gemma2", "gemma3")
            else 0.0,
            embedding_scale=header.embedding_length**0.5 if architecture in ("gemma2", "gemma3") else 1.0,
            activation=_ACTIVATIONS.get(architecture, "silu"),
            sparse=header.metadata.get(SPARSITY, 0.0) not in (0, 0.0),
        )


def scales_as_27b(architecture: str, layers: int) -> bool:
    """Whether llama.cpp takes such a model for the largest of its family and scales its attention differently."""
    return layers == _LAYERS_OF_27B.get(architecture)


def epsilon_key(architecture: str) -> str:
    """What the smallest divisor of the norms is called in the metadata, below “attention.”."""
    return "layer_norm_epsilon" if architecture == "olmo" else "layer_norm_rms_epsilon"


def refuse_unless_supported(header: GGUFHeader) -> None:
    """Raises ModelError when torch cannot compute what llama.cpp computes for this model; cheap, reads only the header."""
    file, architecture = header.path.name, header.architecture
    choose = f"Choose a model of one of these architectures: {', '.join(SUPPORTED)}."
    if architecture not in SUPPORTED:
        raise ModelError(f"“{file}” is of the architecture “{shown(architecture)}”, which cannot be trained here.", choose)
    uneven = any(len(set(header.per_layer(key))) > 1 for key in ("attention.head_count", "feed_forward_length"))
    odd = {
        "has experts": header.number("{arch}.expert_count") > 0,
        "has layers of different sizes": uneven or len(set(header.kv_heads)) > 1,
        "has keys and values of different sizes": header.head_sizes[0] != header.head_sizes[1],
        "cuts queries and keys off": header.metadata.get("olmo.attention.clamp_kqv", 0.0) not in (0, 0.0),
    }
    for what, is_so in odd.items():
        if is_so:
            raise ModelError(f"“{file}” {what}, which cannot be trained here.", "Choose a plain model of the same family.")


def _float(header: GGUFHeader, key: str, default: float) -> float:
    value = header.metadata.get(f"{header.architecture}.{key}")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def windows_of(header: GGUFHeader) -> tuple[int, ...]:
    """Gemma's local layers, as `DecoderConfig.windows`; llama.cpp attends to everything in the other architectures, whatever
    the file says."""
    period = {"gemma2": 2, "gemma3": 6}.get(header.architecture)
    size = header.number("{arch}.attention.sliding_window") or (4096 if header.architecture == "gemma2" else 0)
    if period is None or not size:
        return ()
    pattern = header.metadata.get(f"{header.architecture}.attention.sliding_window_pattern")
    if isinstance(pattern, tuple):
        return tuple(size if local else 0 for local in pattern[: header.layers])
    period = pattern if isinstance(pattern, int) and pattern > 0 and header.architecture == "gemma3" else period
    return tuple(size if layer % period < period - 1 else 0 for layer in range(header.layers))


def _rotary(header: GGUFHeader, head_size: int) -> RotaryConfig:
    kind = header.text(f"{header.architecture}.rope.scaling.type") or "linear"
    factor = _float(header, "rope.scaling.factor", _float(header, "rope.scale_linear", 0.0))
    return RotaryConfig(
        pairs="adjacent" if header.architecture in ("llama", "arcee", "olmo") else "halves",
        dimension=header.number("{arch}.rope.dimension_count") or head_size,
        base=_float(header, "rope.freq_base", 10000.0),
        scale=1 / factor if factor and kind != "none" else 1.0,
        yarn=kind == "yarn",
        original_context=header.number("{arch}.rope.scaling.original_context_length") or header.context_length,
        magnitude=_float(header, "rope.scaling.attn_factor", 1.0),
        beta_fast=_float(header, "rope.scaling.yarn_beta_fast", 32.0),
        beta_slow=_float(header, "rope.scaling.yarn_beta_slow", 1.0),
    )
