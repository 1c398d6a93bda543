"""What `companion tune` tried and chose, as tables; `companion doctor` shows the choices again."""

from __future__ import annotations

from rich.table import Table

from companion.core.amounts import bytes_text
from companion.core.tuning import Choice, Trial


def trials_table(title: str, trials: tuple[Trial, ...]) -> Table:
    table = Table(title=f"\n{title}: what was tried", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in ("setting", "value", "load", "reads tok/s", "writes tok/s", "memory", "divergence", ""):
        table.add_column(heading, justify="right" if heading.endswith(("tok/s", "memory", "divergence")) else "left")
    for each in trials:
        table.add_row(
            each.name,
            each.value,
            each.load if each.read or each.write else "",
            f"{each.read:.0f}" if each.read else "–",
            f"{each.write:.1f}" if each.write else "–",
            bytes_text(each.memory) if each.memory else "–",
            "–" if each.divergence is None else f"{each.divergence:.4f}",
            each.note,
        )
    table.caption = "memory: foreseen with a context of 8,192 tokens; divergence: nats per token from a cache in F16"
    table.caption_justify = "left"
    return table


def choices_table(choices: tuple[Choice, ...]) -> Table:
    table = Table(title="\nWhat was chosen", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in ("setting", "value", "why"):
        table.add_column(heading, overflow="fold")
    for each in choices:
        table.add_row(each.name, each.value, each.reason)
    return table
