"""Standard tasks by lm-evaluation-harness (the extra “tasks”): any task runs whose data is on this machine.

Nothing is fetched and nothing in a task file of one's own is run. Tasks that come with the harness may run their own code,
which was installed with it.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from companion.core.errors import CompanionError, DatasetError, RecipeError
from companion.core.report import Better, Items, Metric, Section, Table
from companion.workshop.evaluation.combine import combined
from companion.workshop.evaluation.family import Situation
from companion.workshop.evaluation.opened import Opened
from companion.workshop.evaluation.task_files import refuse_code

KEY: Final = "tasks"
TITLE: Final = "Standard tasks"
MISSING: Final = "lm-evaluation-harness is not installed. Install it with: pip install “companion[tasks]”."
_OFFLINE: Final = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE", "TRANSFORMERS_OFFLINE")
_READ_ONCE: Final = (
    ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_HUB_OFFLINE"),
    ("datasets.config", "HF_DATASETS_OFFLINE"),
)
"""Where libraries keep what they read of these when they were imported."""
_UNITS: Final = {"word_perplexity": "", "byte_perplexity": "", "bits_per_byte": "bits per byte", "perplexity": ""}
_RELATIVE: Final = 1e-6
"""How close the units of a metric must come to the harness's own number to be kept as its items."""


def measure(situation: Situation) -> Section:
    """Raises RecipeError for a task that does not exist or would run something, DatasetError for one without its data."""
    options = situation.recipe.tasks
    if not options.names:
        why = 'No tasks are named. Put their names into the table “tasks”, such as names = ["hellaswag"].'
        return Section(key=KEY, title=TITLE, state="skipped", why=why)
    with _offline():
        try:
            import lm_eval  # optional
        except ImportError:
            return Section(key=KEY, title=TITLE, state="skipped", why=MISSING)
        results = run_tasks(situation.opened, options.names, options.folder, options.limit, situation.tell)
        version = str(getattr(lm_eval, "__version__", ""))
    metrics = [metric for task in results["results"] for metric in _metrics(task, results)]
    notes = [f"Computed in this process by lm-evaluation-harness {version}, without any network."]
    if options.limit:
        notes.append(f"Only the first {options.limit:,} questions of each task were asked: others’ numbers are of all of them.")
    return Section(
        key=KEY,
        title=TITLE,
        explained="Tests that others run too, so that numbers can be compared.",
        metrics=tuple(metrics),
        tables=(_versions(results),),
        notes=tuple(notes),
    )


def run_tasks(opened: Opened, names: Sequence[str], folder: str, limit: int, tell: Any = lambda share: None) -> dict[str, Any]:
    """What the harness's `simple_evaluate` gives back, with samples. Paths in task files are relative to `folder`.

    Raises as `measure`; ImportError without the harness.
    """
    import lm_eval
    from lm_eval.api.registry import METRIC_REGISTRY
    from lm_eval.tasks import TaskManager

    from companion.workshop.evaluation.harness import EngineLM

    own = Path(folder).expanduser().resolve() if folder else None
    if own is not None:
        refuse_code(own, set(METRIC_REGISTRY))
    with _sandboxed_templates(), contextlib.chdir(own or Path.cwd()):
        try:
            manager = TaskManager(include_path=str(own) if own else None, include_defaults=own is None)
            if own is not None and not set(names) <= set(manager.all_tasks):
                manager = TaskManager(include_path=str(own))
            if unknown := [name for name in names if name not in manager.all_tasks]:
                remedy = "`lm-eval ls tasks` lists those that come with the harness."
                raise RecipeError(f"There is no task called “{unknown[0]}”.", remedy)
            found: dict[str, Any] = lm_eval.simple_evaluate(
                model=EngineLM(opened, tell),
                tasks=list(names),
                task_manager=manager,
                limit=limit or None,
                log_samples=True,
                bootstrap_iters=0,
            )
        except CompanionError:
            raise
        except (OSError, ValueError, KeyError, TypeError, ImportError, AssertionError, RuntimeError, TemplateError) as error:
            raise DatasetError(
                f"The tasks {', '.join(names)} cannot be run: {_first_line(error)}",
                "Their data must be on this machine: run the task once with lm-eval where there is a network, or check its file.",
            ) from error
    return found


def _metrics(task: str, results: dict[str, Any]) -> Iterator[Metric]:
    samples = results.get("samples", {}).get(task, [])
    higher = results.get("higher_is_better", {}).get(task, {})
    for key, value in results["results"][task].items():
        name, _, how = key.partition(",")
        if not how or name.endswith("_stderr") or not isinstance(value, int | float):
            continue
        way = f", {how}" if how != "none" else ""
        direction: Better = "" if higher.get(name) is None else "higher" if higher[name] else "lower"
        finite = math.isfinite(value)
        mine = [sample for sample in samples if sample.get("filter", how) == how]
        yield Metric(
            key=f"{KEY}.{task}.{name}{':' + how if way else ''}",
            title=f"{task}: {name}{way}",
            value=float(value) if finite else None,
            unit=_UNITS.get(name, "share" if 0 <= value <= 1 else ""),
            better=direction,
            explained=f"“{name}” of the task “{task}”, as lm-evaluation-harness counts it.",
            why="" if finite else "The harness found no number. Ask more questions.",
            count=len(mine),
            units="questions",
            items=_items(task, name, float(value), mine) if finite else None,
        )


def _items(task: str, name: str, value: float, samples: Sequence[dict[str, Any]]) -> Items | None:
    """The questions one by one, when they add up to the harness's own number; None when it is no sum of theirs."""
    names = tuple(f"{task} {sample['doc_id']}" for sample in samples)
    if not samples or len(set(names)) != len(names):
        return None
    found = [sample.get(name) for sample in samples]
    candidates: list[Items] = []
    if all(isinstance(each, bool | int | float) for each in found):
        candidates.append(Items(names=names, vectors=tuple((float(each), 1.0) for each in found)))  # type: ignore[arg-type]
    elif all(isinstance(each, tuple | list) and len(each) == 2 for each in found):
        pairs = [(-float(total), float(weight)) for total, weight in found]  # type: ignore[misc]
        candidates.append(Items(names=names, vectors=tuple(pairs), combine="exp-ratio"))
        candidates.append(Items(names=names, vectors=tuple((total / math.log(2), weight) for total, weight in pairs)))
    for items in candidates:
        again = combined(items)
        if again is not None and math.isclose(again, value, rel_tol=_RELATIVE, abs_tol=_RELATIVE):
            return items
    return None


def _versions(results: dict[str, Any]) -> Table:
    shots, versions, asked = (results.get(key, {}) for key in ("n-shot", "versions", "n-samples"))
    rows = [
        (task, str(versions.get(task, "")), str(shots.get(task, "")), f"{asked.get(task, {}).get('effective', 0):,}")
        for task in results["results"]
    ]
    return Table(
        title="What was asked",
        header=("task", "version", "examples before each question", "questions"),
        rows=tuple(rows),
        explained="Numbers of one task compare only with the same version and as many examples.",
    )


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """No part of the harness may use the network, whether its libraries were imported before or not."""
    before = {name: os.environ.get(name) for name in _OFFLINE}
    os.environ |= dict.fromkeys(_OFFLINE, "1")
    changed: list[tuple[Any, str, Any]] = []
    for module, name in _READ_ONCE:
        known = sys.modules.get(module)
        if known is not None and hasattr(known, name):
            changed.append((known, name, getattr(known, name)))
            setattr(known, name, True)
    try:
        yield
    finally:
        for known, name, value in changed:
            setattr(known, name, value)
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old


@contextlib.contextmanager
def _sandboxed_templates() -> Iterator[None]:
    """The harness renders the templates of task files with all of Python in reach; here they get Jinja's sandbox."""
    import lm_eval.utils

    before = lm_eval.utils.env
    safe = ImmutableSandboxedEnvironment(
        loader=before.loader, undefined=before.undefined, keep_trailing_newline=before.keep_trailing_newline
    )
    safe.filters |= before.filters
    lm_eval.utils.env = safe
    try:
        yield
    finally:
        lm_eval.utils.env = before


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    line = text[0] if text else type(error).__name__
    return line[:300] + ("" if line.endswith((".", "!", "?")) else ".")
