"""Tiny models of every architecture that can be trained, with all their peculiarities switched on, and llama.cpp's logits."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from companion.llama.library import Library
from companion.llama.model import Model, Placement
from tests.tiny_models import write_tiny_llama

LAYERS, WIDTH, HEADS, KV_HEADS, FFN, VOCABULARY = 3, 64, 4, 2, 96, 288
WINDOW = 6
"""Of gemma's local layers: shorter than the tests' dialogues, so that it matters."""

_WIDE_HEADS = dict.fromkeys(("{arch}.attention.key_length", "{arch}.attention.value_length", "{arch}.rope.dimension_count"), 32)

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama-3": ("llama", {"{arch}.rope.freq_base": 500000.0}),
    "llama-biased": ("llama", {}),
    "llama-untied": ("llama", {}),
    "llama-linear": ("llama", {"{arch}.rope.scaling.type": "linear", "{arch}.rope.scaling.factor": 4.0}),
    "llama-yarn": (
        "llama",
        {
            "{arch}.rope.scaling.type": "yarn",
            "{arch}.rope.scaling.factor": 4.0,
            "{arch}.rope.scaling.original_context_length": 128,
        },
    ),
    "arcee": ("arcee", {}),
    "qwen2": ("qwen2", {"{arch}.rope.freq_base": 1000000.0}),
    "qwen3": ("qwen3", _WIDE_HEADS),
    "gemma2": (
        "gemma2",
        {
            "{arch}.attention.sliding_window": WINDOW,
            "{arch}.attn_logit_softcapping": 2.0,
            "{arch}.final_logit_softcapping": 3.0,
            **_WIDE_HEADS,
        },
    ),
    "gemma3": (
        "gemma3",
        {
            "{arch}.attention.sliding_window": WINDOW,
            "{arch}.rope.freq_base": 1000000.0,
            "{arch}.rope.scaling.type": "linear",
            "{arch}.rope.scaling.factor": 8.0,
            **_WIDE_HEADS,
        },
    ),
    "phi3": ("phi3", {"{arch}.rope.scaling.attn_factor": 1.2, "{arch}.rope.scaling.original_context_length": 512}),
}
"""Name of the test case: architecture and metadata."""


def write_architecture(path: Path, variant: str, *, type: str = "F32", seed: int = 0) -> Path:
    """A model of `variant` with random norms and biases too; gemma3 has seven layers, so that one looks at everything."""
    architecture, metadata = VARIANTS[variant]
    layers = 7 if architecture == "gemma3" else LAYERS
    return write_tiny_llama(
        path, layers=layers, width=WIDTH, heads=HEADS, kv_heads=KV_HEADS, ffn=FFN, vocabulary=VOCABULARY, type=type, seed=seed,
        tied=variant != "llama-untied", architecture=architecture, metadata=metadata,
        tensors=_tensors(variant, architecture, layers, np.random.default_rng(seed + 1)),
    )  # fmt: skip


def _tensors(variant: str, architecture: str, layers: int, random: np.random.Generator) -> dict[str, NDArray[np.float32] | None]:
    head = 32 if architecture in ("qwen3", "gemma2", "gemma3") else WIDTH // HEADS
    q, kv = HEADS * head, KV_HEADS * head

    def vector(size: int, middle: float = 1.0) -> NDArray[np.float32]:
        return random.normal(middle, 0.3, size).astype(np.float32)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return random.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)

    found: dict[str, NDArray[np.float32] | None] = {"output_norm.weight": vector(WIDTH)}
    if variant == "llama-3":
        found["rope_freqs.weight"] = np.linspace(1, 8, head // 2, dtype=np.float32)
    if architecture == "phi3":
        found["rope_factors_short.weight"] = np.linspace(1, 2, head // 2, dtype=np.float32)
        found["rope_factors_long.weight"] = np.linspace(4, 8, head // 2, dtype=np.float32)
    for layer in range(layers):
        block: dict[str, NDArray[np.float32] | None] = {"attn_norm.weight": vector(WIDTH), "ffn_norm.weight": vector(WIDTH)}
        if head != WIDTH // HEADS:
            block |= {"attn_q.weight": matrix(q, WIDTH), "attn_k.weight": matrix(kv, WIDTH), "attn_v.weight": matrix(kv, WIDTH)}
            block |= {"attn_output.weight": matrix(WIDTH, q)}
        if architecture == "qwen2" or variant == "llama-biased":
            block |= {"attn_q.bias": vector(q, 0), "attn_k.bias": vector(kv, 0), "attn_v.bias": vector(kv, 0)}
        if variant == "llama-biased":
            block |= {"attn_output.bias": vector(WIDTH, 0)}
        if architecture in ("qwen3", "gemma3"):
            block |= {"attn_q_norm.weight": vector(head), "attn_k_norm.weight": vector(head)}
        if architecture in ("gemma2", "gemma3"):
            block |= {"post_attention_norm.weight": vector(WIDTH), "post_ffw_norm.weight": vector(WIDTH)}
        if architecture == "arcee":
            block |= {"ffn_gate.weight": None}
        if architecture == "phi3":
            block |= dict.fromkeys(("attn_q.weight", "attn_k.weight", "attn_v.weight", "ffn_gate.weight"))
            block |= {"attn_qkv.weight": matrix(q + 2 * kv, WIDTH), "ffn_up.weight": matrix(2 * FFN, WIDTH)}
        found |= {f"blk.{layer}.{name}": values for name, values in block.items()}
    return found


def llama_logits(path: Path, tokens: list[int]) -> Tensor:
    """Logits (tokens, vocabulary) of llama.cpp, with keys and values in float32 and without flash attention."""
    with Model(Library(), path, Placement(extra_buffers=False)) as model:
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = max(64, len(tokens))
        params.n_threads = params.n_threads_batch = 1
        params.flash_attn_type, params.type_k, params.type_v = 0, 0, 0
        context = llama_cpp.llama_init_from_model(model.pointer, params)
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index], batch.pos[index] = token, index
            batch.n_seq_id[index], batch.logits[index] = 1, 1
            batch.seq_id[index][0] = 0
        try:
            assert llama_cpp.llama_decode(context, batch) == 0
            flat = ctypes.cast(llama_cpp.llama_get_logits(context), ctypes.POINTER(ctypes.c_float))
            values = np.ctypeslib.as_array(flat, (len(tokens), model.vocabulary.size)).copy()
        finally:
            llama_cpp.llama_batch_free(batch)
            llama_cpp.llama_free(context)
    return torch.from_numpy(values)


def unpack_to_float32(path: Path, unpacked: Path) -> Path:
    """The same model with the numbers that its packed weights stand for, made by llama.cpp."""
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype, options.allow_requantize, options.nthread = llama_cpp.LLAMA_FTYPE_ALL_F32, True, 1
    assert llama_cpp.llama_model_quantize(str(path).encode(), str(unpacked).encode(), options) == 0
    return unpacked


def mean_divergence(reference: Tensor, ours: Tensor) -> float:
    """Mean KL divergence in nats of `ours` from `reference`, logits (tokens, vocabulary)."""
    p, q = reference.double().log_softmax(-1), ours.double().log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).mean())
