"""Evaluations that take a second or two: tiny models, a handful of dialogues, short replies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from companion.core.job import JobOrder
from companion.core.job_folder import JobFolder, create_job
from companion.core.recipes.evaluate import Evaluate
from companion.core.recipes.files import with_changes
from companion.core.report import Report
from companion.core.report_file import read_report

SMALL = (
    "likelihood.dialogues=6",
    "likelihood.most_tokens=256",
    "likelihood.context=64",
    "replies.dialogues=6",
    "replies.tokens=6",
    "replies.at_once=3",
    "replies.samples=2",
    "persona.enabled=false",
    "safety.enabled=false",
    "mood.enabled=false",
    "robustness.enabled=false",
    "cost.enabled=false",
    "complexity.enabled=false",
    "certainty.draws=100",
)
"""Likelihood, divergence, overlap and talk only: the other families have tests of their own."""
PARTS = ["likelihood", "divergence", "overlap", "talk"]


def write_suite(path: Path, *changes: str) -> Path:
    """A suite file that says the same."""
    tables: dict[str, list[str]] = {}
    for change in (*SMALL, *changes):
        table, _, rest = change.partition(".")
        tables.setdefault(table, []).append(rest)
    path.write_text('kind = "evaluate"\n' + "".join(f"[{table}]\n" + "\n".join(lines) + "\n" for table, lines in tables.items()))
    return path


def small_evaluation(subjects: Sequence[Sequence[str]], data: Path, *changes: str, **order: object) -> JobFolder:
    recipe = Evaluate(name="small", subjects=tuple(map(tuple, subjects)), data_files=(str(data),))
    return create_job(with_changes(recipe, [*SMALL, *changes]), JobOrder(**order))


def report_of(job: JobFolder) -> Report:
    return read_report(job.output / "report.json")


def without_times(report: Report) -> Any:
    """What must be the same when the same is measured again."""
    told = msgspec.to_builtins(report)
    told.pop("began", None)
    told.pop("seconds", None)
    for one in told["measured"]:
        one["sections"] = [section for section in one["sections"] if section["key"] != "cost"]
        for section in one["sections"]:
            section.pop("seconds", None)
    return told
