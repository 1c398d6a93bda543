"""Writes small but real LoRA adapters: random matrices in GGUF, which llama.cpp puts on the model they fit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from companion.core.gguf.fields import BASE_SHA256
from companion.core.gguf.header import read_header

LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def write_adapter(
    path: Path,
    base: Path,
    *,
    rank: int = 4,
    alpha: float = 8.0,
    size: float = 1.0,
    seed: int = 0,
    name: str = "Tiny voice",
    where: tuple[str, ...] = LINEAR,
    metadata: dict[str, Any] | None = None,
    leave_out: tuple[str, ...] = (),
    tensors: dict[str, np.ndarray[Any, Any]] | None = None,
) -> Path:
    """An adapter for the matrices `where` of the model `base`; `size` says how far it takes the model away.

    `metadata` adds or replaces keys (texts, ints as uint32, floats as float32), `leave_out` drops keys or tensors, `tensors`
    adds or replaces some.
    """
    header = read_header(base)
    random = np.random.default_rng(seed)
    matrices: dict[str, np.ndarray[Any, Any]] = {}
    for tensor in header.tensors:
        if tensor.name.split(".")[-2] in where:
            width, rows = tensor.shape
            matrices[f"{tensor.name}.lora_a"] = random.normal(0, width**-0.5, (rank, width)).astype(np.float16)
            matrices[f"{tensor.name}.lora_b"] = random.normal(0, size * rank**-0.5, (rows, rank)).astype(np.float16)
    fields: dict[str, Any] = {
        "general.type": "adapter",
        "general.name": name,
        "adapter.type": "lora",
        "adapter.lora.alpha": float(alpha),
        BASE_SHA256: hashlib.sha256(base.read_bytes()).hexdigest(),
    } | (metadata or {})
    writer = gguf.GGUFWriter(path, str(fields.pop("general.architecture", header.architecture)))
    for key, value in fields.items():
        if key not in leave_out:
            add = {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}[type(value)]
            add(key, value)  # type: ignore[operator]
    for tensor, matrix in (matrices | (tensors or {})).items():
        if tensor not in leave_out:
            writer.add_tensor(tensor, matrix)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
