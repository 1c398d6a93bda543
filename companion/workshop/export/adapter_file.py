"""A trained adapter as a GGUF file that llama.cpp loads, with where it came from in its metadata."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor

from companion import __version__
from companion.core import adapter as keys
from companion.core.adapter import AdapterInfo, read_adapter
from companion.core.errors import WorkshopError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.fields import BASE_NAME, BASE_SHA256
from companion.core.gguf.header import GGUFHeader
from companion.core.gguf.types import TYPES_BY_NAME, TensorType
from companion.workshop.export.gguf_file import Chunk, PlannedTensor, encoded, write_gguf

_LARGEST_F16 = 65_504.0


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What is written beside the weights."""

    name: str
    recipe: Any = None
    """A recipe, or anything msgspec writes as JSON."""
    dataset_fingerprint: str = ""
    dataset_files: tuple[str, ...] = ()
    """SHA-256 of the files that were learned from."""
    metrics: Mapping[str, float] = msgspec.field(default_factory=dict)
    licence: str = ""
    """Of what was learned from, where that is known."""
    extra: Mapping[str, str] = msgspec.field(default_factory=dict)
    """More keys, such as “general.description”."""


def write_adapter(
    path: Path,
    header: GGUFHeader,
    tensors: Mapping[str, Tensor],
    *,
    alpha: float,
    rank_stabilized: bool,
    provenance: Provenance,
    store_as: Literal["F16", "F32"] = "F16",
    base_sha256: str = "",
) -> AdapterInfo:
    """Write the adapter of the model of `header` and read it back; an older file of that name is replaced in one step.

    `tensors` are `<model's tensor>.lora_a` (r, in) and `.lora_b` (out, r) in any float dtype, on any device. `alpha` is
    the recipe's: what is written is alpha · √r for a rank-stabilized adapter (Kalajdzievski 2023, arXiv:2312.03732), since
    llama.cpp divides by r. F16 halves the file; a matrix that F16 cannot hold is written as F32. `base_sha256` is that of
    the model it was trained on; without it, the file as it is now is taken.

    Raises WorkshopError for weights that are no numbers and when there is no room, ValueError for tensors that the model
    does not have in this shape and for an alpha of 0, which llama.cpp takes for “as strong as it is”.
    """
    if alpha <= 0:
        raise ValueError("alpha must be chosen before")
    _refuse_misfits(tensors, header)
    planned = [_planned(name, tensor, store_as) for name, tensor in sorted(tensors.items(), key=_order)]
    ranks = {tensor.shape[0] for name, tensor in tensors.items() if name.endswith(".lora_a")}
    if rank_stabilized and len(ranks) != 1:
        raise ValueError("a rank-stabilized adapter has one rank")
    written_alpha = alpha * math.sqrt(next(iter(ranks))) if rank_stabilized else alpha
    write_gguf(path, _metadata(header, base_sha256, written_alpha, provenance), planned)
    return read_adapter(path)


def _refuse_misfits(tensors: Mapping[str, Tensor], header: GGUFHeader) -> None:
    shapes = {tensor.name: tensor.shape for tensor in header.tensors}
    bases = {name.removesuffix(".lora_a").removesuffix(".lora_b") for name in tensors}
    for base in bases:
        a, b = tensors[f"{base}.lora_a"], tensors[f"{base}.lora_b"]
        if a.shape[0] != b.shape[1] or shapes.get(base) != (a.shape[1], b.shape[0]):
            raise ValueError(f"{base}: {tuple(a.shape)} and {tuple(b.shape)} for {shapes.get(base)}")


def _metadata(header: GGUFHeader, base_sha256: str, alpha: float, provenance: Provenance) -> list[bytes]:
    metrics = {name: value for name, value in provenance.metrics.items() if math.isfinite(value)}
    pairs: dict[str, Any] = {
        "general.architecture": header.architecture,
        "general.type": "adapter",
        "general.name": provenance.name or f"Adapter for {header.name}",
        "adapter.type": "lora",
        keys.ALPHA: float(alpha),
        BASE_SHA256: base_sha256 or file_sha256(header.path),
        BASE_NAME: header.name,
        keys.RECIPE: msgspec.json.encode(provenance.recipe).decode(),
        keys.DATASET: provenance.dataset_fingerprint,
        keys.DATASET_FILES: " ".join(provenance.dataset_files),
        keys.METRICS: msgspec.json.encode(metrics).decode(),
        keys.PROGRAM: __version__,
        "general.license": _licence(header.text("general.license"), provenance.licence),
    } | dict(provenance.extra)
    return [encoded(key, value) for key, value in pairs.items() if value not in ("", "null")]


def _licence(model: str, learned: str) -> str:
    """Both, where they differ: what was learned can be read out of the weights again."""
    if not learned or not model or model.casefold() == learned.casefold():
        return model or learned
    return f"{model} (the model); {learned} (what it learned from)"


def _planned(name: str, tensor: Tensor, store_as: Literal["F16", "F32"]) -> PlannedTensor:
    largest = tensor.detach().abs().max().item()
    if not math.isfinite(largest):
        raise WorkshopError(
            f"The adapter holds numbers that are none (in “{name}”): the training has diverged.",
            "Resume from an earlier checkpoint with a smaller learning rate.",
        )
    kind: TensorType = TYPES_BY_NAME[store_as if largest <= _LARGEST_F16 else "F32"]
    dtype = torch.float16 if kind.name == "F16" else torch.float32

    def data() -> Iterator[Chunk]:
        yield tensor.detach().to("cpu", dtype).contiguous().numpy()

    return PlannedTensor(name, tuple(reversed(tensor.shape)), kind, data)


def _order(item: tuple[str, Tensor]) -> tuple[int, str]:
    """Layer by layer: blk.2 before blk.10."""
    name = item[0]
    number = name.split(".")[1] if name.startswith("blk.") else ""
    return int(number) if number.isdigit() else -1, name
