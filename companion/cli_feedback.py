"""The commands that close the loop: learning what a person prefers, and deciding whether what was learned is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from companion.cli_options import Changes, HtmlFile, JsonFile, ModelFile, MoreFiles, StartAdapter

feedback = typer.Typer()


@feedback.command()
def prefer(
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Conversations (conversation:NUMBER) or files of pairs to learn from.", metavar="FILE …"),
    ] = None,
    more: MoreFiles = None,
    method: Annotated[
        str | None, typer.Option("--method", help="How it is learned; kto takes single thumbs too.", metavar="dpo|kto|orpo")
    ] = None,
    model: ModelFile = None,
    preset: Annotated[str, typer.Option("--preset", help="How long to learn.", metavar="quick|balanced|thorough")] = "balanced",
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="A recipe; what it does not say comes from the preset.", metavar="FILE.toml")
    ] = None,
    changes: Changes = None,
    character: Annotated[
        str | None,
        typer.Option("--character", help="Whose card stands before dialogues without a system message.", metavar="CARD"),
    ] = None,
    start: StartAdapter = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the adapter goes.", metavar="FILE.gguf")] = None,
    merge: Annotated[
        Path | None, typer.Option("--merge", help="A whole model with the adapter in it as well.", metavar="FILE.gguf")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure and say what it would take, then leave.")] = False,
    find_rate: Annotated[bool, typer.Option("--find-rate", help="Try learning rates and say which suits, then leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The job's events as JSON lines, for programs.")] = False,
) -> None:
    """Teach which of two replies is better, from thumbs, edits and alternates; the result is an adapter."""
    from companion.commands.prefer import prefer as run_prefer

    raise typer.Exit(
        run_prefer(
            data=[*(data or ()), *(more or ())],
            method=method,
            model=model,
            preset=preset,
            recipe=recipe,
            changes=changes or (),
            character=character,
            start=start,
            output=output,
            merge=merge,
            dry_run=dry_run,
            find_rate=find_rate,
            as_json=as_json,
        )
    )


@feedback.command()
def gate(
    adapter: Annotated[str, typer.Option("--adapter", help="The new adapter.", metavar="FILE[:SCALE]")],
    against: Annotated[
        str | None,
        typer.Option(
            "--against", help="The old one; the one it began from, or the bare model, otherwise.", metavar="FILE[:SCALE]"
        ),
    ] = None,
    model: ModelFile = None,
    character: Annotated[
        str | None, typer.Option("--character", help="Whose card and facts it is measured with.", metavar="CARD")
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Your dialogues that it did not learn from; those held back otherwise.", metavar="FILE …"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="In a minute or two, with less measured.")] = False,
    changes: Changes = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Decide whether a new adapter takes the old one's place: exit status 0 to adopt it, 3 to keep the old one."""
    from companion.commands.gate import gate as run_gate

    raise typer.Exit(
        run_gate(
            adapter=adapter,
            against=against,
            model=model,
            character=character,
            data=data or (),
            quick=quick,
            changes=changes or (),
            json_file=json_file,
            html_file=html_file,
        )
    )
