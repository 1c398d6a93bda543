"""Task files of one's own for lm-evaluation-harness, looked through before the harness reads them: nothing in a task may run.

The harness executes Python that a file names (`!function`, `class`), loads metrics as programs when it does not know
them, and renders templates without a sandbox. Files that would make it do the first two are refused here; templates are
rendered in Jinja's sandbox while such tasks run (`tasks.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from companion.core.errors import RecipeError

MOST_BYTES: Final = 1 << 20
MOST_FILES: Final = 1000
_REFUSED_KEYS: Final = {
    "class": "names a Python class",
    "custom_dataset": "names a Python function",
    "use_prompt": "takes prompts from a program",
    "unsafe_code": "asks to run code",
}
_LOCAL_FORMS: Final = {"json", "csv", "parquet", "text", "arrow"}
"""What `datasets` reads without running anything; its "pandas" unpickles."""


def task_files(folder: Path) -> list[Path]:
    """The task files below a folder. Raises RecipeError when there is no folder, or none in it."""
    if not folder.is_dir():
        raise RecipeError(f"The folder of tasks “{folder}” is not there.", "Check “folder” in the table “tasks”.")
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    if not found or len(found) > MOST_FILES:
        how = f"holds {len(found):,} task files" if found else "holds no task files (.yaml)"
        raise RecipeError(f"The folder “{folder}” {how}.", "Name a folder with your own tasks only.")
    return found


def refuse_code(folder: Path, metrics: Collection[str]) -> None:
    """Raises RecipeError for a task file in which anything would be executed, or that is no task file.

    `metrics` are those that the harness has itself; any other name would be loaded as a program.
    """
    waiting = task_files(folder)
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop().resolve()
        if path in seen:
            continue
        seen.add(path)
        if path.stat().st_size > MOST_BYTES:
            raise RecipeError(f"“{path.name}” is too large for a task file.", "Put the questions into a file beside it.")
        for key, value in _pairs(_read(path)):
            reason = _reason(key, value, path.parent, folder, metrics)
            if reason:
                raise RecipeError(
                    f"The task file “{path.name}” {reason}; Companion runs no programs from task files.",
                    "Leave that line out, or take a task that comes with lm-evaluation-harness.",
                )
            if key == "include":  # whatever its name ends with
                waiting += [path.parent / str(name) for name in _listed(value) if (path.parent / str(name)).is_file()]


class _Refusing(yaml.SafeLoader):  # type: ignore[misc]
    """Plain data only. `!function` and every other tag of Python's is an error."""


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Refusing)  # noqa: S506 - it is a SafeLoader
    except yaml.constructor.ConstructorError as error:
        raise RecipeError(
            f"The task file “{path.name}” names a program to run ({str(error.problem).strip()}).",
            "Leave that line out, or take a task that comes with lm-evaluation-harness.",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"“{path.name}” is no task file: it is not YAML.", "Check it against the harness's guide.") from error


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key), inner
            yield from _pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _pairs(inner)


def _reason(key: str, value: Any, here: Path, folder: Path, metrics: Collection[str]) -> str:
    """Why it is refused, as the middle of a sentence; empty when it is not."""
    if key in _REFUSED_KEYS and value:
        return _REFUSED_KEYS[key]
    if key == "metric" and value not in metrics:
        return f"uses the metric “{value}”, which the harness does not have itself"
    if key == "hf_evaluate" and value:
        return "loads a metric as a program"
    if key == "include" and not all((here / str(name)).resolve().is_relative_to(folder.resolve()) for name in _listed(value)):
        return f"includes “{value}” from elsewhere"
    if key == "dataset_path" and str(value) not in _LOCAL_FORMS and not _is_hub_name(here, str(value)):
        return f"reads its questions as “{value}”"
    if isinstance(value, str) and "://" in value and key not in ("description", "doc_to_text", "doc_to_target", "doc_to_choice"):
        return f"names an address (“{value}”)"
    return ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_hub_name(folder: Path, name: str) -> bool:
    """A dataset of the Hub's, which is read from the cache of this machine: “owner/name”, and no path."""
    parts = name.split("/")
    return len(parts) == 2 and all(parts) and not name.startswith((".", "~")) and not (folder / name).exists()
