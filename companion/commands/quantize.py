"""`companion quantize`: the best build of a model for this machine and budget, by a job process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.commands.chosen_model import required_model
from companion.commands.job_files import character_of, data_files, target, with_absolute_files
from companion.commands.job_view import run_job
from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.amounts import bytes_of
from companion.core.build_limits import needed_room, refuse_impossible_size
from companion.core.character_library import built_in_character
from companion.core.disk_room import refuse_without_room
from companion.core.errors import RecipeError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import read_header
from companion.core.job import JobOrder
from companion.core.job_folder import create_job, jobs_folder
from companion.core.job_targets import fitted_name, free_name, name_after
from companion.core.logs import log_to_file
from companion.core.paths import own_models_folder, settings_file
from companion.core.recipes.files import with_changes
from companion.core.recipes.quantize import QUICK, Quantize
from companion.core.settings import load_settings


def quantize(
    *,
    model: Path | None,
    adapter: Path | None,
    size: str | None,
    divergence: float | None,
    small: bool,
    speed: float | None,
    data: Sequence[Path],
    character: str | None,
    output: Path | None,
    pareto: Path | None,
    quick: bool,
    changes: Sequence[str],
    as_json: bool,
) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    base = required_model(model, load_settings(settings_file()).settings).absolute()
    header = read_header(base)
    if adapter is not None:
        info = read_adapter(adapter)
        refuse_other_base(info, header, file_sha256(base) if info.base_sha256 else "")
    wanted = QUICK if quick else Quantize()
    limits = {"size": _bytes(size), "divergence": _above_zero("--max-kl", divergence), "speed": _above_zero("--min-speed", speed)}
    budget = replace(wanted.budget, **limits, prefer="size" if small else "speed")
    changed = with_changes(replace(wanted, budget=budget), list(changes))
    where = target(output or free_name(own_models_folder(), fitted_name(base, adapter)))
    wanted = replace(
        changed,
        calibration=with_absolute_files(changed.calibration),
        model=str(base),
        adapter=str(adapter.absolute()) if adapter else "",
        data_files=data_files(data, ()) if data else (),
        character=character_of(character, built_in_character().name),
        name=name_after(where.stem, "model"),
    )
    order = JobOrder(output=str(where), page=str(_picture_place(pareto) or ""))
    refuse_impossible_size(wanted, header)
    refuse_without_room(needed_room(wanted, header, jobs_folder(), where))
    return run_job(create_job(wanted, order), as_json=as_json)


def _picture_place(wanted: Path | None) -> Path | None:
    """Where the picture goes. Raises RecipeError and JobError."""
    if wanted is None:
        return None
    if wanted.suffix.lower() not in {".svg", ".png"}:
        raise RecipeError(f"“{wanted.name}” is neither a PNG nor an SVG file.", "Name one that ends in .png or .svg.")
    return target(wanted)


def _above_zero(option: str, number: float | None) -> float:
    """0 when nothing is asked for, which in a recipe sets no limit. Raises RecipeError."""
    if number is None:
        return 0.0
    if number > 0:
        return number
    raise RecipeError(f"{option} {number:g} is no limit.", "Name more than 0, or leave it out.")


def _bytes(text: str | None) -> int:
    if text is None:
        return 0
    try:
        return int(_above_zero("--max-size", bytes_of(text)))
    except ValueError:
        raise RecipeError(f"“{text}” is no size.", "Write it as 80MB, 1.5GB, 90MiB or a number of bytes.") from None
