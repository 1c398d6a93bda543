"""One decoder layer with its backward written by hand, so that only what cannot be had cheaply again is kept.

    h = norm(x);  q, k, v = h Wᵀ;  (norms per head);  rotary;  a = attention;  x₂ = x + (norm)(a Wᵀ)
    h = norm(x₂); gate, up = h Wᵀ; m = act(gate) * up;                        y  = x₂ + (norm)(m Wᵀ)

Kept for the backward: x and x₂ (float32), q, k, v as attention saw them, what it gathered with its probabilities, gate
and up, and the rank-sized inputs of the adapters. Norms, m and the gradients of everything element-wise are computed again.
With checkpointing only x is kept. The residual stream and its gradient are float32 whatever the products are computed in.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from companion.workshop.nn.activation import gated, gated_backward
from companion.workshop.nn.attention import AttentionPlan, attend, attend_backward
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.gradients import accumulate
from companion.workshop.nn.linear import Linear
from companion.workshop.nn.norms import rms_norm, rms_norm_backward, rms_norm_weight_gradient, scaled, wide
from companion.workshop.nn.rotary import Turns, rotate


class Pass(NamedTuple):
    """What all layers of one forward share."""

    turns: Turns
    plan: AttentionPlan
    rows: Tensor | None
    """Tokens whose output is wanted; the others end after attention, where they gave keys and values. None wants all."""
    seed: int
    """Of dropout; 0 drops nothing."""
    adapted: bool


class Kept(NamedTuple):
    """What one layer keeps for its backward."""

    x: Tensor
    inverse: Tensor
    raw: Tensor | None
    """q, k, v before the norms per head (qwen3, gemma3)."""
    q: Tensor
    k: Tensor
    v: Tensor
    probabilities: list[Tensor]
    gathered: Tensor
    """(tokens, query width)."""
    attended: Tensor | None
    """Attention's output before the norm after it (gemma)."""
    x2: Tensor
    inverse2: Tensor
    gate_up: Tensor
    down: Tensor | None
    """The feed-forward output before the norm after it (gemma)."""
    inner: tuple[Tensor | None, ...]
    """A x of the four matrices."""


class Cache:
    """Keys and values of one layer for the tokens so far, each (kv_heads, tokens, size)."""

    def __init__(self) -> None:
        self._held: tuple[Tensor, Tensor] | None = None

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        if self._held is not None:
            k, v = torch.cat((self._held[0], k), 1), torch.cat((self._held[1], v), 1)
        self._held = k, v
        return k, v


class Layer:
    """The weights of one layer; `norms` holds float vectors by their GGUF name without “blk.N.” and “.weight”."""

    def __init__(
        self, index: int, config: DecoderConfig, linears: dict[str, Linear], norms: dict[str, Tensor], compute: torch.dtype
    ) -> None:
        self.index, self.config, self.compute = index, config, compute
        self.qkv, self.output, self.gate_up, self.down = (linears[name] for name in ("qkv", "output", "gate_up", "down"))
        self.norms = norms

    @property
    def linears(self) -> tuple[Linear, ...]:
        return self.qkv, self.output, self.gate_up, self.down

    def trains(self) -> bool:
        whole = any(isinstance(norm, nn.Parameter) and norm.requires_grad for norm in self.norms.values())
        return whole or any(linear.low_rank is not None or linear.masters for linear in self.linears)

    def forward(self, x: Tensor, shared: Pass, cache: Cache | None = None) -> tuple[Tensor, Kept]:
        """`x` (tokens, width) float32 to (rows, width); a cache puts the keys and values of earlier tokens before these."""
        c, seed = self.config, shared.seed
        h, inverse = rms_norm(x, self.norms.get("attn_norm"), c.epsilon, self.compute)
        qkv, inner_qkv = self.qkv.forward(h, seed, adapted=shared.adapted)
        q, k, v = self._heads(qkv, shared)
        if cache is not None:
            k, v = cache.extend(k, v)
        gathered, probabilities = attend(shared.plan, q, k, v, c.attention_cap)
        gathered = self._by_token(gathered)
        attended, inner_output = self.output.forward(_taken(gathered, shared.rows), seed and seed + 1, adapted=shared.adapted)
        x2 = _taken(x, shared.rows) + self._after("post_attention_norm", attended)
        h2, inverse2 = rms_norm(x2, self.norms.get("ffn_norm"), c.epsilon, self.compute)
        gate_up, inner_gate = self.gate_up.forward(h2, seed and seed + 2, adapted=shared.adapted)
        down, inner_down = self.down.forward(gated(gate_up, c.activation), seed and seed + 3, adapted=shared.adapted)
        y = x2 + self._after("post_ffw_norm", down)
        kept = Kept(
            x, inverse, qkv if "attn_q_norm" in self.norms else None, q, k, v, probabilities, gathered,
            attended if "post_attention_norm" in self.norms else None,
            x2, inverse2, gate_up, down if "post_ffw_norm" in self.norms else None,
            (inner_qkv, inner_output, inner_gate, inner_down),
        )  # fmt: skip
        return y, kept

    def backward(self, dy: Tensor, kept: Kept, shared: Pass, *, wants_dx: bool) -> Tensor | None:
        """The gradient with respect to x; those of trained weights are added to their `.grad`."""
        c, seed, norms = self.config, shared.seed, self.norms
        inner_qkv, inner_output, inner_gate, inner_down = kept.inner
        d = self._after_backward("post_ffw_norm", dy, kept.down)
        dm, outer = self.down.input_gradient(d, inner_down, seed and seed + 3)
        d_gate_up, m = gated_backward(dm, kept.gate_up, c.activation)
        self.down.weight_gradients(d, m, inner_down, outer)
        dh, outer = self.gate_up.input_gradient(d_gate_up, inner_gate, seed and seed + 2)
        h2 = scaled(kept.x2, kept.inverse2, norms.get("ffn_norm"), self.compute)
        self.gate_up.weight_gradients(d_gate_up, h2, inner_gate, outer)
        dx2 = dy + self._norm_backward("ffn_norm", dh, kept.x2, kept.inverse2)

        d = self._after_backward("post_attention_norm", dx2, kept.attended)
        d_gathered, outer = self.output.input_gradient(d, inner_output, seed and seed + 1)
        self.output.weight_gradients(d, _taken(kept.gathered, shared.rows), inner_output, outer)
        if shared.rows is not None:
            d_gathered = torch.zeros_like(kept.gathered).index_add_(0, shared.rows, d_gathered)
        d_qkv = self._attention_backward(d_gathered, kept, shared)
        wants_dx = wants_dx or isinstance(norms.get("attn_norm"), nn.Parameter)
        dh, outer = self.qkv.input_gradient(d_qkv, inner_qkv, seed, wanted=wants_dx)
        h = scaled(kept.x, kept.inverse, norms.get("attn_norm"), self.compute)
        self.qkv.weight_gradients(d_qkv, h, inner_qkv, outer)
        if not wants_dx:
            return None
        dx = self._norm_backward("attn_norm", dh, kept.x, kept.inverse)
        if shared.rows is None:
            return dx.add_(dx2)
        return dx.index_add_(0, shared.rows, dx2)

    def _heads(self, qkv: Tensor, shared: Pass) -> tuple[Tensor, Tensor, Tensor]:
        """q (kv_heads, rows * group, size), scaled and turned as k (kv_heads, tokens, size), and v."""
        c = self.config
        q, k, v = self._split(qkv)
        if "attn_q_norm" in self.norms:
            q, _ = rms_norm(q, self.norms["attn_q_norm"], c.epsilon, wide(q.dtype))
            k, _ = rms_norm(k, self.norms["attn_k_norm"], c.epsilon, wide(k.dtype))
        q, k = rotate(q, shared.turns).mul_(c.attention_scale), rotate(k, shared.turns)
        return self._by_head(q), self._by_head(k), self._by_head(v)

    def _attention_backward(self, d_gathered: Tensor, kept: Kept, shared: Pass) -> Tensor:
        """The gradient with respect to the joined q, k, v (tokens, …) before their norms."""
        c = self.config
        d, gathered = (self._in_heads(x) for x in (d_gathered, kept.gathered))
        share = torch.linalg.vecdot(d, gathered).unsqueeze(-1)
        dq, dk, dv = attend_backward(
            shared.plan, self._by_head(d), self._by_head(share), kept.q, kept.k, kept.v, c.attention_cap, kept.probabilities
        )
        d_q = rotate(self._in_heads(self._by_token(dq)), shared.turns, back=True).mul_(c.attention_scale)
        d_k = rotate(dk.permute(1, 0, 2), shared.turns, back=True)
        if kept.raw is not None:
            raw_q, raw_k, _ = self._split(kept.raw)
            d_q = self._head_norm_backward("attn_q_norm", d_q, raw_q)
            d_k = self._head_norm_backward("attn_k_norm", d_k, raw_k)
        d_qkv = torch.empty(dv.shape[1], c.query_width + 2 * c.kv_width, dtype=self.compute, device=dv.device)
        for part, gradient in zip(self._split(d_qkv), (d_q, d_k, dv.permute(1, 0, 2)), strict=True):
            part.copy_(gradient)
        return d_qkv

    def _split(self, qkv: Tensor) -> tuple[Tensor, ...]:
        """q, k and v, each (tokens, heads of its own, size), as views of the joined matrix's output."""
        c = self.config
        ends = (c.query_width, c.query_width + c.kv_width)
        return tuple(map(self._in_heads, (qkv[:, : ends[0]], qkv[:, ends[0] : ends[1]], qkv[:, ends[1] :])))

    def _in_heads(self, x: Tensor) -> Tensor:
        """(tokens, heads, size), a view."""
        return x.view(len(x), -1, self.config.head_size)

    def _by_head(self, heads: Tensor) -> Tensor:
        """(tokens, kv_heads * group, size) to attention's (kv_heads, tokens * group, size), in compute dtype."""
        c = self.config
        grouped = heads.view(len(heads), c.kv_heads, -1, heads.shape[-1]).permute(1, 0, 2, 3)
        return torch.empty(grouped.shape, dtype=self.compute, device=heads.device).copy_(grouped).flatten(1, 2)

    def _by_token(self, gathered: Tensor) -> Tensor:
        """The way back: (rows, query width)."""
        c = self.config
        return gathered.view(c.kv_heads, -1, c.heads // c.kv_heads, c.head_size).permute(1, 0, 2, 3).flatten(1)

    def _after(self, name: str, x: Tensor) -> Tensor:
        """Gemma's norm after attention and feed-forward; other architectures have none."""
        return rms_norm(x, self.norms[name], self.config.epsilon, wide(x.dtype))[0] if name in self.norms else x

    def _after_backward(self, name: str, dy: Tensor, x: Tensor | None) -> Tensor:
        if x is None:
            return dy.to(self.compute)
        _, inverse = rms_norm(x, self.norms[name], self.config.epsilon, wide(x.dtype))
        return self._norm_backward(name, dy, x, inverse).to(self.compute)

    def _head_norm_backward(self, name: str, dy: Tensor, x: Tensor) -> Tensor:
        _, inverse = rms_norm(x, self.norms[name], self.config.epsilon, wide(x.dtype))
        return self._norm_backward(name, dy, x, inverse)

    def _norm_backward(self, name: str, dy: Tensor, x: Tensor, inverse: Tensor) -> Tensor:
        weight = self.norms.get(name)
        if isinstance(weight, nn.Parameter):
            accumulate(weight, rms_norm_weight_gradient(dy, x, inverse))
        return rms_norm_backward(dy, x, inverse, weight)


def _taken(x: Tensor, rows: Tensor | None) -> Tensor:
    return x if rows is None else x[rows]


class LayerFunction(torch.autograd.Function):
    """Hangs a layer into autograd. `anchor` requires a gradient when x itself does not but the layer trains."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, layer: Layer, shared: Pass, checkpoint: bool) -> Tensor:
        y, kept = layer.forward(x, shared)
        ctx.layer, ctx.shared = layer, shared
        ctx.kept = x if checkpoint else kept
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, None, None, None, None]:
        kept = ctx.kept
        ctx.kept = None
        if isinstance(kept, Tensor):
            _, kept = ctx.layer.forward(kept, ctx.shared)
        return ctx.layer.backward(dy, kept, ctx.shared, wants_dx=ctx.needs_input_grad[0]), None, None, None, None
