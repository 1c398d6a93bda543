"""Unpacking with torch gives the same numbers as ggml and as the gguf package, bit for bit."""

from __future__ import annotations

import platform

import gguf
import numpy as np
import pytest
import torch

from companion.core.gguf.types import TENSOR_TYPES
from companion.llama import ggml
from companion.workshop.nn.dequantize import FUNCTIONS

KINDS = {kind.name: kind for kind in TENSOR_TYPES.values()}
EXACT = platform.machine() in {"x86_64", "AMD64"}
"""Elsewhere the compiler of ggml may fuse a product and a sum into one rounding."""


def random_blocks(name: str, rows: int, blocks: int, seed: int = 0) -> np.ndarray:
    """Packed rows of arbitrary bits; the float16 scales are finite, of either sign, now and then zero or subnormal."""
    random = np.random.default_rng(seed)
    kind = KINDS[name]
    data = random.integers(0, 256, (rows, blocks, kind.size), np.uint8)
    for at in {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}.get(
        name, (0, 2) if name.endswith("_1") else (0,)
    ):
        scales = random.normal(0, 0.1, (rows, blocks)).astype(np.float16)
        scales[0, 0], scales[-1, -1] = 0, 6e-8
        data[..., at : at + 2] = scales[..., None].view(np.uint8)
    return data.reshape(rows, -1)


def unpacked_by_ggml(name: str, packed: np.ndarray) -> np.ndarray:
    kind = KINDS[name]
    elements = packed.shape[1] // kind.size * kind.block
    values = np.empty((len(packed), elements), np.float32)
    ggml.unpack(kind, packed.ctypes.data, len(packed), elements, values.ctypes.data)
    return values


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_torch_unpacks_the_same_numbers_as_ggml(name, seed):
    packed = random_blocks(name, 7, 5, seed)
    ours = FUNCTIONS[name](torch.from_numpy(packed), torch.float32).numpy()
    theirs = unpacked_by_ggml(name, packed)
    assert ours.shape == theirs.shape
    if EXACT:
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_torch_unpacks_the_same_numbers_as_the_gguf_package(name):
    packed = random_blocks(name, 3, 4, 9)
    ours = FUNCTIONS[name](torch.from_numpy(packed), torch.float32).numpy()
    np.testing.assert_allclose(ours, gguf.quants.dequantize(packed, gguf.GGMLQuantizationType[name]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_bfloat16_is_the_rounded_float32(name):
    packed = torch.from_numpy(random_blocks(name, 4, 3, 5))
    assert torch.equal(FUNCTIONS[name](packed, torch.bfloat16), FUNCTIONS[name](packed, torch.float32).bfloat16())
