"""From a GGUF file's tensors, or from fresh random numbers, to the layers of a decoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from companion.core.errors import ModelError
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.head import Embedding, Head
from companion.workshop.nn.layer import Layer
from companion.workshop.nn.linear import Linear, Scratch, Span
from companion.workshop.nn.weights import GGUFWeights, PackedTensor


class Parts(NamedTuple):
    """Everything a decoder computes with."""

    embedding: Embedding
    layers: list[Layer]
    norm: Tensor | None
    """None for LayerNorm without a weight (olmo); its layers have no norms then either."""
    head: Head
    factors: Tensor | None
    """Of rotary frequencies, (dimension / 2,)."""


def joined_spans(config: DecoderConfig, layer: int) -> dict[str, tuple[Span, ...]]:
    """Which tensors of the file make up each of a layer's four matrices."""
    c = config

    def spans(**rows: int) -> tuple[Span, ...]:
        return tuple(Span(f"blk.{layer}.{name}.weight", count) for name, count in rows.items())

    gate_up = spans(ffn_gate=c.feed_forward, ffn_up=c.feed_forward) if c.gated else spans(ffn_up=c.feed_forward)
    return {
        "qkv": spans(attn_qkv=c.query_width + 2 * c.kv_width)
        if c.fused
        else spans(attn_q=c.query_width, attn_k=c.kv_width, attn_v=c.kv_width),
        "output": spans(attn_output=c.width),
        "gate_up": spans(ffn_up=2 * c.feed_forward) if c.fused else gate_up,
        "down": spans(ffn_down=c.width),
    }


def norm_sizes(config: DecoderConfig) -> dict[str, int]:
    """The norms of a layer that have a weight, and how long they are."""
    if config.architecture == "olmo":
        return {}
    sizes = {"attn_norm": config.width, "ffn_norm": config.width}
    if config.architecture in ("qwen3", "gemma3"):
        sizes |= {"attn_q_norm": config.head_size, "attn_k_norm": config.head_size}
    if config.architecture in ("gemma2", "gemma3"):
        sizes |= {"post_attention_norm": config.width, "post_ffw_norm": config.width}
    return sizes


def load_parts(
    weights: GGUFWeights, config: DecoderConfig, compute: torch.dtype, device: torch.device, *, packed: bool, longest: int
) -> Parts:
    """Raises ModelError when the file misses a tensor or one has another shape than its metadata says."""
    scratch = Scratch()
    inputs = {"qkv": config.width, "output": config.query_width, "gate_up": config.width, "down": config.feed_forward}

    def linear(spans: tuple[Span, ...], width: int) -> Linear:
        tensors = tuple(_checked(weights, span.name, (span.rows, width)) for span in spans)
        bias = _bias(weights, spans, compute, device)
        if packed:
            return Linear(spans, tuple(tensor.to(device) for tensor in tensors), bias, compute, scratch)
        dense = torch.empty(sum(span.rows for span in spans), width, dtype=compute, device=device)
        for part, tensor in zip(torch.split(dense, [span.rows for span in spans]), tensors, strict=True):
            tensor.dense(compute, device, out=part)
        return Linear(spans, dense, bias, compute, scratch)

    def vector(name: str, size: int) -> Tensor:
        values = weights.vector(name, torch.float64 if compute == torch.float64 else torch.float32)
        if values.numel() != size:
            raise _wrong_shape(weights, name)
        return values.to(device)

    layers = []
    for index in range(config.layers):
        linears = {name: linear(spans, inputs[name]) for name, spans in joined_spans(config, index).items()}
        norms = {name: vector(f"blk.{index}.{name}.weight", size) for name, size in norm_sizes(config).items()}
        layers.append(Layer(index, config, linears, norms, compute))
    table = _checked(weights, "token_embd.weight", (config.vocabulary, config.width))
    tied = "output.weight" not in weights
    output = Span("token_embd.weight" if tied else "output.weight", config.vocabulary)
    embedding = Linear((Span(table.name, config.vocabulary),), (table.to(device),), None, compute, scratch)
    return Parts(
        Embedding(embedding, config.embedding_scale),
        layers,
        vector("output_norm.weight", config.width) if config.architecture != "olmo" else None,
        Head(linear((output,), config.width), config.final_cap),
        _rotary_factors(weights, config, longest),
    )  # fmt: skip


def fresh_parts(config: DecoderConfig, seed: int, compute: torch.dtype, device: torch.device, *, tied: bool) -> Parts:
    """Random weights: normal with 0.02, what writes into the residual stream smaller by the root of twice the layers."""
    generator = torch.Generator().manual_seed(seed)
    scratch = Scratch()

    def linear(spans: tuple[Span, ...], width: int, deviation: float) -> Linear:
        rows = sum(span.rows for span in spans)
        dense = torch.empty(rows, width).normal_(0, deviation, generator=generator)
        return Linear(spans, dense.to(device, compute), None, compute, scratch)

    inputs = {"qkv": config.width, "output": config.query_width, "gate_up": config.width, "down": config.feed_forward}
    small = 0.02 / (2 * config.layers) ** 0.5
    layers = []
    for index in range(config.layers):
        linears = {
            name: linear(spans, inputs[name], small if name in ("output", "down") else 0.02)
            for name, spans in joined_spans(config, index).items()
        }
        norms = {name: torch.ones(size, device=device) for name, size in norm_sizes(config).items()}
        layers.append(Layer(index, config, linears, norms, compute))
    table = linear((Span("token_embd.weight", config.vocabulary),), config.width, 0.02)
    output = table if tied else linear((Span("output.weight", config.vocabulary),), config.width, 0.02)
    norm = torch.ones(config.width, device=device) if config.architecture != "olmo" else None
    return Parts(Embedding(table, config.embedding_scale), layers, norm, Head(output, config.final_cap), None)


def _checked(weights: GGUFWeights, name: str, shape: tuple[int, int]) -> PackedTensor:
    packed = weights.packed(name)
    if packed.shape != shape:
        raise _wrong_shape(weights, name)
    return packed


def _wrong_shape(weights: GGUFWeights, name: str) -> ModelError:
    return ModelError(
        f"“{weights.header.path.name}” is damaged: “{name}” has another size than the model says.", "Download it again."
    )


def _bias(weights: GGUFWeights, spans: tuple[Span, ...], compute: torch.dtype, device: torch.device) -> Tensor | None:
    names = [span.name.removesuffix("weight") + "bias" for span in spans]
    if not any(name in weights for name in names):
        return None
    parts = [weights.vector(name) if name in weights else torch.zeros(span.rows) for name, span in zip(names, spans, strict=True)]
    return torch.cat(parts).to(device, compute)


def _rotary_factors(weights: GGUFWeights, config: DecoderConfig, longest: int) -> Tensor | None:
    """Llama 3's, or Phi 3's for dialogues beyond the original context or within it."""
    kind = "long" if longest > config.rotary.original_context else "short"
    for name in ("rope_freqs.weight", f"rope_factors_{kind}.weight"):
        if name in weights:
            factors = weights.vector(name)
            if factors.numel() != config.rotary.dimension // 2:
                raise _wrong_shape(weights, name)
            return factors
    return None


def whole_masters(parts: Parts) -> dict[str, nn.Parameter]:
    """Make embedding, final norm and head trainable; returns their masters by name."""
    masters = parts.head.linear.train_whole()
    if parts.embedding.table is not parts.head.linear:
        if "token_embd.weight" in masters:  # tied: both read the same master
            parts.embedding.table.masters = masters
        else:
            masters = masters | parts.embedding.table.train_whole()
    return masters
