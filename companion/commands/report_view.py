"""A report in a terminal: a table of what counts, what could not be measured, and the verdict as the last line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from companion.commands.printable import printable
from companion.core.figures import between, measured, outcome, signed
from companion.core.report import Comparison, Metric, Report

_STYLES = {"worse": "red", "better": "green"}


def show_report(report: Report, files: Sequence[Path] = (), console: Console | None = None) -> None:
    """Print it. Names of files and subjects steer nothing."""
    console = console or Console(highlight=False)
    if (table := _table(report)).row_count:
        console.print(table)
    for one in report.measured:
        for section in one.sections:
            if section.state == "failed":
                console.print(f"[yellow]{_safe(one.subject.name)}: {_safe(section.title)}: {_safe(section.why)}[/]")
    for file in files:
        console.print(f"[dim]{_safe(str(file))}[/]", soft_wrap=True)
    console.print(f"[bold]{_safe(' '.join(report.verdict.split()))}[/]", soft_wrap=True)


def _table(report: Report) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    names = [one.subject.name for one in report.measured]
    for title in ("measure", *names, *("difference" for _ in names[1:])):
        table.add_column(_safe(title))
    found = [one.metrics() for one in report.measured]
    known = {key: metric for metrics in reversed(found) for key, metric in metrics.items() if metric.headline}
    keys = dict.fromkeys(key for metrics in found for key, metric in metrics.items() if metric.headline)
    for key in keys:
        title = known[key].title
        unit = known[key].unit
        named = f"{title}, {unit}" if unit not in {"", "share", "bytes"} else title
        differences = (_difference(report.comparisons, key, name, known[key]) for name in names[1:])
        table.add_row(_safe(named), *(_value(metrics.get(key)) for metrics in found), *differences)
    return table


def _value(metric: Metric | None) -> str:
    if metric is None:
        return "–"
    interval = between(metric.interval, metric.unit)
    return f"{measured(metric)} [dim]({interval})[/]" if interval else measured(metric)


def _difference(comparisons: Sequence[Comparison], key: str, name: str, metric: Metric) -> str:
    one = next((one for one in comparisons if one.key == key and one.b == name), None)
    if one is None:
        return "–"
    word = outcome(one, metric.better)
    shown = f"[{_STYLES.get(word, 'dim')}]{word}[/]" if word else ""
    return f"{signed(one.difference, one.unit)} {shown}".strip()


def _safe(text: str) -> str:
    return escape(printable(text))
