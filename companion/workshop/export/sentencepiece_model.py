"""A SentencePiece model taken apart, and what it must be like for llama.cpp to cut text exactly as it does.

Reads the protocol buffer of `sentencepiece_model.proto` (github.com/google/sentencepiece) field by field, since the
package's Python side tells neither user-defined pieces nor the normalizer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from companion.core.errors import WorkshopError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""Types of pieces; GGUF (`tokenizer.ggml.token_type`) numbers them alike."""

TRAINING_OPTIONS: dict[str, Any] = {
    "normalization_rule_name": "identity",
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": False,
    "byte_fallback": True,
    "bos_piece": "<|begin|>",
    "eos_piece": "<|end|>",
    "unk_piece": "<|unknown|>",
}
"""For `sentencepiece.SentencePieceTrainer`: text is left as it is; a space is added nowhere, since llama.cpp would add one
after every user-defined piece; the pieces with a meaning cannot come up in text.

For unigram `byte_fallback` must be false, since llama.cpp's tokenizer for it knows no bytes, and the line break must be a
user-defined symbol, since the trainer drops it from the text.
"""

_UNIGRAM, _BPE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_RETRAIN = "Train the vocabulary with Companion's own settings."


class SentencePieceModel(msgspec.Struct, frozen=True, kw_only=True):
    """What of a SentencePiece model matters to llama.cpp."""

    method: Literal["unigram", "bpe"]
    pieces: tuple[str, ...]
    scores: tuple[float, ...]
    types: tuple[int, ...]
    byte_fallback: bool
    add_dummy_prefix: bool
    remove_extra_whitespaces: bool
    normalizes: bool
    """Whether text is changed before it is cut."""

    def index(self, piece: str) -> int:
        """The id of a piece; raises WorkshopError when there is none."""
        if piece not in self.pieces:
            raise WorkshopError(f"The vocabulary has no token “{piece}”.", "Train it with this token among its control tags.")
        return self.pieces.index(piece)

    def only(self, kind: int) -> int | None:
        """The id of the first piece of a type, None when there is none."""
        return self.types.index(kind) if kind in self.types else None


def read_sentencepiece(model: bytes) -> SentencePieceModel:
    """Raises WorkshopError for what is no SentencePiece model of the unigram or BPE kind."""
    pieces: list[tuple[str, float, int]] = []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    try:
        for number, value in _fields(model):
            if number == 1:
                piece = dict(_fields(value))
                pieces.append((piece.get(1, b"").decode(), _float(piece.get(2)), piece.get(3, NORMAL)))
            elif number == 2:
                trainer = dict(_fields(value))
            elif number == 3:
                normalizer = dict(_fields(value))
        method = {_UNIGRAM: "unigram", _BPE: "bpe"}[trainer.get(3, _UNIGRAM)]
    except (IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise WorkshopError("The vocabulary is no SentencePiece model of the unigram or BPE kind.", _RETRAIN) from error
    names, scores, types = zip(*pieces, strict=True) if pieces else ((), (), ())
    return SentencePieceModel(
        method="bpe" if method == "bpe" else "unigram",
        pieces=names,
        scores=scores,
        types=types,
        byte_fallback=bool(trainer.get(35, 0)),
        add_dummy_prefix=bool(normalizer.get(3, 1)),
        remove_extra_whitespaces=bool(normalizer.get(4, 1)),
        normalizes=bool(normalizer.get(2, b"")) or not normalizer.get(5, 1),
    )


def refuse_unless_llama_cuts_alike(model: SentencePieceModel) -> None:
    """Raises WorkshopError for a vocabulary with which llama.cpp would cut some text in another way."""
    faults = {
        "it changes text before it is cut": model.normalizes or model.remove_extra_whitespaces,
        "it adds a space at the beginning": model.add_dummy_prefix,
        "it has no tokens for single bytes": model.method == "bpe" and sum(kind == BYTE for kind in model.types) < 256,
        "unigram vocabularies must not fall back to bytes": model.method == "unigram" and model.byte_fallback,
        "it cannot spell a line break": model.method == "unigram" and "\n" not in model.pieces,
        "a token appears twice": len(set(model.pieces)) < len(model.pieces),
    }
    for what, is_so in faults.items():
        if is_so:
            raise WorkshopError(f"llama.cpp cannot use this vocabulary as it is: {what}.", _RETRAIN)
    if model.method == "bpe":
        _refuse_markers_from_text(model)


def _refuse_markers_from_text(model: SentencePieceModel) -> None:
    """llama.cpp joins two neighbours whenever any piece reads like both together, markers and bytes included."""
    known = {piece for piece, kind in zip(model.pieces, model.types, strict=True) if kind in (NORMAL, UNUSED)}
    for marker, kind in zip(model.pieces, model.types, strict=True):
        if kind not in (CONTROL, UNKNOWN, BYTE):
            continue
        for cut in range(1, len(marker)):
            left, right = marker[:cut], marker[cut:]
            if (left in known or cut == 1) and (right in known or cut == len(marker) - 1):
                what = f"The vocabulary holds “{left}” and “{right}”, out of which text could make the marker “{marker}”"
                raise WorkshopError(f"{what}.", "Remove such markers from the data, or choose a smaller vocabulary.")


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of one protocol buffer message: number and value (int, or bytes)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = _varint(data, at) if wire == _BYTES else ({_FIXED64: 8, _FIXED32: 4}[wire], at)
        if at + length > len(data):
            raise ValueError("a field ends outside of its message")
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _float(data: bytes | None) -> float:
    return float(struct.unpack("<f", data)[0]) if data else 0.0
