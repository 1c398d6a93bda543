"""`companion prefer`: from which replies are better to an adapter that gives more of those, by a job process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from companion.commands.fine_tune import run_training, with_files
from companion.core.errors import RecipeError
from companion.core.logs import log_to_file
from companion.core.recipes.files import read_recipe, with_changes
from companion.core.recipes.prefer import PRESETS, Method, Prefer


def prefer(
    *,
    data: Sequence[Path],
    method: str | None,
    model: Path | None,
    preset: str,
    recipe: Path | None,
    changes: Sequence[str],
    character: str | None,
    start: Path | None,
    output: Path | None,
    merge: Path | None,
    dry_run: bool,
    find_rate: bool,
    as_json: bool,
) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    wanted = _recipe(preset, recipe, method, changes)
    wanted = with_files(wanted, data=data, model=model, character=character, start=start)
    return run_training(wanted, output=output, merge=merge, dry_run=dry_run, find_rate=find_rate, as_json=as_json)


def _recipe(preset: str, file: Path | None, method: str | None, changes: Sequence[str]) -> Prefer:
    if preset not in PRESETS:
        raise RecipeError(f"There is no preset “{preset}”.", f"There are: {', '.join(PRESETS)}.")
    chosen = PRESETS[preset]
    if file is not None:
        chosen = read_recipe(file, Prefer, chosen)
    if method is not None:
        known = next((each for each in get_args(Method) if each == method.lower()), None)
        if known is None:
            raise RecipeError(f"There is no method “{method}”.", f"There are: {', '.join(get_args(Method))}.")
        chosen = replace(chosen, loss=replace(chosen.loss, method=known))
    return with_changes(chosen, list(changes))
