"""The suites that are shipped, and those of one's own: how much of everything an evaluation measures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.core.errors import RecipeError
from companion.core.paths import models_folder
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import read_recipe, with_changes

_FILE_FIELDS = {"likelihood": "text_files", "classification": "mood_files tables", "tasks": "folder"}
_ORDER = ("quick", "standard", "full")


def suites() -> list[str]:
    """Names of the suites that are shipped, the shortest first."""
    names = {path.stem for path in _folder().glob("*.toml")}
    return [name for name in _ORDER if name in names] + sorted(names - set(_ORDER))


def suite_sentence(name: str) -> str:
    """What a shipped suite is for, from the first line of its file; empty when that says nothing."""
    first = (_folder() / f"{name}.toml").read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def read_suite(suite: str, changes: Sequence[str] = ()) -> Evaluate:
    """The recipe of a suite, by its name or as a file, with `changes` as `with_changes` takes them. Paths of what a suite
    itself names are absolute. Raises RecipeError."""
    path = _suite_file(suite)
    recipe = with_changes(read_recipe(path, Evaluate, word="suite"), list(changes))
    return replace(_with_absolute_files(recipe, path.parent), suite=recipe.suite or path.stem[:80])


def _suite_file(suite: str) -> Path:
    if suite in suites():
        return _folder() / f"{suite}.toml"
    path = Path(suite).expanduser().absolute()
    if not path.is_file():
        raise RecipeError(f"There is no suite “{suite}”.", f"There are: {', '.join(suites())}, or name a TOML file.")
    return path


def _with_absolute_files(recipe: Evaluate, folder: Path) -> Evaluate:
    """Files that a suite names lie beside it, else where the person stands. Raises RecipeError when one is missing."""

    def found(field: str, name: str) -> str:
        for path in (folder / name, Path(name).absolute()):
            if path.exists():
                return str(path.resolve())
        raise RecipeError(f"The file “{name}” is not there.", f"Check the name in {field}.")

    for table, fields in _FILE_FIELDS.items():
        part = getattr(recipe, table)
        for field in fields.split():
            value, called = getattr(part, field), f"{table}.{field}"
            if value:
                there = found(called, value) if isinstance(value, str) else tuple(found(called, name) for name in value)
                part = replace(part, **{field: there})
        recipe = replace(recipe, **{table: part})
    return recipe


def _folder() -> Path:
    return models_folder() / "suites"
