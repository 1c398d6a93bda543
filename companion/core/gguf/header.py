"""The check every GGUF file passes before llama.cpp sees it."""

from __future__ import annotations

import re
from pathlib import Path

from companion.core.errors import ModelError
from companion.core.gguf.checks import refuse_unless_chat_model, refuse_unless_embedding_model
from companion.core.gguf.cursor import damaged
from companion.core.gguf.fields import GGUFHeader
from companion.core.gguf.parse import Part, Skipped, TensorInfo, parse

__all__ = ["GGUFHeader", "Skipped", "TensorInfo", "read_embedding_header", "read_header"]

_PART_NAME = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")


def read_header(path: Path, *, chat_model: bool = True) -> GGUFHeader:
    """Read and check the header of `path`, and of the other parts when the model is split.

    Raises ModelError (what is wrong, what to do) for whatever cannot be a model: a missing, foreign, damaged or
    incomplete file, and with `chat_model` also a sound GGUF that nobody can chat with (an adapter, a vision part, …)
    or that is known to make llama.cpp abort. Never takes longer than 2 s or more than 100 MB.
    """
    first = parse(path)
    parts, tensors, size = _other_parts(path, first)
    header = GGUFHeader(
        path=path,
        parts=parts,
        version=first.version,
        metadata=first.metadata,
        tensors=tensors,
        alignment=first.alignment,
        data_offset=first.data_offset,
        file_size=size,
        bytes_with_token=first.bytes_with_token,
    )
    if chat_model:
        refuse_unless_chat_model(header)
    return header


def read_embedding_header(path: Path) -> GGUFHeader:
    """Read and check the header of a model that turns texts into vectors; raises ModelError as `read_header` does."""
    header = read_header(path, chat_model=False)
    refuse_unless_embedding_model(header)
    return header


def _other_parts(path: Path, first: Part) -> tuple[tuple[Path, ...], tuple[TensorInfo, ...], int]:
    """All files, tensors and bytes of a model whose first file is `path`; just that file's when it is not split."""
    count, number = first.metadata.get("split.count", 1), first.metadata.get("split.no", 0)
    if not isinstance(count, int) or count <= 1:
        return (path,), first.tensors, first.file_size
    match = _PART_NAME.match(path.name)
    if match is None or int(match["count"]) != count:
        raise ModelError(
            f"“{path.name}” is one of {count:,} parts of a model, but its name does not say so.",
            f"Give it back its name: it ended in “-00001-of-{count:05}.gguf”.",
        )
    parts = tuple(path.with_name(f"{match['stem']}-{n:05}-of-{count:05}.gguf") for n in range(1, count + 1))
    if number != 0:
        raise ModelError(f"“{path.name}” is a later part of a split model.", f"Choose its first part, “{parts[0].name}”.")
    if absent := [part.name for part in parts if not part.is_file()]:
        raise ModelError(
            f"{len(absent):,} of the {count:,} parts of this model are missing, “{absent[0]}” first.",
            "Put all parts in one folder.",
        )
    tensors, size = list(first.tensors), first.file_size
    for index, part in enumerate(parts[1:], start=1):
        other = parse(part, index)
        if other.metadata.get("split.no") != index or other.metadata.get("split.count") != count:
            raise damaged(part.name, "it is not the part that its name says", "Download all parts again.")
        tensors += other.tensors
        size += other.file_size
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise damaged(path.name, "two of its parts hold the same tensor", "Download all parts again.")
    return parts, tuple(tensors), size
