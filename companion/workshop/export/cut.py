"""A model without some of its neurons and heads: rows of its matrices copied bit for bit, columns as far as blocks allow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from companion.core.gguf.header import GGUFHeader, TensorInfo
from companion.core.gguf.types import TYPES_BY_NAME, TensorType
from companion.workshop.export.gguf_file import Chunk, PlannedTensor, encoded, pairs_of, write_gguf
from companion.workshop.export.layers import UNTRUE
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.weights import GGUFWeights

Indices = NDArray[np.int64]
_LAYER: Final = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")
_AT_ONCE: Final = 1 << 22
"""Numbers that are unpacked at once."""


class Cut(NamedTuple):
    """What stays of one layer, ascending; the same number in each."""

    neurons: Indices
    heads: Indices
    """Key/value heads, each with the query heads that read it."""


def write_cut(target: Path, header: GGUFHeader, cuts: Sequence[Cut], *, metadata: Mapping[str, Any] | None = None) -> None:
    """Write the model of `header` with what `cuts` say stays of each layer; replaces an older file in one step.

    Matrices that lose columns within the blocks that they are packed in become F16. `metadata` adds or replaces keys, as
    `encoded` takes them. A split model becomes one file. Raises WorkshopError for a disk without room.
    """
    config = DecoderConfig.from_header(header)
    weights = GGUFWeights(header)
    planned = [_planned(weights, tensor, cuts, config) for tensor in header.tensors]
    pairs = {key: pair for key, pair in pairs_of(header.path).items() if key not in UNTRUE}
    changed = _shape(config, cuts[0]) | dict(metadata or {})
    pairs |= {key: encoded(key, value) for key, value in changed.items()}
    write_gguf(target, pairs.values(), planned, header.alignment)


def _shape(config: DecoderConfig, cut: Cut) -> dict[str, Any]:
    """Numbers for all layers, also where the file had a list; what llama.cpp would else derive from the width is said."""
    found = {
        "feed_forward_length": len(cut.neurons),
        "attention.head_count": len(cut.heads) * (config.heads // config.kv_heads),
        "attention.head_count_kv": len(cut.heads),
        "attention.key_length": config.head_size,
        "attention.value_length": config.head_size,
        "rope.dimension_count": config.rotary.dimension,
    }
    return {f"{config.architecture}.{key}": value for key, value in found.items()}


def _planned(weights: GGUFWeights, tensor: TensorInfo, cuts: Sequence[Cut], config: DecoderConfig) -> PlannedTensor:
    match = _LAYER.fullmatch(tensor.name)
    packed = weights.packed(tensor.name)
    rows, columns = _staying(match[2], cuts[int(match[1])], config) if match else (None, None)
    if match and match[3] == "bias" and rows is not None:
        numbers = packed.data.reshape(-1, tensor.type.size).numpy()  # a bias is never packed: its blocks are single numbers
        return PlannedTensor(tensor.name, (len(rows),), tensor.type, lambda: [numbers[rows]])
    if match and match[3] == "weight" and rows is not None:
        shape = (tensor.shape[0], len(rows))
        return PlannedTensor(tensor.name, shape, tensor.type, lambda: [packed.data.numpy()[rows]])
    if match and match[3] == "weight" and columns is not None:
        return _without_columns(weights, tensor, columns)
    return PlannedTensor(tensor.name, tensor.shape, tensor.type, lambda: [packed.data.numpy()])


def _staying(name: str, cut: Cut, config: DecoderConfig) -> tuple[Indices | None, Indices | None]:
    """Rows and columns of a tensor that stay; None is all of them."""
    group = config.heads // config.kv_heads * config.head_size
    if name in ("ffn_up", "ffn_gate"):
        fused = name == "ffn_up" and config.fused
        return (np.concatenate((cut.neurons, config.feed_forward + cut.neurons)) if fused else cut.neurons), None
    if name == "ffn_down":
        return None, cut.neurons
    if name == "attn_q":
        return _stretched(cut.heads, group), None
    if name in ("attn_k", "attn_v"):
        return _stretched(cut.heads, config.head_size), None
    if name == "attn_output":
        return None, _stretched(cut.heads, group)
    return None, None


def _stretched(heads: Indices, size: int) -> Indices:
    """The numbers of heads that have `size` of them each."""
    return (heads[:, None] * size + np.arange(size)).ravel()


def _without_columns(weights: GGUFWeights, tensor: TensorInfo, columns: Indices) -> PlannedTensor:
    kind, shape = tensor.type, (len(columns), tensor.shape[1])
    packed = weights.packed(tensor.name)
    blocks = _whole_blocks(columns, kind)
    if blocks is None:
        return PlannedTensor(tensor.name, shape, TYPES_BY_NAME["F16"], lambda: _unpacked(weights, tensor, columns))
    return PlannedTensor(
        tensor.name, shape, kind, lambda: [packed.data.numpy().reshape(tensor.shape[1], -1, kind.size)[:, blocks]]
    )


def _whole_blocks(columns: Indices, kind: TensorType) -> Indices | None:
    """The blocks of a row that stay, None when a part of one does."""
    if len(columns) % kind.block:
        return None
    together = columns.reshape(-1, kind.block)
    blocks: Indices = together[:, 0] // kind.block
    return blocks if (together == blocks[:, None] * kind.block + np.arange(kind.block)).all() else None


def _unpacked(weights: GGUFWeights, tensor: TensorInfo, columns: Indices) -> Iterator[Chunk]:
    packed, at_once = weights.packed(tensor.name), max(1, _AT_ONCE // tensor.shape[0])
    for first in range(0, tensor.shape[1], at_once):
        values = packed.dense(torch.float32, rows=slice(first, min(first + at_once, tensor.shape[1])))
        yield values.numpy()[:, columns].astype(np.float16)
