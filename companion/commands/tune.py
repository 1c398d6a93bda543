"""`companion tune`: the settings a model runs best with on this machine, searched under real load, for the engine to use."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from companion.commands.chosen_model import required_model
from companion.commands.tuning_tables import choices_table, trials_table
from companion.core.gguf.header import read_header
from companion.core.logs import log_to_file
from companion.core.messages import LoadOptions
from companion.core.paths import settings_file
from companion.core.settings import load_settings
from companion.engine.ladder import Ladder
from companion.engine.session import inspect
from companion.engine.tuning import TuneRequest, tuned_by_child
from companion.llama.library import Library
from companion.llama.plan import Plan, plan_file, remember
from companion.llama.tuned import Tuned

STEADY = 1.5
"""The same work may take so many times as long at the end as at the beginning; else what was found is not kept."""
STAGES = {"checking": "checking the model", "measuring": "a first measurement"}


def tune(*, model: Path | None, draft: Path | None, quick: bool, exhaustive: bool, as_json: bool) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    settings = load_settings(settings_file()).settings
    path = required_model(model, settings).absolute()
    options = LoadOptions(gpu_layers=settings.gpu_layers)
    header = inspect(path, options)
    if draft is not None:
        read_header(draft)
    library = Library()  # says whether there is a graphics card to use
    console, words = Console(highlight=False, stderr=True), TextColumn("{task.description}")
    with Progress(words, BarColumn(bar_width=24), console=console, transient=True, disable=as_json) as bar:
        task = bar.add_task(f"Tuning {path.stem}", total=1.0)

        def tell(what: str, share: float) -> None:
            bar.update(task, description=f"Tuning {path.stem}: {what}", completed=share)

        plan = Ladder().plan(path, header.layers, options, (), lambda stage, share: tell(STAGES.get(stage, stage), 0.1 * share))
        request = TuneRequest(
            path=str(path), plan=plan, draft=str(draft.absolute()) if draft else "", quick=quick, exhaustive=exhaustive
        )
        found = tuned_by_child(request, lambda what, share: tell(what, 0.1 + 0.9 * share))
    del library
    notice = _kept(path, settings.gpu_layers, plan, found)
    if as_json:
        facts = {"model": str(path), "kept": not notice, "notice": notice, "tuned": msgspec.to_builtins(found)}
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _show(Console(highlight=False), path, found, notice)
    return 0


def _kept(path: Path, gpu_layers: int | None, plan: Plan, found: Tuned) -> str:
    """Keep what was found for the engine; the sentence says why it could not be."""
    if not 1 / STEADY < found.steadiness < STEADY or plan.measurement.was_disturbed:
        return (
            "Another program kept this computer busy meanwhile, so this was not kept: the engine goes on as before. "
            "Tune again when it is quiet."
        )
    with contextlib.suppress(OSError):
        remember(plan_file(path, gpu_layers), replace(plan, tuned=found))
        return ""
    return "What was found could not be saved: is the disk full?"


def _show(console: Console, path: Path, found: Tuned, notice: str) -> None:
    console.print(trials_table(path.name, found.trials))
    console.print(choices_table(found.choices))
    for note in found.notes:
        console.print(Text(note))
    if notice:
        console.print(Text(notice, style="yellow"))
    else:
        told = f"Kept after {found.seconds:.0f} s of measuring: the engine uses it from the next start of this model on."
        console.print(Text(told))
