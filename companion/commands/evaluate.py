"""`companion evaluate`: how good a model is, or whether an adapter helps it, by a job process and with a report at the end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.commands import subjects
from companion.commands.chosen_model import required_model
from companion.commands.evaluation import run_evaluation
from companion.commands.job_files import character_of, data_files, target
from companion.core.errors import RecipeError
from companion.core.job import JobOrder
from companion.core.job_folder import create_job
from companion.core.job_targets import name_after
from companion.core.logs import log_to_file
from companion.core.paths import settings_file
from companion.core.recipes.evaluate import Evaluate
from companion.core.settings import load_settings
from companion.core.subject import subject
from companion.core.suites import read_suite


def evaluate(
    *,
    suite: str,
    model: Path | None,
    adapters: Sequence[str],
    alone: bool,
    data: Sequence[Path],
    reference: str | None,
    changes: Sequence[str],
    json_file: Path | None,
    html_file: Path | None,
) -> int:
    """Run the command; returns the exit status. With adapters the model is measured without and with them, unless they are
    to be measured `alone`. Raises CompanionError."""
    log_to_file("terminal")
    settings = load_settings(settings_file()).settings
    base = required_model(model, settings)
    if alone and not adapters:
        raise RecipeError("There is no adapter to be measured alone.", "Name one with --adapter, or leave --alone out.")
    with_adapters = subject(base, adapters)
    wanted = (with_adapters,) if alone or not adapters else (with_adapters[:1], with_adapters)
    recipe = with_suite(suite, data, changes)
    against = subjects.parse(reference, settings) if reference else ()
    return measure(replace(recipe, subjects=wanted, reference=against or recipe.reference), json_file, html_file)


def measure(recipe: Evaluate, json_file: Path | None, html_file: Path | None) -> int:
    """Make a job of the recipe and run it. Raises CompanionError."""
    stems = (Path(files[-1].partition(".gguf")[0]).stem for files in recipe.subjects)
    name = recipe.name or name_after(" ".join(stems), "evaluation")
    return run_evaluation(create_job(replace(recipe, name=name[:80]), report_order(json_file, html_file)))


def report_order(json_file: Path | None, html_file: Path | None) -> JobOrder:
    """For a job that ends in a report. Raises JobError and RecipeError."""
    command = shlex.join(["companion", *sys.argv[1:]])
    order = JobOrder(output=report_place(json_file), page=report_place(html_file), command=command)
    if order.output and order.output == order.page:
        raise RecipeError("The report and its page cannot be one file.", "Give --json and --html two names.")
    return order


def with_suite(suite: str, data: Sequence[Path], changes: Sequence[str]) -> Evaluate:
    """The recipe of a suite, by its name or as a file, with absolute paths. Raises RecipeError."""
    recipe = read_suite(suite, changes)
    files = data_files(data, recipe.data_files) if data or recipe.data_files else ()
    who = character_of(None, recipe.character) if recipe.character else ""
    return replace(recipe, data_files=files, character=who)


def report_place(path: Path | None) -> str:
    """Where a report goes: a new file, or one that was a report before. Raises JobError."""
    from companion.workshop.reports.assemble import is_report

    if path is None:
        return ""
    return str(path.absolute() if path.is_file() and is_report(path) else target(path))
