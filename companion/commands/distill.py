"""`companion distill`: a smaller student that learns from a teacher, by a job process."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.commands.chosen_model import required_model
from companion.commands.job_files import character_of, data_files, target, with_replay
from companion.commands.job_view import run_job
from companion.core.gguf.header import read_header
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.job_targets import free_name, name_after
from companion.core.logs import log_to_file
from companion.core.paths import data_folder, settings_file
from companion.core.recipes.distill import QUICK, Distill, refuse_as_many_layers, refuse_impossible
from companion.core.recipes.files import read_recipe, with_changes
from companion.core.settings import load_settings


def distill(
    *,
    data: Sequence[Path],
    teacher: Path | None,
    model: Path | None,
    layers: int,
    recipe: Path | None,
    changes: Sequence[str],
    character: str | None,
    output: Path | None,
    quick: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    wanted = QUICK if quick else Distill()
    if recipe is not None:
        wanted = read_recipe(recipe, Distill, wanted)
    wanted = with_changes(wanted, list(changes))
    if model is not None or layers:  # what is typed counts before what a recipe says of either
        wanted = replace(wanted, model=str(model or ""), student=replace(wanted.student, layers=layers))
    named = teacher or (Path(wanted.teacher) if wanted.teacher else None)
    from_whom = required_model(named, load_settings(settings_file()).settings).absolute()
    student = Path(wanted.model).absolute() if wanted.model else None
    header = read_header(from_whom)
    if student is not None:
        read_header(student)
    wanted = replace(
        wanted,
        teacher=str(from_whom),
        model=str(student or ""),
        data_files=data_files(data, wanted.data_files),
        data=with_replay(wanted.data),
        character=character_of(character, wanted.character),
    )
    wanted = replace(wanted, name=name_after(wanted.name or f"{(student or from_whom).stem}-student", "student"))
    refuse_impossible(wanted)
    refuse_as_many_layers(wanted, header)
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="companion-", ignore_cleanup_errors=True) as folder:
            return run_job(create_job(wanted, JobOrder(dry_run=True), Path(folder)), as_json=as_json)
    is_adapter = student is not None and wanted.adapter.method == "lora"
    folder_of_result = data_folder() / ("adapters" if is_adapter else "models")
    order = JobOrder(output=str(target(output or free_name(folder_of_result, wanted.name))))
    return run_job(create_job(wanted, order), as_json=as_json)
