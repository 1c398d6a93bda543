"""Which packed types torch can unpack on any device, and with what."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from companion.workshop.nn import dequantize_blocks, dequantize_k

FUNCTIONS: dict[str, Callable[[Tensor, torch.dtype], Tensor]] = {
    "Q4_0": dequantize_blocks.q4_0,
    "Q4_1": dequantize_blocks.q4_1,
    "Q5_0": dequantize_blocks.q5_0,
    "Q5_1": dequantize_blocks.q5_1,
    "Q8_0": dequantize_blocks.q8_0,
    "IQ4_NL": dequantize_blocks.iq4_nl,
    "Q2_K": dequantize_k.q2_k,
    "Q3_K": dequantize_k.q3_k,
    "Q4_K": dequantize_k.q4_k,
    "Q5_K": dequantize_k.q5_k,
    "Q6_K": dequantize_k.q6_k,
    "IQ4_XS": dequantize_k.iq4_xs,
}
"""By the name of the tensor type: packed rows, uint8 (rows, bytes of a row), and a dtype to (rows, elements)."""
