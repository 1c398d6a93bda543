"""What is measured, as one names it on a command line: a model, an adapter, or MODEL+ADAPTER[:SCALE]."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from companion.commands.chosen_model import chosen_model, required_model
from companion.core.adapter import read_adapter
from companion.core.adapter_use import adapter_use
from companion.core.errors import CompanionError, ModelError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.parse import parse as parse_gguf
from companion.core.paths import STARTER, own_models_folder, starter_model
from companion.core.settings import Settings
from companion.core.subject import subject

_REMEDY = "Name a GGUF model, an adapter, or both as MODEL.gguf+ADAPTER.gguf:0.8; “starter” is the model that came along."


def parse(text: str, settings: Settings) -> tuple[str, ...]:
    """Absolute paths: the model, then its adapters as "FILE:SCALE".

    An adapter alone is measured on the model it was trained for, which is looked for among the person's models. Raises
    CompanionError for whatever is missing, damaged, or made for something else.
    """
    parts = list(_parts(text))
    first = _file(parts[0])
    if first is None:
        raise ModelError(f"“{parts[0]}” is not there.", _REMEDY)
    if _is_adapter(first):
        return subject(base_of(first, settings), parts)
    if parts[0] != STARTER and Path(parts[0]).name != first.name:
        raise ModelError(f"“{first.name}” is a model, which has no scale.", _REMEDY)
    return subject(first, parts[1:])


def base_of(adapter: Path, settings: Settings) -> Path:
    """The model that an adapter was trained for: by its SHA-256, else the model one chats with. Raises ModelError."""
    info = read_adapter(adapter)
    if not info.base_sha256:
        return required_model(None, settings)
    for model in dict.fromkeys(_models(settings)):
        if model.is_file() and file_sha256(model) == info.base_sha256:
            return model
    called = f"“{info.base_name}”" if info.base_name else "the model it was trained for"
    what = f"“{adapter.name}” belongs to {called}, which is not among your models."
    raise ModelError(what, f"Name the model too: MODEL.gguf+{adapter.name}")


def _models(settings: Settings) -> Iterator[Path]:
    if (chosen := chosen_model(None, settings)) is not None:
        yield chosen
    if (starter := starter_model()) is not None:
        yield starter
    yield from sorted(own_models_folder().glob("*.gguf"))


def _parts(text: str) -> Iterator[str]:
    """The files of MODEL+ADAPTER+ADAPTER; a “+” in a file's own name stays there."""
    rest = text
    while rest:
        cuts = [at for at, letter in enumerate(rest) if letter == "+" and _file(rest[:at]) is not None]
        if not cuts or _file(rest) is not None:
            yield rest
            return
        yield rest[: cuts[0]]
        rest = rest[cuts[0] + 1 :]
    raise CompanionError("A file is missing behind the “+”." if text else "No file is named.", _REMEDY)


def _file(text: str) -> Path | None:
    """The file of this name, without a scale behind it or with one; None when there is none."""
    if text == STARTER and not Path(text).exists():
        return starter_model()
    if Path(text).expanduser().is_file():
        return Path(text).expanduser().absolute()
    before, colon, _ = text.rpartition(":")
    return None if not colon or not Path(before).expanduser().is_file() else _scaled(text)


def _scaled(text: str) -> Path | None:
    try:
        path = Path(adapter_use(text).path)
    except CompanionError:
        return None
    return path if path.is_file() else None


def _is_adapter(path: Path) -> bool:
    return parse_gguf(path).metadata.get("general.type") == "adapter"
