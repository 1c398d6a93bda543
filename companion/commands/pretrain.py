"""`companion pretrain`: from raw text to a small model of one's own that answers in a chat, by a job process.

Nothing here knows torch: the job is made as a folder, a process works on it, and this shows what the process says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.commands.job_files import character_of, data_files, target, with_replay
from companion.commands.job_view import run_job
from companion.core.errors import RecipeError
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.job_targets import free_name, name_after
from companion.core.logs import log_to_file
from companion.core.paths import own_models_folder
from companion.core.recipes.files import read_recipe, with_changes
from companion.core.recipes.pretrain import PRESETS, Pretrain, refuse_impossible


def pretrain(
    *,
    data: Sequence[Path],
    preset: str,
    recipe: Path | None,
    changes: Sequence[str],
    character: str | None,
    output: Path | None,
    dry_run: bool,
    find_rate: bool,
    as_json: bool,
) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    wanted = _recipe(preset, recipe, changes)
    files = data_files(data, wanted.data_files)
    name = name_after(wanted.name or Path(output or files[0]).stem, "model")
    who = character_of(character, wanted.character)
    wanted = replace(wanted, data_files=files, data=with_replay(wanted.data), name=name, character=who)
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True) as folder:
            return run_job(create_job(wanted, JobOrder(dry_run=True), Path(folder)), as_json=as_json)
    if find_rate:
        picture = str(target(output)) if output is not None else ""
        return run_job(create_job(wanted, JobOrder(find_rate=True, output=picture)), as_json=as_json)
    where = target(output or free_name(own_models_folder(), name))
    return run_job(create_job(wanted, JobOrder(output=str(where))), as_json=as_json)


def _recipe(preset: str, file: Path | None, changes: Sequence[str]) -> Pretrain:
    if preset not in PRESETS:
        raise RecipeError(f"There is no preset “{preset}”.", f"There are: {', '.join(PRESETS)}.")
    chosen = PRESETS[preset]
    if file is not None:
        chosen = read_recipe(file, Pretrain, chosen)
    chosen = with_changes(chosen, list(changes))
    refuse_impossible(chosen)
    return chosen
