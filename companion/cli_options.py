"""Options that several commands of `companion` have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelFile = Annotated[
    Path | None, typer.Option("--model", help="A GGUF model; the one from the settings otherwise.", metavar="FILE")
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(help="More files, as after --data.", metavar="FILE", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="The same as JSON.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="One value of the recipe, as TABLE.FIELD=VALUE.", metavar="KEY=VALUE")
]

CardBefore = Annotated[
    str | None, typer.Option("--character", help="Whose card stands before dialogues without a system message.", metavar="CARD")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Measure and say what it would take, then leave.")]
FindRate = Annotated[bool, typer.Option("--find-rate", help="Try learning rates and say which suits, then leave.")]
Quicker = Annotated[bool, typer.Option("--quick", help="In a few minutes, with less measured.")]
EventsAsJson = Annotated[bool, typer.Option("--json", help="The job's events as JSON lines, for programs.")]
