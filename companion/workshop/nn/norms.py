"""RMSNorm (Zhang & Sennrich 2019) forward and backward, in float32 whatever the inputs are.

Without a weight it is LayerNorm without one (Ba et al. 2016; OLMo has it so), which is RMSNorm of x minus its mean.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from companion.workshop.nn.gradients import accumulate


def wide(dtype: torch.dtype) -> torch.dtype:
    """What sums, norms and softmaxes are computed in: float32, or float64 in tests."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def rms_norm(x: Tensor, weight: Tensor | None, epsilon: float, out: torch.dtype) -> tuple[Tensor, Tensor]:
    """`x / rms(x) * weight` over the last dimension as `out`, and 1 / rms(x) (…, 1), which the backward needs."""
    x = x if weight is not None else _centred(x)
    inverse = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=wide(x.dtype))
    inverse = inverse.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
    return ((x * inverse).mul_(weight) if weight is not None else x * inverse).to(out), inverse


def scaled(x: Tensor, inverse: Tensor, weight: Tensor | None, out: torch.dtype) -> Tensor:
    """The norm again from its kept `inverse`: cheaper to compute than to keep."""
    return ((x * inverse).mul_(weight) if weight is not None else _centred(x).mul_(inverse)).to(out)


def rms_norm_backward(dy: Tensor, x: Tensor, inverse: Tensor, weight: Tensor | None) -> Tensor:
    """The gradient with respect to x: (g - n * mean(g * n)) / rms with g = dy * weight and n = x / rms."""
    gradient = dy * weight if weight is not None else dy.to(wide(dy.dtype), copy=True)
    normal = x * inverse if weight is not None else _centred(x).mul_(inverse)
    share = torch.linalg.vecdot(gradient, normal).div_(x.shape[-1]).unsqueeze(-1)
    gradient = gradient.sub_(normal.mul_(share)).mul_(inverse)
    return gradient if weight is not None else _centred(gradient)


def rms_norm_weight_gradient(dy: Tensor, x: Tensor, inverse: Tensor) -> Tensor:
    """The gradient with respect to the weight, summed over all rows."""
    return (dy * (x * inverse)).flatten(0, -2).sum(0)


class FinalNorm(torch.autograd.Function):
    """The norm before the head, for autograd; the gradient of its weight goes where all hand-made gradients go."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, epsilon: float, out: torch.dtype) -> Tensor:
        y, ctx.inverse = rms_norm(x, weight, epsilon, out)
        ctx.x, ctx.weight = x, weight
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None, None, None]:
        x, weight = ctx.x, ctx.weight
        if isinstance(weight, nn.Parameter):
            accumulate(weight, rms_norm_weight_gradient(dy, x, ctx.inverse))
        return rms_norm_backward(dy, x, ctx.inverse, weight), None, None, None


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)
