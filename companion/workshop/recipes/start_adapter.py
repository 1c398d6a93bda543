"""An adapter to go on from: its matrices become the first weights of the training, in the shape they have in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple, get_args

import torch
from msgspec.structs import replace
from torch import Tensor

from companion.core.adapter import AdapterInfo, read_adapter, refuse_other_base
from companion.core.errors import ModelError
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.recipes.parts import Adapter, Where
from companion.workshop.nn.decoder import Decoder
from companion.workshop.nn.weights import GGUFWeights

_FUSED: Final[dict[str, Where]] = {"attn_qkv": "attn_q"}
"""Matrices that hold several: the part by which a recipe names them."""


class Start(NamedTuple):
    """The table of a recipe that fits the file, and its matrices by GGUF name, float32 on the CPU."""

    path: Path
    adapter: Adapter
    tensors: dict[str, Tensor]


def read_start(path: Path, header: GGUFHeader, base_sha256: str, wanted: Adapter) -> Start:
    """Rank, strength and place are the file's; dropout and rates stay those that are `wanted`.

    Raises ModelError when the file is no adapter of this model, or one that a training cannot go on from.
    """
    info = read_adapter(path)
    refuse_other_base(info, header, base_sha256 if info.base_sha256 else "")
    kinds = {_kind(tensor.name) for tensor in info.tensors}
    ranks = {tensor.rank for tensor in info.tensors}
    if len(ranks) != 1 or not kinds <= set(get_args(Where)):
        raise _refusal(info, "its matrices are not all of one rank, or lie outside of the layers")
    layers = [int(tensor.name.split(".")[1]) for tensor in info.tensors]
    rank = ranks.pop()
    adapter = replace(
        wanted,
        method="lora",
        rank=rank,
        alpha=info.alpha or float(rank),
        rank_stabilized=False,
        where=tuple(kind for kind in get_args(Where) if kind in kinds),
        first_layer=min(layers),
        last_layer=max(layers),
    )
    weights = GGUFWeights(read_header(path, chat_model=False))
    tensors = {
        half.name: weights.packed(half.name).dense(torch.float32) for tensor in info.tensors for half in (tensor.a, tensor.b)
    }
    return Start(path, adapter, tensors)


def begin_with(decoder: Decoder, start: Start) -> None:
    """Give the decoder's adapter these weights. Raises ModelError when it has other matrices."""
    trained = decoder.trainable()
    if {name: weight.shape for name, weight in trained.items()} != {name: t.shape for name, t in start.tensors.items()}:
        raise _refusal(read_adapter(start.path), "it changes some matrices of a kind in some layers and not in others")
    with torch.no_grad():
        for name, weight in trained.items():
            weight.copy_(start.tensors[name])


def _kind(name: str) -> str:
    """Of a tensor of a layer, such as “attn_q”; empty for all others."""
    parts = name.split(".")
    kind = parts[2] if len(parts) == 4 and parts[0] == "blk" and parts[1].isdigit() else ""
    return _FUSED.get(kind, kind)


def _refusal(info: AdapterInfo, why: str) -> ModelError:
    return ModelError(f"A training cannot go on from “{info.path.name}”: {why}.", "Begin a new adapter, without a start.")
