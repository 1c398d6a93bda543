"""Unpacking and packing through libggml-base: every type, any number of threads, the same numbers as the gguf package."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from companion.core.gguf.types import TENSOR_TYPES
from companion.llama import ggml

KINDS = {kind.name: kind for kind in TENSOR_TYPES.values()}
WEIGHTS = [kind.name for kind in TENSOR_TYPES.values() if kind.is_weight]
QUANTIZED = [name for name in WEIGHTS if KINDS[name].block > 1]
SLOW = {"IQ1_S", "IQ1_M", "IQ2_XS", "IQ2_S"}
"""Before it packs the first of them, ggml looks for neighbours in a grid for seconds."""


def some_values(rows: int, elements: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.05, (rows, elements)).astype(np.float32)


def any_bits(name: str, rows: int, elements: int) -> np.ndarray:
    """Packed rows that no quantizer made; some of the numbers are none."""
    return np.random.default_rng(0).integers(0, 256, (rows, ggml.row_bytes(KINDS[name], elements)), np.uint8)


def unpacked(name: str, packed: np.ndarray, elements: int, into: ggml.Target = "F32", threads: int = 1) -> np.ndarray:
    target = np.empty((len(packed), elements), np.float32 if into == "F32" else np.float16 if into == "F16" else np.uint16)
    ggml.unpack(KINDS[name], packed.ctypes.data, len(packed), elements, target.ctypes.data, into, threads)
    return target


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in QUANTIZED])
def test_what_was_packed_comes_back_nearly_as_it_was(name):
    values = some_values(4, 512)
    packed = ggml.pack(KINDS[name], values)
    assert packed.shape == (4, ggml.row_bytes(KINDS[name], 512))
    back = unpacked(name, packed, 512)
    bits = KINDS[name].size * 8 / KINDS[name].block
    assert np.corrcoef(values.ravel(), back.ravel())[0, 1] > (0.99 if bits > 4 else 0.9 if bits > 2.3 else 0.7)


@pytest.mark.parametrize("name", QUANTIZED)
def test_ggml_and_the_gguf_package_unpack_the_same_numbers(name):
    packed = any_bits(name, 3, 512) if name in SLOW else ggml.pack(KINDS[name], some_values(3, 512, 1))
    kind = gguf.GGMLQuantizationType.__members__.get(name)
    try:
        with np.errstate(all="ignore"):
            theirs = gguf.quants.dequantize(packed, kind)
    except (NotImplementedError, KeyError, AttributeError, TypeError):
        assert name in {"NVFP4", "Q1_0", "Q2_0"}, "gguf has learned this type or lost it"
        return
    np.testing.assert_allclose(unpacked(name, packed, 512), theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["F16", "BF16", "Q4_1", "Q6_K", "IQ2_XXS"])
def test_any_number_of_threads_gives_the_same_numbers(name, monkeypatch):
    monkeypatch.setattr(ggml, "WORTH_A_THREAD", 256)
    values = some_values(7, 768, 2)
    packed = ggml.pack(KINDS[name], values)
    for threads in (2, 3, 16):
        np.testing.assert_array_equal(ggml.pack(KINDS[name], values, threads), packed)
        for into in ("F32", "F16", "BF16"):
            once, spread = unpacked(name, packed, 768, into), unpacked(name, packed, 768, into, threads)
            np.testing.assert_array_equal(spread, once)


@pytest.mark.parametrize("name", ["Q4_0", "Q8_0", "Q3_K"])
def test_sixteen_bits_are_the_rounded_float32(name):
    packed = ggml.pack(KINDS[name], some_values(300, 256, 3))  # more than the scratch holds
    exact = unpacked(name, packed, 256)
    np.testing.assert_array_equal(unpacked(name, packed, 256, "F16"), exact.astype(np.float16))
    bits = exact.view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    normal = np.abs(exact) > 1e-37
    np.testing.assert_array_equal(unpacked(name, packed, 256, "BF16")[normal], rounded[normal])


def test_what_would_end_the_process_is_refused():
    with pytest.raises(ValueError, match="Q4_K"):
        ggml.pack(KINDS["Q4_K"], some_values(1, 288))
    with pytest.raises(ValueError, match="I32"):
        ggml.pack(KINDS["I32"], some_values(1, 256))
    with pytest.raises(ValueError, match="none"):
        ggml.pack(KINDS["Q4_0"], np.full((1, 32), np.nan, np.float32))
    with pytest.raises(ValueError, match="I8"):
        ggml.unpack(KINDS["I8"], 0, 1, 32, 0)
