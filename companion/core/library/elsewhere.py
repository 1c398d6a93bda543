"""Models that other programs keep on this computer. Looked for only when the person asks, and never changed or copied.

Where each program keeps them: LM Studio (~/.lmstudio/models, before ~/.cache/lm-studio/models), GPT4All (its data folder),
the Hugging Face cache (snapshots, whose files link to blobs), Ollama (manifests that name blobs by their SHA-256).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from companion.core.gguf.parse import MAGIC

DEEPEST: Final = 6
"""Folders below the program's own."""
MOST_FOLDERS: Final = 5000
MOST_FOUND: Final = 1000
MAX_MANIFEST: Final = 1 << 20
_MODEL_LAYER: Final = "application/vnd.ollama.image.model"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_LATER_PART: Final = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A model in another program's folder."""

    path: Path
    program: str
    name: str
    """As that program calls it."""
    bytes: int


class _Layer(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    digest: str = ""


class _Manifest(msgspec.Struct, frozen=True):
    layers: tuple[_Layer, ...] = ()


def look_elsewhere(home: Path | None = None) -> tuple[Elsewhere, ...]:
    """Every model of the programs that we know, by program and name; each file once."""
    home = Path.home() if home is None else home
    found: dict[Path, Elsewhere] = {}
    for each in _all(home):
        if len(found) >= MOST_FOUND:
            break
        found.setdefault(each.path.resolve(), each)
    return tuple(sorted(found.values(), key=lambda each: (each.program, each.name.casefold())))


def _all(home: Path) -> Iterator[Elsewhere]:
    for folder in (home / ".lmstudio" / "models", home / ".cache" / "lm-studio" / "models"):
        yield from _models("LM Studio", folder)
    yield from _models("GPT4All", _gpt4all(home))
    yield from _models("Hugging Face", _hub_cache(home))
    for folder in _ollama(home):
        yield from _ollama_models(folder)


def _gpt4all(home: Path) -> Path:
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "nomic.ai" / "GPT4All"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "nomic.ai" / "GPT4All"
    return home / ".local" / "share" / "nomic.ai" / "GPT4All"


def _hub_cache(home: Path) -> Path:
    """As huggingface_hub finds it."""
    if cache := os.environ.get("HF_HUB_CACHE"):
        return Path(cache)
    if own := os.environ.get("HF_HOME"):
        return Path(own) / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "huggingface" / "hub"


def _ollama(home: Path) -> list[Path]:
    if own := os.environ.get("OLLAMA_MODELS"):
        return [Path(own)]
    return [home / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models")]


def _models(program: str, folder: Path) -> Iterator[Elsewhere]:
    for path in _files(folder):
        is_model = path.suffix == ".gguf" and not _LATER_PART.search(path.name) and "mmproj" not in path.name.lower()
        if is_model and (size := _gguf_size(path)) > 0:
            yield Elsewhere(path=path, program=program, name=path.stem, bytes=size)


def _ollama_models(folder: Path) -> Iterator[Elsewhere]:
    manifests = folder / "manifests"
    for path in _files(manifests):
        try:
            if path.stat().st_size > MAX_MANIFEST:
                continue
            manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        digests = [layer.digest for layer in manifest.layers if layer.media_type == _MODEL_LAYER]
        for digest in digests[:1]:
            blob = folder / "blobs" / digest.replace(":", "-")
            if _DIGEST.fullmatch(digest) and (size := _gguf_size(blob)) > 0:
                yield Elsewhere(path=blob, program="Ollama", name=f"{path.parent.name}:{path.name}", bytes=size)


def _files(folder: Path) -> Iterator[Path]:
    """Below a folder, but not through links to other folders: they may lead in circles."""
    depth = len(folder.parts)
    for visited, (place, folders, files) in enumerate(os.walk(folder, followlinks=False)):
        if visited >= MOST_FOLDERS:
            return
        if len(Path(place).parts) - depth >= DEEPEST:
            folders.clear()
        folders.sort()
        for name in sorted(files):
            yield Path(place) / name


def _gguf_size(path: Path) -> int:
    """Bytes of a GGUF file; 0 for anything else."""
    try:
        with path.open("rb") as file:
            return file.seek(0, 2) if file.read(len(MAGIC)) == MAGIC else 0
    except OSError:
        return 0
