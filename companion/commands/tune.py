"""`companion tune`: the settings a model runs best with on this machine, searched under real load, for the engine to use."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from companion.commands.chosen_model import required_model
from companion.commands.tuning_tables import choices_table, trials_table
from companion.core.logs import log_to_file
from companion.core.paths import settings_file
from companion.core.settings import load_settings
from companion.core.tuning import TuneWish
from companion.engine.tuned_model import tune_model
from companion.llama.tuned import Tuned


def tune(*, model: Path | None, draft: Path | None, quick: bool, exhaustive: bool, as_json: bool) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    log_to_file("terminal")
    settings = load_settings(settings_file()).settings
    path = required_model(model, settings).absolute()
    wish = TuneWish(
        model=str(path),
        gpu_layers=settings.gpu_layers,
        draft=str(draft.absolute()) if draft else "",
        quick=quick,
        exhaustive=exhaustive,
    )
    console, words = Console(highlight=False, stderr=True), TextColumn("{task.description}")
    with Progress(words, BarColumn(bar_width=24), console=console, transient=True, disable=as_json) as bar:
        task = bar.add_task(f"Tuning {path.stem}", total=1.0)

        found, notice = tune_model(
            wish, lambda what, share: bar.update(task, description=f"Tuning {path.stem}: {what}", completed=share)
        )
    if as_json:
        facts = {"model": str(path), "kept": not notice, "notice": notice, "tuned": msgspec.to_builtins(found)}
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _show(Console(highlight=False), path, found, notice)
    return 0


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
