"""A model of one's own as a GGUF file: the weights of a decoder, its SentencePiece vocabulary, its chat template."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from companion import __version__
from companion.core.errors import WorkshopError
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.gguf.types import FILE_TYPE_NUMBERS, TYPES_BY_NAME
from companion.workshop.export.gguf_file import Chunk, PlannedTensor, encoded, write_gguf
from companion.workshop.export.sentencepiece_model import (
    UNKNOWN,
    SentencePieceModel,
    read_sentencepiece,
    refuse_unless_llama_cuts_alike,
)
from companion.workshop.nn.config import DecoderConfig, epsilon_key
from companion.workshop.nn.loading import joined_spans, norm_sizes

WRITABLE = ("llama", "arcee", "gemma3", "olmo")
"""Architectures of new models: RMSNorm with SwiGLU, with ReLU² without a gate, or with a gated GELU and more norms;
LayerNorm without a weight with SwiGLU."""

_DTYPES = {"F32": torch.float32, "F16": torch.float16}


def write_model(
    path: Path,
    config: DecoderConfig,
    tensors: Mapping[str, Tensor],
    vocabulary: bytes,
    *,
    chat_template: str,
    end_of_turn: str,
    name: str,
    begin: str = "<|begin|>",
    store_as: Literal["F32", "F16"] = "F16",
    extra: Mapping[str, Any] | None = None,
) -> GGUFHeader:
    """Write the model, read its header back and check it as every model is; replaces an older file in one step.

    `tensors` have GGUF's names; matrices are (out, in) and stored as `store_as`, vectors as F32. Without `output.weight`
    the token table speaks too. `vocabulary` is a serialized SentencePiece model trained with `TRAINING_OPTIONS`; `begin` is
    put before every text, `end_of_turn` ends a reply. `extra` adds metadata, such as {"general.license": "mit"}.

    Raises WorkshopError for an architecture that is not written, missing or misshapen tensors, weights that are no
    numbers, a vocabulary that llama.cpp would use otherwise, and a disk without room.
    """
    pieces = read_sentencepiece(vocabulary)
    refuse_unless_llama_cuts_alike(pieces)
    _refuse_misfits(config, tensors, pieces)
    metadata = {
        "general.architecture": config.architecture,
        "general.type": "model",
        "general.name": name,
        "general.file_type": FILE_TYPE_NUMBERS[store_as],
        "companion.version": __version__,
        **_shape(config),
        **_vocabulary(pieces, begin, end_of_turn),
        "tokenizer.chat_template": chat_template,
        **(extra or {}),
    }
    planned = [_planned(tensor, tensors[tensor], store_as) for tensor in _names(config, "output.weight" in tensors)]
    write_gguf(path, [encoded(key, value) for key, value in metadata.items()], planned)
    return read_header(path)


def _shape(config: DecoderConfig) -> dict[str, Any]:
    shape = {
        "block_count": config.layers,
        "context_length": config.context,
        "embedding_length": config.width,
        "feed_forward_length": config.feed_forward,
        "attention.head_count": config.heads,
        "attention.head_count_kv": config.kv_heads,
        "attention.key_length": config.head_size,
        "attention.value_length": config.head_size,
        f"attention.{epsilon_key(config.architecture)}": float(config.epsilon),
        "rope.freq_base": float(config.rotary.base),
        "rope.dimension_count": config.head_size,
        "vocab_size": config.vocabulary,
    }
    return {f"{config.architecture}.{key}": value for key, value in shape.items()}


def _vocabulary(pieces: SentencePieceModel, begin: str, end_of_turn: str) -> dict[str, Any]:
    """`llama` is llama.cpp's name for SentencePiece BPE, `t5` for unigram."""
    unknown = pieces.only(UNKNOWN)
    ids = {"bos": pieces.index(begin), "eos": pieces.index(end_of_turn), "unknown": unknown}
    return {
        "tokenizer.ggml.model": "llama" if pieces.method == "bpe" else "t5",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": list(pieces.pieces),
        "tokenizer.ggml.scores": list(pieces.scores),
        "tokenizer.ggml.token_type": list(pieces.types),
        **{f"tokenizer.ggml.{role}_token_id": number for role, number in ids.items() if number is not None},
        "tokenizer.ggml.padding_token_id": pieces.index(end_of_turn),
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.ggml.remove_extra_whitespaces": False,
    }


def _names(config: DecoderConfig, has_output: bool) -> dict[str, tuple[int, ...]]:
    """Every tensor of the decoder in file order, with its shape (out, in) or (n,)."""
    norms = norm_sizes(config)
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (config.vocabulary, config.width)}
    if norms:
        shapes["output_norm.weight"] = (config.width,)
    if has_output:
        shapes["output.weight"] = (config.vocabulary, config.width)
    inputs = {"qkv": config.width, "output": config.query_width, "gate_up": config.width, "down": config.feed_forward}
    for number in range(config.layers):
        shapes |= {f"blk.{number}.{name}.weight": (size,) for name, size in norms.items()}
        for matrix, spans in joined_spans(config, number).items():
            shapes |= {span.name: (span.rows, inputs[matrix]) for span in spans}
    return shapes


def _refuse_misfits(config: DecoderConfig, tensors: Mapping[str, Tensor], pieces: SentencePieceModel) -> None:
    if config.architecture not in WRITABLE or any(config.windows):
        what = f"A decoder of the architecture “{config.architecture}” cannot be written as a new model"
        raise WorkshopError(f"{what}.", f"Choose one of {', '.join(WRITABLE)}, with full attention.")
    if len(pieces.pieces) != config.vocabulary:
        what = f"The vocabulary has {len(pieces.pieces):,} tokens and the model {config.vocabulary:,}"
        raise WorkshopError(f"{what}.", "Train both together.")
    wanted = _names(config, "output.weight" in tensors)
    if set(wanted) != set(tensors):
        missing = sorted(set(wanted) ^ set(tensors))
        raise ValueError(f"tensors missing or too many: {missing[:5]}")
    for name, shape in wanted.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(f"{name} is {tuple(tensors[name].shape)}, not {shape}")


def _planned(name: str, tensor: Tensor, store_as: Literal["F32", "F16"]) -> PlannedTensor:
    values = tensor.detach()
    if not math.isfinite(values.abs().max().item()):
        what = f"The model holds numbers that are none (in “{name}”): the training has diverged"
        raise WorkshopError(f"{what}.", "Resume from an earlier checkpoint with a smaller learning rate.")
    kind = TYPES_BY_NAME[store_as if values.dim() > 1 else "F32"]
    data: Callable[[], Iterable[Chunk]] = lambda: [values.to("cpu", _DTYPES[kind.name]).contiguous().numpy()]  # noqa: E731
    return PlannedTensor(name, tuple(reversed(values.shape)), kind, data)
