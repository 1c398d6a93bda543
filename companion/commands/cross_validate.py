"""`companion evaluate --cross-validate`: how much a fine-tuning helps on dialogues it never saw, and how much that varies.

One job carries the recipe out fold by fold; nothing that is learned is kept, only the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from companion.commands.evaluate import report_order
from companion.commands.evaluation import run_evaluation
from companion.commands.fine_tune import with_files
from companion.core.job import CrossValidation
from companion.core.job_folder import create_job
from companion.core.logs import log_to_file
from companion.core.recipes.files import read_recipe, with_changes
from companion.core.recipes.fine_tune import FineTune


def cross_validate(
    *,
    recipe: Path,
    data: Sequence[Path],
    folds: int,
    repeats: int,
    leave_one_out: bool,
    model: Path | None,
    changes: Sequence[str],
    json_file: Path | None,
    html_file: Path | None,
) -> int:
    """Run the command, with as many folds as are usual for 0; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    wanted = with_changes(read_recipe(recipe, FineTune), list(changes))
    named = replace(wanted, name=wanted.name or recipe.stem)
    ready = with_files(named, data=data, model=model, character=None, start=None)
    asked = CrossValidation(folds=folds, repeats=repeats, leave_one_out=leave_one_out)
    return run_evaluation(create_job(ready, replace(report_order(json_file, html_file), cross_validation=asked)))
