"""`companion mood`: what the classifier reads in a text, and how good it is on examples with known labels."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from companion.core.conversation import plain_text
from companion.core.errors import CompanionError
from companion.core.moods import LABELS, Mood, split_sentences
from companion.mood.classifier import MoodReader
from companion.mood.evaluation import Report, Row, measure

SHOWN_SCORES = 3
MOST_PIPED = 4 * 1024 * 1024


def mood(*, text: str | None, evaluate: Path | None, as_json: bool) -> int:
    """Print the mood of each sentence, or the table of an evaluation; returns the exit status."""
    if evaluate is not None and text is not None:
        raise CompanionError("A text and a file cannot be read at once.", "Leave out one of the two.")
    if evaluate is not None:
        report = measure(MoodReader.load(), evaluate)
        if as_json:
            print(msgspec.json.encode(report).decode())
        else:
            _print_report(report)
        return 0
    if text is None and not sys.stdin.isatty():
        text = sys.stdin.buffer.read(MOST_PIPED).decode("utf-8", errors="replace")
    sentences = split_sentences(plain_text(text or ""))
    if not sentences:
        raise CompanionError("There is no text to read.", "Give one: companion mood “I missed you!”")
    moods = MoodReader.load().read(sentences)
    if as_json:
        found = [_plain(sentence, each) for sentence, each in zip(sentences, moods, strict=True)]
        print(json.dumps(found, indent=2))
    else:
        _print_moods(sentences, moods)
    return 0


def _best(mood: Mood) -> list[tuple[str, float]]:
    return sorted(zip(LABELS, mood.scores, strict=True), key=lambda pair: -pair[1])


def _plain(sentence: str, mood: Mood) -> dict[str, object]:
    return {
        "text": sentence,
        "label": mood.label,
        "group": mood.group,
        "score": round(mood.score, 4),
        "valence": round(mood.valence, 4),
        "arousal": round(mood.arousal, 4),
        "scores": {label: round(score, 4) for label, score in _best(mood)},
    }


def _print_moods(sentences: list[str], moods: list[Mood]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("sentence", overflow="fold")
    table.add_column("mood", style="bold")
    table.add_column("strongest")
    table.add_column("valence", justify="right")
    table.add_column("arousal", justify="right")
    for sentence, each in zip(sentences, moods, strict=True):
        others = [(label, score) for label, score in _best(each) if label != each.label][: SHOWN_SCORES - 1]
        shown_first = [(each.label, each.scores[LABELS.index(each.label)]), *others]
        strongest = ", ".join(f"{label} {score:.2f}" for label, score in shown_first)
        table.add_row(Text(sentence), each.label, strongest, f"{each.valence:+.2f}", f"{each.arousal:+.2f}")
    console = Console(highlight=False)
    console.print(table)
    console.print("[dim]A score of 0.5 is its label's own threshold; of those above it, the likeliest label is shown.[/dim]")


def _print_report(report: Report) -> None:
    console = Console(highlight=False)
    console.print(
        f"{report.examples:,} examples: macro-F1 {report.macro_f1:.3f}, micro-F1 {report.micro_f1:.3f}, AUC {report.auc:.3f}"
    )
    console.print(f"Ekman groups: macro-F1 {report.group_macro_f1:.3f}, the mood shown is right in {report.group_accuracy:.1%}")
    for name, found in (("Valence", report.valence), ("Arousal", report.arousal)):
        console.print(f"{name}: mean squared error {found.mse:.3f}, R² {found.r2:.3f}")
    console.print(_table("label", report.labels))
    console.print(_table("group", report.groups))


def _table(kind: str, rows: tuple[Row, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(kind)
    for heading in ("precision", "recall", "F1", "examples"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(row.name, f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}", f"{row.support:,}")
    return table
