"""What stands between a layer's two feed-forward products: silu(gate) * up, gelu(gate) * up, or relu(up)² without a gate."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Activation = Literal["silu", "gelu", "relu2"]


def gated(gate_up: Tensor, name: Activation) -> Tensor:
    """(tokens, n) from the joined (tokens, 2 n); for relu² from (tokens, n). Gelu is the tanh approximation, as in llama.cpp."""
    if name == "relu2":
        return functional.relu(gate_up).square_()
    gate, up = gate_up.chunk(2, -1)
    bent = functional.silu(gate) if name == "silu" else functional.gelu(gate, approximate="tanh")
    return bent.mul_(up)


def gated_backward(d: Tensor, gate_up: Tensor, name: Activation) -> tuple[Tensor, Tensor]:
    """The gradient with respect to `gate_up`, and the forward's result again, which was not kept."""
    if name == "relu2":
        bent = functional.relu(gate_up)
        return (d * bent).mul_(2), bent.square_()
    gate, up = gate_up.chunk(2, -1)
    gradient = torch.empty_like(gate_up)
    d_gate, d_up = gradient.chunk(2, -1)
    d_bent = d * up
    if name == "silu":
        bent = functional.silu(gate)
        d_gate.copy_(torch.ops.aten.silu_backward(d_bent, gate))
    else:
        bent = functional.gelu(gate, approximate="tanh")
        d_gate.copy_(torch.ops.aten.gelu_backward(d_bent, gate, approximate="tanh"))
    torch.mul(d, bent, out=d_up)
    return gradient, bent.mul_(up)
