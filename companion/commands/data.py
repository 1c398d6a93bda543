"""`companion data`: what is in a dataset, what is wrong with it, and a cleaner, larger or divided copy of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from companion.commands.printable import printable
from companion.core.dataset import DatasetSource, Dialogue
from companion.core.dataset_findings import CleaningOptions, Finding, Inspection, Spread
from companion.core.dataset_messages import SplitData, WriteDataset
from companion.core.errors import DatasetError
from companion.workshop.data.cleaning.pipeline import Cleaning
from companion.workshop.data.inspection import inspect
from companion.workshop.data.writing import write_cleaned, write_parts

SHOWN_TURNS, SHOWN_CASES = 6, 5


def inspect_data(*, files: Sequence[str], model: Path | None, language: str, mask: Sequence[str], as_json: bool) -> int:
    """Print what the files hold and what a cleaning would find; returns the exit status. Raises CompanionError."""
    options = CleaningOptions(language=language, mask=split_list(mask))
    if model is None:
        found = inspect(files, options)
    else:
        from companion.workshop.data.token_counts import counting

        with counting(model) as count:
            found = inspect(files, options, count)
    if as_json:
        print(msgspec.json.encode(found).decode())
    else:
        _print_inspection(found)
    return 0


def clean_data(
    *,
    files: Sequence[str],
    output: Path | None,
    language: str,
    mask: Sequence[str],
    skip: Sequence[str],
    similar: float,
    dry_run: bool,
    as_json: bool,
) -> int:
    """List what is found, then write what is kept as a dataset folder; the files themselves stay as they are."""
    options = CleaningOptions(language=language, mask=split_list(mask), skip=split_list(skip), similar=similar)
    if dry_run:
        cleaning = Cleaning(files, options)
        for _ in cleaning.dialogues():
            pass
        _report_cleaning(cleaning, None, as_json=as_json)
        return 0
    wanted = WriteDataset(files=tuple(files), output=str(required(output)), cleaning=options)
    written, cleaning = write_cleaned(wanted, lambda done: None)
    _report_cleaning(cleaning, None, as_json=False, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        _report_cleaning(cleaning, written, as_json=True)
    else:
        print(f"\n{written.dialogues:,} dialogues are in “{output}”.")
    return 0


def split_data(
    *,
    files: Sequence[str],
    output: Path | None,
    held_out: float,
    folds: int,
    group_by: str,
    stratify_by: str,
    seed: int,
    as_json: bool,
) -> int:
    """Write the parts as dataset folders: "train" and "held-out", or one for each fold."""
    folder = required(output)
    wanted = SplitData(
        files=tuple(files),
        output=str(folder),
        held_out=held_out,
        folds=folds,
        group_by=group_by,
        stratify_by=stratify_by,
        seed=seed,
    )
    written, membership = write_parts(wanted)
    if as_json:
        facts = {name: source.dialogues for name, source in written.items()}
        print(json.dumps({"parts": facts, "without_field": membership.unlabelled}, ensure_ascii=False))
        return 0
    for name, source in written.items():
        print(f"{source.dialogues:,} dialogues are in “{folder / name}”.")
    for field, missing in sorted(membership.unlabelled.items()):
        print(f"{missing:,} dialogues have no “{field}”.")
    return 0


def required(output: Path | None) -> Path:
    if output is None:
        raise DatasetError("There is no folder to write to.", "Name one with --output FOLDER.")
    return output


def split_list(values: Sequence[str]) -> tuple[str, ...]:
    """Options may be given several times or with commas between them."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Each finding as a sentence with its first examples."""
    for finding in findings:
        mark = "•" if finding.changes else "ⓘ"
        console.print(Text(f"{mark} {finding.sentence}", style="bold"))
        for case in finding.cases[:SHOWN_CASES]:
            after = f"  →  {case.after}" if case.after else ""
            console.print(Text(printable(f"    {case.place}: {case.before}{after}")))


def _report_cleaning(cleaning: Cleaning, written: DatasetSource | None, *, as_json: bool, file: Any = None) -> None:
    findings = cleaning.findings()
    if as_json:
        facts = {"read": cleaning.read, "kept": cleaning.kept, "findings": msgspec.to_builtins(findings)}
        print(json.dumps({**facts, "source": msgspec.to_builtins(written)}, ensure_ascii=False))
        return
    console = Console(highlight=False, file=file)
    show_findings(console, findings)
    if not findings:
        console.print("Nothing was found to clean.")
    console.print(f"{cleaning.kept:,} of {cleaning.read:,} dialogues are kept.")


def _print_inspection(found: Inspection) -> None:
    console = Console(highlight=False)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for source, form in found.files.items():
        table.add_row(form, Text(printable(source)))
    table.add_row("dialogues", f"{found.dialogues:,}, {found.learned_replies:,} replies to learn from")
    for role, counts in found.roles.items():
        table.add_row(role, f"{counts.turns:,} turns, {counts.words:,} words")
    table.add_row("turns per dialogue", _spread(found.turns_per_dialogue))
    table.add_row("words per reply", _spread(found.words_per_reply))
    if found.preferences:
        table.add_row("preferences", found.preferences)
    if found.tokens_per_dialogue is not None:
        table.add_row("tokens per dialogue", _spread(found.tokens_per_dialogue))
    for name, values in found.labels.items():
        shares = ", ".join(f"{value} {count:,}" for value, count in list(values.items())[:8])
        table.add_row(f"label {printable(name)}", Text(printable(shares)))
    console.print(table)
    for number, dialogue in enumerate(found.examples, 1):
        _print_dialogue(console, number, dialogue)
    console.print(f"\nA cleaning would keep {found.kept_by_cleaning:,} of {found.dialogues:,} dialogues.")
    show_findings(console, found.findings)


def _print_dialogue(console: Console, number: int, dialogue: Dialogue) -> None:
    console.print(f"\n[dim]Example {number}[/dim]")
    for turn in dialogue.messages[:SHOWN_TURNS]:
        text = " ".join(turn.content.split())
        console.print(Text(printable(f"  {turn.role}: {text[:200]}{'…' if len(text) > 200 else ''}")))
    if len(dialogue.messages) > SHOWN_TURNS:
        console.print(f"  [dim]… and {len(dialogue.messages) - SHOWN_TURNS} more turns[/dim]")


def _spread(spread: Spread) -> str:
    return (
        f"{spread.middle:,} in the middle, {spread.five_percent:,} to {spread.ninety_five_percent:,} in nine of ten, "
        f"{spread.smallest:,} to {spread.largest:,} in all"
    )
