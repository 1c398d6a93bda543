"""A whole model with an adapter, or trained weights, worked into it: tensor by tensor, the rest copied byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from companion.core.adapter import AdapterInfo, AdapterTensor, refuse_other_base
from companion.core.errors import WorkshopError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.fields import BASE_NAME, BASE_SHA256
from companion.core.gguf.header import GGUFHeader, TensorInfo, read_header
from companion.core.gguf.types import FILE_TYPE_NUMBERS, TYPES_BY_NAME, TensorType
from companion.llama import ggml
from companion.workshop.export.gguf_file import Chunk, PlannedTensor, encoded, pairs_of, write_gguf
from companion.workshop.nn.weights import GGUFWeights

_AT_ONCE = 1 << 22
"""Numbers of a tensor that are unpacked, changed and packed at once: 16 MiB of float32."""

_MATRIX = re.compile(r"(token_embd|output|blk\.\d+\.(attn|ffn)_\w+)\.weight")
_KEPT = re.compile(r".*(_norm|ffn_gate_inp)\.weight")
_NARROWER = {
    **dict.fromkeys(("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS"), "IQ4_NL"),
    **dict.fromkeys(("Q2_0", "Q2_K", "Q3_K", "TQ1_0", "TQ2_0"), "Q4_0"),
    **{"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"},
}
"""What llama.cpp packs rows as that do not fill blocks of 256 (tensor_type_fallback in src/llama-quant.cpp)."""
_FILE_TYPES = FILE_TYPE_NUMBERS | {"Q3_K": 11, "Q4_K": 14, "Q5_K": 16, "MXFP4": 38}
_WHOLE_FILE = ("split.no", "split.count", "split.tensors.count")

TYPES = tuple(name for name in TYPES_BY_NAME if name in _FILE_TYPES)
"""What a merged model can be asked to be packed as."""

Change = Callable[[Tensor, slice], Tensor]
"""From the model's rows of a slice, float32 (rows, in), to what they become; may change them in place."""


class Merged(NamedTuple):
    """A finished file."""

    path: Path
    bytes: int
    bits_per_weight: float
    changed: int
    """Tensors that are not the base's any more."""


def merge_adapter(
    path: Path,
    header: GGUFHeader,
    adapter: AdapterInfo,
    *,
    scale: float = 1.0,
    kind: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Merged:
    """Write the model of `header` as W + `scale` · alpha / r · B A to `path`.

    Tensors that change keep their type and are packed again by ggml's quantizer, or get the type `kind` as all matrices
    then do; token table and output are packed no narrower than Q6_K. Raises ModelError when the adapter is for another
    model, WorkshopError for an unknown type, weights that are no numbers, and a disk without room.
    """
    refuse_other_base(adapter, header, file_sha256(header.path) if adapter.base_sha256 else "")
    low_rank = GGUFWeights(read_header(adapter.path, chat_model=False))
    changes = {tensor.name: _low_rank_change(adapter, tensor, low_rank, scale) for tensor in adapter.tensors}
    return write_changed(path, header, changes, kind=kind, extra={"companion.merged.adapter": adapter.name} | dict(extra or {}))


def merge_tensors(
    path: Path, header: GGUFHeader, tensors: Mapping[str, Tensor], *, kind: str = "", extra: Mapping[str, Any] | None = None
) -> Merged:
    """Write the model of `header` with these tensors, (out, in) or (n,), in the place of its own; else as `merge_adapter`."""

    def change(new: Tensor) -> Change:
        return lambda _, rows: new.detach().reshape(-1, new.shape[-1])[rows].to("cpu", torch.float32, copy=True)

    return write_changed(path, header, {name: change(tensor) for name, tensor in tensors.items()}, kind=kind, extra=extra)


def write_changed(
    path: Path,
    header: GGUFHeader,
    changes: Mapping[str, Change],
    *,
    kind: str = "",
    kinds: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Merged:
    """Write the model of `header` with `changes` to `path` in one step, holding `_AT_ONCE` numbers at a time.

    Metadata is copied byte for byte; `general.file_type` follows `kind`, a split model becomes one file, and what has
    changed claims no base any more, whose adapters would not suit it. `kinds` gives single tensors a type of their own.
    """
    if kind and kind not in TYPES:
        raise WorkshopError(f"A model cannot be packed as “{kind}”.", f"Choose one of {', '.join(TYPES)}.")
    weights = GGUFWeights(header)
    for name in changes:
        weights.info(name)
    own = {name: TYPES_BY_NAME[each] for name, each in (kinds or {}).items()}
    planned = [
        _planned(weights, tensor, changes.get(tensor.name), own.get(tensor.name) or _target(header, tensor, kind))
        for tensor in header.tensors
    ]
    pairs = {key: pair for key, pair in pairs_of(header.path).items() if key not in _WHOLE_FILE}
    if changes:
        pairs = {key: pair for key, pair in pairs.items() if key not in (BASE_SHA256, BASE_NAME)}
    if kind:
        pairs["general.file_type"] = encoded("general.file_type", _FILE_TYPES[kind])
    pairs |= {key: encoded(key, value) for key, value in (extra or {}).items()}
    write_gguf(path, pairs.values(), planned, header.alignment)
    size = sum(tensor.nbytes for tensor in planned)
    return Merged(path, path.stat().st_size, size * 8 / header.parameters, len(changes))


def _planned(weights: GGUFWeights, tensor: TensorInfo, change: Change | None, kind: TensorType) -> PlannedTensor:
    if change is None and kind == tensor.type:
        return PlannedTensor(tensor.name, tensor.shape, kind, lambda: [weights.packed(tensor.name).data.numpy()])
    return PlannedTensor(tensor.name, tensor.shape, kind, lambda: _repacked(weights, tensor.name, change, kind))


def _repacked(weights: GGUFWeights, name: str, change: Change | None, kind: TensorType) -> Iterator[Chunk]:
    packed = weights.packed(name)
    count, width = packed.shape
    at_once = max(1, _AT_ONCE // width)
    for first in range(0, count, at_once):
        rows = slice(first, min(first + at_once, count))
        values = packed.dense(torch.float32, rows=rows)
        if change is not None:
            values = change(values, rows)
        try:
            yield ggml.pack(kind, values.numpy(), torch.get_num_threads())
        except ValueError as error:
            what = f"The merged model would hold numbers that are none (in “{name}”)"
            raise WorkshopError(f"{what}.", "Train the adapter again with a smaller learning rate.") from error


def _target(header: GGUFHeader, tensor: TensorInfo, kind: str) -> TensorType:
    """What a tensor is packed as: its own type, or `kind` with llama.cpp's exceptions."""
    is_matrix = len(tensor.shape) > 1 and _MATRIX.fullmatch(tensor.name) and not _KEPT.fullmatch(tensor.name)
    if not kind or not is_matrix:
        return tensor.type
    wanted = TYPES_BY_NAME[kind]
    tied = all(other.name != "output.weight" for other in header.tensors)
    if tensor.name == ("token_embd.weight" if tied else "output.weight") and wanted.size * 8 / wanted.block < 6.5:
        wanted = TYPES_BY_NAME["Q6_K"]
    for choice in (wanted.name, _NARROWER.get(wanted.name, "F16"), "F16"):
        if tensor.shape[0] % TYPES_BY_NAME[choice].block == 0:
            return TYPES_BY_NAME[choice]
    return TYPES_BY_NAME["F32"]


def _low_rank_change(adapter: AdapterInfo, tensor: AdapterTensor, weights: GGUFWeights, scale: float) -> Change:
    if len(tensor.shape) > 2:
        what = f"“{adapter.name}” changes experts, which cannot be merged"
        raise WorkshopError(f"{what}.", "Use it beside the model instead.")
    factor = scale * adapter.scale(tensor)

    def change(values: Tensor, rows: slice) -> Tensor:
        a = weights.packed(tensor.a.name).dense(torch.float32)
        b = weights.packed(tensor.b.name).dense(torch.float32)
        if tensor.is_turned:
            return values.addmm_(a[rows], b.t(), alpha=factor)
        return values.addmm_(b[rows], a, alpha=factor)

    return change
