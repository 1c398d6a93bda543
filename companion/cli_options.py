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
