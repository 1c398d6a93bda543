"""`companion gate`: whether a new adapter takes the old one's place, by a job process and with a report at the end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from companion.commands import subjects
from companion.commands.evaluate import report_place, with_suite
from companion.commands.evaluation import run_evaluation
from companion.commands.job_files import character_of
from companion.core.adapter_use import adapter_use
from companion.core.errors import RecipeError
from companion.core.gate_recipe import Taught, decisive, taught_by
from companion.core.job import JobOrder
from companion.core.job_folder import JobFolder, create_job
from companion.core.job_targets import name_after
from companion.core.logs import log_to_file
from companion.core.paths import settings_file
from companion.core.recipes.files import with_changes
from companion.core.report import adopts
from companion.core.report_file import read_report
from companion.core.settings import load_settings
from companion.core.subject import subject

KEEP: Final = 3
"""Exit status when the old one stays."""


def gate(
    *,
    adapter: str,
    against: str | None,
    model: Path | None,
    character: str | None,
    data: Sequence[Path],
    quick: bool,
    changes: Sequence[str],
    json_file: Path | None,
    html_file: Path | None,
) -> int:
    """Run the command; returns the exit status: 0 to adopt, `KEEP` to keep the old one. Raises CompanionError."""
    log_to_file("terminal")
    settings = load_settings(settings_file()).settings
    new = Path(adapter_use(adapter).path)
    base = model or subjects.base_of(new, settings)
    taught = taught_by(new)
    old = against or taught.start
    recipe = with_suite("quick" if quick else "standard", data or _held_out(taught, new), ())
    recipe = replace(
        recipe,
        name=name_after(f"{new.stem} gate", "gate")[:80],
        subjects=(subject(base, [old] if old else []), subject(base, [adapter])),
        character=character_of(character, taught.character or recipe.character),
    )
    recipe = with_changes(decisive(recipe), list(changes))
    order = JobOrder(
        output=report_place(json_file), page=report_place(html_file), command=shlex.join(["companion", *sys.argv[1:]])
    )
    if order.output and order.output == order.page:
        raise RecipeError("The report and its page cannot be one file.", "Give --json and --html two names.")
    job = create_job(recipe, order)
    status = run_evaluation(job)
    return status or _decision(job)


def _held_out(taught: Taught, adapter: Path) -> list[Path]:
    """What the training of the new one held back. Raises RecipeError."""
    if not taught.held_out:
        raise RecipeError(
            f"It is not known which dialogues “{adapter.name}” was not trained on.",
            "Name some with --data: yours, and none that it learned from.",
        )
    return [Path(taught.held_out)]


def _decision(job: JobFolder) -> int:
    from companion.workshop.reports.assemble import REPORT_FILE

    return 0 if adopts(read_report(job.output / REPORT_FILE)) else KEEP
