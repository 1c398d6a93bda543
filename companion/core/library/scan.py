"""Finding the files of the library and reading their headers. Nothing is hashed here, and nothing raises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from companion.core.adapter import read_adapter
from companion.core.errors import CompanionError
from companion.core.gguf.checks import refuse_unless_chat_model
from companion.core.gguf.cursor import shown
from companion.core.gguf.fields import BASE_NAME, BASE_SHA256
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.job_folder import jobs_folder
from companion.core.library.item import Item, Place
from companion.core.paths import models_folder, own_adapters_folder, own_models_folder, starter_model

MOST_FILES = 5000
"""Of one folder: whoever has more has made a mistake."""
MERGED_ADAPTER = "companion.merged.adapter"
_HASH = re.compile(r"(sha256-)?[0-9a-f]{40,64}")
"""A file that is named by its content, as caches do."""
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")


class Found(NamedTuple):
    path: Path
    place: Place


def library_files(linked: Iterable[str] = (), chosen: Iterable[str] = ()) -> list[Found]:
    """Every GGUF file that belongs to the library, each once; `chosen` are files from anywhere that something uses."""
    starter = starter_model()
    found = [
        *(Found(path, "own") for folder in (own_models_folder(), own_adapters_folder()) for path in _gguf_files(folder)),
        *([Found(starter, "starter")] if starter is not None else []),
        *(Found(path, "shipped") for path in sorted(models_folder().glob("*/*.gguf"))),  # deeper lies what is measured
        *(Found(Path(path), "linked") for path in linked),
        *(Found(path, "job") for path in sorted(jobs_folder().glob("*/output/*.gguf"))),
        *(Found(Path(path), "outside") for path in chosen),
    ]
    once: dict[Path, Found] = {}
    for each in found:
        once.setdefault(_resolved(each.path), each)
    return list(once.values())


def read_item(found: Found) -> Item:
    """What one file says of itself; one that cannot be read says why."""
    path, place = found
    try:
        size, changed = path.stat().st_size, path.stat().st_mtime
    except OSError:
        size, changed = 0, 0.0
    plain = Item(path=path, place=place, kind="model", name=path.stem, bytes=size, changed=changed)
    try:
        header = read_header(path, chat_model=False)
        if header.general_type == "adapter":
            return _adapter(plain)
    except CompanionError as error:
        return msgspec.structs.replace(plain, what=error.what, remedy=error.remedy)
    item = _model(plain, header)
    try:
        refuse_unless_chat_model(header)
    except CompanionError as error:
        return msgspec.structs.replace(item, what=error.what, remedy=error.remedy)
    return item


def _model(plain: Item, header: GGUFHeader) -> Item:
    return msgspec.structs.replace(
        plain,
        parts=header.parts if header.is_split else (),
        name=shown(header.name) if _HASH.fullmatch(plain.path.name) else plain.name,
        calls_itself=shown(header.name),
        bytes=header.file_size,
        architecture=shown(header.architecture),
        quantization=header.quantization,
        parameters=header.parameters,
        context_tokens=header.context_length,
        has_template=header.has_chat_template,
        licence=shown(header.text("general.license")),
        base_sha256=header.text(BASE_SHA256).lower(),
        base_name=shown(header.text(BASE_NAME)),
        merged_adapter=shown(header.text(MERGED_ADAPTER)),
    )


def _adapter(plain: Item) -> Item:
    plain = msgspec.structs.replace(plain, kind="adapter")
    try:
        info = read_adapter(plain.path)
    except CompanionError as error:
        return msgspec.structs.replace(plain, what=error.what, remedy=error.remedy)
    return msgspec.structs.replace(
        plain,
        name=info.name,
        architecture=shown(info.architecture),
        parameters=info.parameters,
        rank=info.rank,
        licence=info.licence,
        base_sha256=info.base_sha256,
        base_name=info.base_name,
        went_on_from=_went_on_from(info.recipe),
    )


class _Start(msgspec.Struct):
    """The part of a recipe that says where a training began."""

    start_adapter: str = ""


def _went_on_from(recipe: str) -> str:
    """Empty for one that began with nothing, and for a recipe that cannot be read."""
    try:
        return shown(Path(msgspec.json.decode(recipe, type=_Start).start_adapter).stem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return ""


def _gguf_files(folder: Path) -> Iterator[Path]:
    """Below `folder`, in order; later parts of split models and hidden files are left out."""
    for number, path in enumerate(sorted(folder.rglob("*.gguf"))):
        if number >= MOST_FILES:
            return
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and not _LATER_PART.search(path.name) and path.is_file():
            yield path


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError:
        return path
