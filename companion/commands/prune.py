"""`companion prune`: a smaller model, without what matters least in it, by a job process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.commands.chosen_model import required_model
from companion.commands.job_files import character_of, data_files, target, with_absolute_files
from companion.commands.job_view import run_job
from companion.core.amounts import share_of
from companion.core.character_library import built_in_character
from companion.core.errors import RecipeError
from companion.core.gguf.header import read_header
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.job_targets import free_name, name_after
from companion.core.logs import log_to_file
from companion.core.paths import own_models_folder, settings_file
from companion.core.recipes.files import read_recipe, with_changes
from companion.core.recipes.prune import QUICK, Prune
from companion.core.settings import load_settings


def prune(
    *,
    model: Path | None,
    recipe: Path | None,
    layers: int | None,
    neurons: str | None,
    heads: str | None,
    sparsity: str | None,
    pattern: str | None,
    method: str | None,
    recover: bool,
    data: Sequence[Path],
    character: str | None,
    output: Path | None,
    quick: bool,
    changes: Sequence[str],
    as_json: bool,
) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    from companion.workshop.pruning.plan import planned

    log_to_file("terminal")
    wanted = QUICK if quick else Prune()
    if recipe is not None:
        wanted = read_recipe(recipe, Prune, wanted)
    named = Path(wanted.model) if model is None and wanted.model else model
    base = required_model(named, load_settings(settings_file()).settings).absolute()
    header = read_header(base)
    told = {
        "layers": layers,
        "neurons": _share(neurons),
        "heads": _share(heads),
        "sparsity": _share(sparsity),
        "pattern": pattern,
        "method": method,
    }
    asked = [f"{name}={value}" for name, value in told.items() if value is not None]
    if recover and not wanted.recovery.is_wanted:
        asked.append("recovery.epochs=1")
    wanted = with_changes(wanted, [*asked, *changes])
    planned(wanted, header)
    where = target(output or free_name(own_models_folder(), name_after(f"{base.stem}-pruned", "model")))
    wanted = replace(
        wanted,
        model=str(base),
        data_files=data_files(data, wanted.data_files) if data or wanted.data_files else (),
        character=character_of(character, wanted.character or built_in_character().name),
        calibration=with_absolute_files(wanted.calibration),
        name=name_after(where.stem, "model"),
    )
    return run_job(create_job(wanted, JobOrder(output=str(where))), as_json=as_json)


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return share_of(text)
    except ValueError:
        raise RecipeError(f"“{text}” is no share.", "Write it as 20% or 0.2.") from None
