"""Adapter files: what a GGUF with a LoRA says of itself, checked before llama.cpp sees it, and whether it suits a model.

Format as llama.cpp 0.3.36 reads it (src/llama-adapter.cpp): the matrices `<name>.lora_a` and `<name>.lora_b` belong to the
model's tensor `<name>`, which then acts as W + scale · alpha / rank · B A (Hu et al. 2021, arXiv:2106.09685). What the
workshop adds stands under `companion.*`.
"""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path
from typing import Any

import msgspec

from companion.core.errors import ModelError
from companion.core.gguf.cursor import damaged, shown
from companion.core.gguf.fields import BASE_NAME, BASE_SHA256
from companion.core.gguf.header import GGUFHeader
from companion.core.gguf.parse import Part, TensorInfo, Value, parse

ALPHA = "adapter.lora.alpha"
RECIPE, METRICS = "companion.recipe", "companion.metrics"
DATASET, DATASET_FILES, PROGRAM = "companion.dataset.fingerprint", "companion.dataset.files", "companion.version"

TOKEN_TABLE, OUTPUT = "token_embd.weight", "output.weight"
"""An adapter of the token table is turned round, and cannot be one of the output too when both are the same tensor."""

MAX_RANK = 65_536
_MAX_HEADER = 64 << 20
_FLOAT64 = 12
_CHOOSE = "Choose another adapter."
_FISHER = ".fisher.gguf"


class AdapterTensor(msgspec.Struct, frozen=True, kw_only=True):
    """The two matrices for one tensor of the model, as the file holds them. Shapes as in the file: a row's length first."""

    name: str
    """The model's tensor, such as “blk.0.attn_q.weight”."""
    a: TensorInfo
    b: TensorInfo

    @property
    def is_turned(self) -> bool:
        """Whether A holds a row per token and B is the projection: the token table's adapter is looked up, not multiplied."""
        return self.name == TOKEN_TABLE

    @property
    def rank(self) -> int:
        return self.b.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the model's tensor it fits, a row's length first."""
        inputs, outputs = (self.b.shape[1], self.a.shape[1]) if self.is_turned else (self.a.shape[0], self.b.shape[1])
        return (inputs, outputs, *self.b.shape[2:])


class AdapterInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter file says. Texts are empty and numbers 0 where it says nothing."""

    path: Path
    name: str
    """`general.name`, or the file's name without its ending."""
    architecture: str
    alpha: float
    """As llama.cpp uses it: the scale of each tensor is alpha / rank, and 1 when alpha is 0."""
    tensors: tuple[AdapterTensor, ...]
    data_offset: int
    """Bytes from the start of the file to its tensor data."""
    base_sha256: str = ""
    """Of the whole GGUF it was trained for (the first file of a split model)."""
    base_name: str = ""
    licence: str = ""
    recipe: str = ""
    """JSON."""
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    dataset_fingerprint: str = ""
    dataset_files: tuple[str, ...] = ()
    """SHA-256 of the files that it learned from."""
    program_version: str = ""

    @property
    def rank(self) -> int:
        """The largest of its tensors'."""
        return max(tensor.rank for tensor in self.tensors)

    @property
    def parameters(self) -> int:
        return sum(tensor.a.elements + tensor.b.elements for tensor in self.tensors)

    def scale(self, tensor: AdapterTensor) -> float:
        """What B A is multiplied by for one tensor, at an adapter scale of 1."""
        return self.alpha / tensor.rank if self.alpha else 1.0


def fisher_file(adapter: Path) -> Path:
    """Where what matters for an adapter is kept, beside it."""
    return adapter.with_name(adapter.name.removesuffix(".gguf") + _FISHER)


def read_adapter(path: Path) -> AdapterInfo:
    """Read and check an adapter; raises ModelError with a sentence for anything llama.cpp could not or must not load.

    The numbers themselves are not looked at. Limits are those of every GGUF (`companion.core.gguf.parse`).
    """
    if not path.exists():
        raise ModelError(f"The adapter “{path.name}” is not there.", "Choose another one, or put it back.")
    part = parse(path)
    metadata, file = part.metadata, path.name
    _refuse_other_kinds(file, metadata)
    _refuse_what_aborts(path, part)
    architecture, alpha = _text(metadata, "general.architecture"), metadata.get(ALPHA, 0.0)
    if not architecture:
        raise damaged(file, "it does not say for what kind of model it is", _CHOOSE)
    if not isinstance(alpha, float) or not math.isfinite(alpha) or alpha < 0:
        raise damaged(file, "its alpha is no sound number", _CHOOSE)
    return AdapterInfo(
        path=path,
        name=shown(" ".join(_text(metadata, "general.name").split())) or path.stem,
        architecture=architecture,
        alpha=alpha,
        tensors=_pairs(file, part.tensors),
        data_offset=part.data_offset,
        base_sha256=_sha256(file, metadata),
        base_name=shown(_text(metadata, BASE_NAME)),
        licence=shown(_text(metadata, "general.license")),
        recipe=_text(metadata, RECIPE),
        metrics=_metrics(metadata),
        dataset_fingerprint=_text(metadata, DATASET),
        dataset_files=tuple(_text(metadata, DATASET_FILES).split()),
        program_version=shown(_text(metadata, PROGRAM)),
    )


def refuse_other_base(adapter: AdapterInfo, header: GGUFHeader, sha256: str) -> None:
    """Raises ModelError unless `adapter` was made for the model of `header`, whose file has this SHA-256 (“” if unknown).

    A model that was made of another one, such as a build of it, says so, and suits adapters of that one too. Where either side
    does not know the SHA-256, architecture and shapes decide. Both are compared in any case: llama.cpp
    ends the process on some shapes that do not fit.
    """
    file, model = f"“{adapter.path.name}”", f"“{header.path.name}”"
    made_for = f"“{adapter.base_name}”" if adapter.base_name else "the model it was trained for"
    if adapter.architecture != header.architecture:
        what = f"{file} is for models of the kind {shown(adapter.architecture)}; {model} is {shown(header.architecture)}"
        raise ModelError(f"{what}.", f"Choose {made_for}, or an adapter for this model.")
    known = {sha256.lower(), header.text(BASE_SHA256).lower()}
    if adapter.base_sha256 and sha256 and adapter.base_sha256 not in known:
        was = f"was trained for another model, {made_for}" if adapter.base_name else "was trained for another model"
        raise ModelError(f"{file} {was}, not for {model}.", f"Choose {made_for}, or train one for this model.")
    theirs = {tensor.name: tensor for tensor in header.tensors}
    for tensor in adapter.tensors:
        base = theirs.get(tensor.name)
        if base is None:
            what = f"{file} changes “{shown(tensor.name)}”, which {model} does not have"
        elif base.shape != tensor.shape:
            ours, its = _shape_text(tensor.shape), _shape_text(base.shape)
            what = f"{file} does not fit {model}: “{shown(tensor.name)}” is {its} there, not {ours}"
        elif tensor.is_turned and OUTPUT not in theirs:
            what = f"{file} changes the words of {model}, which uses the same table to speak; llama.cpp cannot do that"
        else:
            continue
        raise ModelError(f"{what}.", f"Choose {made_for}, or an adapter for this model.")


def _refuse_other_kinds(file: str, metadata: dict[str, Value]) -> None:
    kind, adapter_type = _text(metadata, "general.type"), _text(metadata, "adapter.type")
    if kind != "adapter":
        raise ModelError(f"“{file}” is no adapter{f', it says, but “{shown(kind)}”' if kind else ''}.", _CHOOSE)
    if adapter_type != "lora":
        what = f"“{file}” is an adapter of a kind llama.cpp does not know (“{shown(adapter_type)}”)"
        raise ModelError(f"{what}.", "Choose a LoRA adapter.")


def _refuse_what_aborts(path: Path, part: Part) -> None:
    """llama.cpp ends the process on an alpha of 64 bits, which looks like any other number once it is read."""
    if part.data_offset > _MAX_HEADER:
        raise damaged(path.name, "its header is absurdly long", _CHOOSE)
    try:
        with path.open("rb") as file:
            header = file.read(part.data_offset)
    except OSError as error:
        raise ModelError(f"“{path.name}” cannot be opened ({error.strerror}).", "Check that you may read it.") from error
    if struct.pack("<Q", len(ALPHA)) + ALPHA.encode() + struct.pack("<I", _FLOAT64) in header:
        raise damaged(path.name, "its alpha is a number of the wrong width", _CHOOSE)


def _pairs(file: str, tensors: tuple[TensorInfo, ...]) -> tuple[AdapterTensor, ...]:
    """A and B of each tensor together; vectors for norms, which llama.cpp passes over, are passed over here too."""
    halves: dict[str, dict[str, TensorInfo]] = {}
    for tensor in tensors:
        name, _, half = tensor.name.rpartition(".lora_")
        if half in ("a", "b") and name and ".lora_" not in name:
            halves.setdefault(name, {})[half] = tensor
        elif not tensor.name.endswith("_norm.weight"):
            raise damaged(file, f"“{shown(tensor.name)}” is no part of an adapter", _CHOOSE)
    found = []
    for name, pair in halves.items():
        if len(pair) < 2:
            raise damaged(file, f"one of the two matrices for “{shown(name)}” is missing", _CHOOSE)
        found.append(_sound(file, AdapterTensor(name=name, a=pair["a"], b=pair["b"])))
    if not found:
        raise ModelError(f"“{file}” is an adapter without any weights.", _CHOOSE)
    return tuple(found)


def _sound(file: str, tensor: AdapterTensor) -> AdapterTensor:
    a, b = tensor.a, tensor.b
    inner = 0 if tensor.is_turned else 1
    same = len(a.shape) == len(b.shape) and len(a.shape) in (2, 3) and a.shape[2:] == b.shape[2:]
    if not same or a.shape[inner] != b.shape[0]:
        shapes = f"{_shape_text(a.shape)} and {_shape_text(b.shape)}"
        raise damaged(file, f"the two matrices for “{shown(tensor.name)}” do not fit together ({shapes})", _CHOOSE)
    if tensor.rank > MAX_RANK:
        raise damaged(file, f"its rank is impossible ({tensor.rank:,})", _CHOOSE)
    for half in (a, b):
        if not half.type.is_weight:
            raise damaged(file, f"nothing can be computed with “{shown(half.name)}” as {half.type.name}", _CHOOSE)
    return tensor


def _sha256(file: str, metadata: dict[str, Value]) -> str:
    text = _text(metadata, BASE_SHA256).lower()
    if text and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise damaged(file, "it names its model in an unreadable way", _CHOOSE)
    return text


def _metrics(metadata: dict[str, Value]) -> dict[str, float]:
    """What was measured; a text that is no JSON of numbers counts as nothing: it decides nothing."""
    try:
        found: Any = msgspec.json.decode(_text(metadata, METRICS) or "{}", type=dict[str, float])
    except (msgspec.DecodeError, RecursionError):
        return {}
    return dict(found)


def _text(metadata: dict[str, Value], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""


def _shape_text(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{length:,}" for length in shape)
