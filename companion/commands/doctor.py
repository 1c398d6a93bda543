"""`companion doctor`: what the program knows about this machine and chose for it."""

from __future__ import annotations

import json

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from companion import __version__
from companion.commands.tuning_tables import choices_table
from companion.core.addons.installed import standings
from companion.core.addons.words import state_words
from companion.core.amounts import bytes_text
from companion.core.benchmark import Benchmark
from companion.core.hardware import describe, probe
from companion.core.paths import cache_folder, data_folder, log_folder, settings_file, starter_model
from companion.llama.benchmark import measure_machine, remembered_benchmark
from companion.llama.library import Library, build_description
from companion.llama.plan import Plan, all_plans


def doctor(*, as_json: bool, benchmark: bool = False) -> int:
    """Print the findings; returns the exit status (1 when something needed is missing)."""
    library = Library()
    hardware, plans, starter = probe(), all_plans(), starter_model()
    folders = {"data": data_folder(), "settings": settings_file(), "cache": cache_folder(), "logs": log_folder()}
    speeds = _measured(show=not as_json) if benchmark else remembered_benchmark()
    del library
    if as_json:
        facts = {
            "version": __version__,
            "engine": build_description(),
            "hardware": msgspec.to_builtins(hardware),
            "starter_model": str(starter or ""),
            "folders": {name: str(path) for name, path in folders.items()},
            "plans": msgspec.to_builtins(plans),
            "benchmark": msgspec.to_builtins(speeds),
        }
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return 0 if starter else 1
    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("Companion", __version__),
        *describe(hardware),
        ("Engine", f"llama.cpp through llama-cpp-python {build_description()}"),
    ]
    rows += [("Add-on", f"{each.device}: {state_words(each)}") for each in standings()]
    rows.append(("Starter model", str(starter) if starter else "missing: run packaging/start.py again"))
    rows += [(name.capitalize(), str(path)) for name, path in folders.items()]
    for name, value in rows:
        table.add_row(name, Text(value))
    console.print(table)
    if speeds is not None:
        _show_speeds(console, speeds)
    for plan in plans:
        console.print(_plan_table(plan))
        if plan.tuned is not None:
            console.print(choices_table(plan.tuned.choices))
    if not plans:
        console.print("\nNo model has been measured yet; the first start of a model does it.")
    return 0 if starter else 1


def _measured(*, show: bool) -> Benchmark:
    console = Console(highlight=False, stderr=True)
    with Progress(
        TextColumn("Measuring this machine"), BarColumn(bar_width=24), console=console, transient=True, disable=not show
    ) as bar:
        task = bar.add_task("", total=1.0)
        return measure_machine(lambda done: bar.update(task, completed=done))


def _show_speeds(console: Console, speeds: Benchmark) -> None:
    """How many weights of each type a second takes; llama.cpp repacks rows for this processor where it can."""
    disk = f", disk {bytes_text(round(speeds.disk_write))}/s" if speeds.disk_write else ""
    title = f"\nMeasured with {speeds.threads} threads: memory {bytes_text(round(speeds.memory_bandwidth))}/s{disk}"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in ("type", "bits", "writing", "repacked", "reading", "repacked"):
        table.add_column(heading, justify="left" if heading == "type" else "right")
    for each in speeds.types:
        repacked = [f"{value:,.1f}" if value else "–" for value in (each.write_repacked, each.read_repacked)]
        table.add_row(each.kind, f"{each.bits:.2f}", f"{each.write:,.1f}", repacked[0], f"{each.read:,.1f}", repacked[1])
    table.caption = "billions of weights per second: of one token at a time, and of many at once"
    table.caption_justify = "left"
    console.print(table)
    if speeds.notice:
        console.print(Text(speeds.notice, style="yellow"))


def _plan_table(plan: Plan) -> Table:
    chosen = plan.measurement
    title = f"\n{plan.model}: runs on rung “{plan.rung}”, {plan.health}"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in ("threads", "batch", "flash attention", "after tokens", "prompt tok/s", "reply tok/s"):
        table.add_column(heading, justify="right")
    for speed in chosen.speeds:
        reply = f"{speed.reply:.0f}" if speed.reply else "–"
        table.add_row(
            str(speed.threads),
            str(speed.batch),
            "on" if speed.flash_attention else "off",
            f"{speed.depth:,}",
            f"{speed.prompt:.0f}",
            reply,
        )
    attention = "on" if chosen.flash_attention else "off"
    table.caption = f"chosen: {chosen.threads} threads, batch {chosen.batch}, flash attention {attention}"
    table.caption_justify = "left"
    for sentence in plan.notes:
        table.caption += f"\n{sentence}"
    if plan.tuned is not None:
        table.caption += "\nIt was tuned since, and runs so:"
    return table
