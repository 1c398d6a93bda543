"""A model with only some of another one's layers: their tensors byte for byte, under new numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from companion.core.errors import WorkshopError
from companion.core.gguf.fields import BASE_NAME, BASE_SHA256
from companion.core.gguf.header import GGUFHeader
from companion.workshop.export.gguf_file import Chunk, PlannedTensor, encoded, pairs_of, write_gguf
from companion.workshop.nn.config import SUPPORTED, scales_as_27b, windows_of
from companion.workshop.nn.weights import GGUFWeights

_LAYER = re.compile(r"blk\.(\d+)\.(.+)")
_PER_LAYER = ("feed_forward_length", "attention.head_count", "attention.head_count_kv")
"""What a file may say for all layers at once or in a list."""
UNTRUE = ("split.no", "split.count", "split.tensors.count", "general.size_label", BASE_SHA256, BASE_NAME)
"""What is not so any more: adapters of the whole model do not fit."""


def evenly_spread(layers: int, count: int) -> tuple[int, ...]:
    """`count` of so many layers, the first and (from two on) the last among them, ascending."""
    if not 1 <= count <= layers:
        raise ValueError(f"{count} of {layers} layers")
    gaps = max(count - 1, 1)
    return tuple((2 * number * (layers - 1) + gaps) // (2 * gaps) for number in range(count))


def write_layers(target: Path, header: GGUFHeader, keep: Sequence[int], *, metadata: Mapping[str, Any] | None = None) -> None:
    """Write the model of `header` with the layers `keep`, ascending, counted from 0; replaces an older file in one step.

    This is how DistilBERT's student began (Sanh et al. 2019, arXiv:1910.01108). Layers with a sliding window keep it wherever
    they come to stand. `metadata` adds or replaces keys, as `encoded` takes them. A split model becomes one file.

    Raises WorkshopError for an architecture that is not known here, for Gemma's largest sizes, whose attention llama.cpp
    scales by their number of layers, and for a disk without room; ValueError for layers that are not there.
    """
    architecture, layers = header.architecture, header.layers
    if not keep or list(keep) != sorted(set(keep)) or keep[0] < 0 or keep[-1] >= layers:
        raise ValueError(f"layers {keep} of {layers}")
    if architecture not in SUPPORTED:
        what = f"Layers of a model of the architecture “{architecture}” cannot be taken out"
        raise WorkshopError(f"{what}.", f"Choose a model of one of these: {', '.join(SUPPORTED)}.")
    if scales_as_27b(architecture, layers) != scales_as_27b(architecture, len(keep)):
        what = f"llama.cpp knows “{header.name}” by its {layers} layers and would compute it wrongly with {len(keep)}"
        raise WorkshopError(f"{what}.", "Choose a smaller model of the family.")
    pairs = {key: pair for key, pair in pairs_of(header.path).items() if key not in UNTRUE}
    changed = _shape(header, keep) | dict(metadata or {})
    pairs |= {key: encoded(key, value) for key, value in changed.items()}
    write_gguf(target, pairs.values(), _planned(header, keep), header.alignment)


def _shape(header: GGUFHeader, keep: Sequence[int]) -> dict[str, Any]:
    """What the metadata says about the layers, for those that are kept."""
    found: dict[str, Any] = {"block_count": len(keep)}
    for key in _PER_LAYER:
        if isinstance(header.metadata.get(f"{header.architecture}.{key}"), tuple):
            found[key] = [header.per_layer(key)[layer] for layer in keep]
    if windows := windows_of(header):  # written out, as llama.cpp would count them by the new numbers
        found["attention.sliding_window_pattern"] = [int(windows[layer] > 0) for layer in keep]
    return {f"{header.architecture}.{key}": value for key, value in found.items()}


def _planned(header: GGUFHeader, keep: Sequence[int]) -> list[PlannedTensor]:
    weights = GGUFWeights(header)
    numbers = {old: new for new, old in enumerate(keep)}
    planned = []
    for tensor in header.tensors:
        match = _LAYER.fullmatch(tensor.name)
        if match is None or int(match[1]) in numbers:
            name = f"blk.{numbers[int(match[1])]}.{match[2]}" if match else tensor.name
            planned.append(PlannedTensor(name, tensor.shape, tensor.type, partial(_bytes, weights, tensor.name)))
    return planned


def _bytes(weights: GGUFWeights, name: str) -> list[Chunk]:
    return [weights.packed(name).data.numpy()]
