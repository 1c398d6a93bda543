"""`companion fine-tune`: from dialogues to an adapter for the model one chats with, by a job process.

Nothing here knows torch: the job is made as a folder, a process works on it, and this shows what the process says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from companion.commands.chosen_model import required_model
from companion.commands.job_files import character_of, data_files, target, with_replay
from companion.commands.job_view import run_job
from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.errors import RecipeError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import read_header
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.job_targets import free_name, name_after
from companion.core.logs import log_to_file
from companion.core.paths import own_adapters_folder, own_models_folder, settings_file
from companion.core.recipes.files import AdapterRecipe, read_recipe, with_changes
from companion.core.recipes.fine_tune import PRESETS, FineTune
from companion.core.recipes.prefer import Prefer
from companion.core.settings import load_settings

A = TypeVar("A", FineTune, Prefer)


def fine_tune(
    *,
    data: Sequence[Path],
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
    wanted = _recipe(preset, recipe, changes)
    wanted = with_files(wanted, data=data, model=model, character=character, start=start)
    return run_training(wanted, output=output, merge=merge, dry_run=dry_run, find_rate=find_rate, as_json=as_json)


def with_files(wanted: A, *, data: Sequence[Path], model: Path | None, character: str | None, start: Path | None) -> A:
    """The recipe with absolute paths of everything it reads, and a name. Raises CompanionError for what is missing."""
    files = data_files(data, wanted.data_files)
    base = _model(model, wanted.model)
    begun = start or (Path(wanted.start_adapter) if wanted.start_adapter else None)
    if begun is not None:
        info = read_adapter(begun)
        refuse_other_base(info, read_header(base), file_sha256(base) if info.base_sha256 else "")
    return replace(
        wanted,
        data_files=files,
        data=with_replay(wanted.data),
        loss=replace(wanted.loss, ewc_from=data_files(list(map(Path, wanted.loss.ewc_from)), ()) if wanted.loss.ewc_from else ()),
        model=str(base),
        character=character_of(character, wanted.character),
        name=name_after(wanted.name or Path(character or files[0]).stem, "adapter"),
        start_adapter=str(begun.absolute()) if begun is not None else "",
    )


def run_training(
    wanted: AdapterRecipe, *, output: Path | None, merge: Path | None, dry_run: bool, find_rate: bool, as_json: bool
) -> int:
    """Make a job of a recipe whose paths are absolute, and work on it; returns the exit status. Raises CompanionError."""
    name = wanted.name
    if merge is not None and output is not None and merge.absolute() == output.absolute():
        raise RecipeError("The adapter and the merged model cannot be one file.", "Give --output and --merge two names.")
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True) as folder:
            return run_job(create_job(wanted, JobOrder(dry_run=True), Path(folder)), as_json=as_json)
    if find_rate:
        picture = str(target(output)) if output is not None else ""
        return run_job(create_job(wanted, JobOrder(find_rate=True, output=picture)), as_json=as_json)
    if wanted.adapter.method == "full":  # its result is a whole model already
        order = JobOrder(output=str(target(merge or output or free_name(own_models_folder(), name))))
    else:
        order = JobOrder(
            output=str(target(output or free_name(own_adapters_folder(), name))),
            merged=str(target(merge)) if merge is not None else "",
        )
    return run_job(create_job(wanted, order), as_json=as_json)


def _recipe(preset: str, file: Path | None, changes: Sequence[str]) -> FineTune:
    if preset not in PRESETS:
        raise RecipeError(f"There is no preset “{preset}”.", f"There are: {', '.join(PRESETS)}.")
    chosen = PRESETS[preset]
    if file is not None:
        chosen = read_recipe(file, FineTune, chosen)
    return with_changes(chosen, list(changes))


def _model(named: Path | None, in_recipe: str) -> Path:
    """The GGUF to train for: the one named, else the one the person chats with. Raises ModelError."""
    path = required_model(named or (Path(in_recipe) if in_recipe else None), load_settings(settings_file()).settings).absolute()
    read_header(path)
    return path
