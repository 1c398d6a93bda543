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
from companion.core.job import JobOrder
from companion.core.job_folder import JobFolder, create_job
from companion.core.job_targets import name_after
from companion.core.lineage import trainings
from companion.core.logs import log_to_file
from companion.core.paths import settings_file
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import AdapterRecipe, LearningRecipe, with_changes
from companion.core.settings import load_settings

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
    jobs = list(trainings(new))
    old = against or (_start(jobs[0]) if jobs else "")
    recipe = with_suite("quick" if quick else "standard", data or _held_out(jobs[:1], adapter), ())
    recipe = replace(
        recipe,
        name=name_after(f"{new.stem} gate", "gate")[:80],
        subjects=(subjects.subject(base, [old] if old else []), subjects.subject(base, [adapter])),
        character=character_of(character, _character(jobs) or recipe.character),
    )
    earlier = [job for job in trainings(Path(adapter_use(old).path)) if job.held_out_file.is_file()] if old else []
    recipe = with_changes(_decisive(recipe, earlier), list(changes))
    order = JobOrder(
        output=report_place(json_file), page=report_place(html_file), command=shlex.join(["companion", *sys.argv[1:]])
    )
    if order.output and order.output == order.page:
        raise RecipeError("The report and its page cannot be one file.", "Give --json and --html two names.")
    job = create_job(recipe, order)
    status = run_evaluation(job)
    return status or _decision(job)


def _decisive(recipe: Evaluate, earlier: Sequence[JobFolder]) -> Evaluate:
    """A suite with what a decision rests on, and without what it does not."""
    off = {part: replace(getattr(recipe, part), enabled=False) for part in ("cost", "complexity", "robustness", "tasks")}
    files = tuple(str(job.held_out_file) for job in earlier)
    return replace(
        recipe,
        **off,
        forgetting=replace(recipe.forgetting, enabled=True, files=files),
        gate=replace(recipe.gate, enabled=True),
    )


def _held_out(jobs: Sequence[JobFolder], adapter: str) -> list[Path]:
    """What the training of the new one held back. Raises RecipeError."""
    files = [job.held_out_file for job in jobs if job.held_out_file.is_file()]
    if not files:
        raise RecipeError(
            f"It is not known which dialogues “{Path(adapter_use(adapter).path).name}” was not trained on.",
            "Name some with --data: yours, and none that it learned from.",
        )
    return files


def _start(job: JobFolder) -> str:
    recipe = job.recipe()
    start = recipe.start_adapter if isinstance(recipe, AdapterRecipe) else ""
    return start if start and Path(start).is_file() else ""


def _character(jobs: Sequence[JobFolder]) -> str:
    recipe = jobs[0].recipe() if jobs else None
    return recipe.character if isinstance(recipe, LearningRecipe) else ""


def _decision(job: JobFolder) -> int:
    from companion.workshop.evaluation.gate import adopts
    from companion.workshop.reports.assemble import REPORT_FILE, read_report

    return 0 if adopts(read_report(job.output / REPORT_FILE)) else KEEP
