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
StartAdapter = Annotated[
    Path | None, typer.Option("--start-adapter", help="Go on from this adapter instead of a new one.", metavar="FILE.gguf")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Where the report goes.", metavar="FILE.json")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Where its page goes, to look at.", metavar="FILE.html")]
