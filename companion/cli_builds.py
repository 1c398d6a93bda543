"""The commands of the workshop that make other models of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from companion.cli_options import Changes, ModelFile, MoreFiles

builds = typer.Typer()


@builds.command()
def prune(
    model: ModelFile = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="A recipe; options say otherwise where they are given.", metavar="FILE.toml")
    ] = None,
    layers: Annotated[int | None, typer.Option("--layers", help="Take so many whole layers out.", metavar="N")] = None,
    neurons: Annotated[
        str | None, typer.Option("--neurons", help="Take so many of the feed-forward neurons out.", metavar="20%")
    ] = None,
    heads: Annotated[
        str | None,
        typer.Option("--heads", help="Take so many key/value heads out, with their query heads.", metavar="25%"),
    ] = None,
    sparsity: Annotated[
        str | None,
        typer.Option(
            "--sparsity", help="Set so many of the weights to zero; saves neither bytes nor time in llama.cpp.", metavar="50%"
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option("--pattern", help="Zeros in a pattern: of every 4 weights 2 stay. No gain in llama.cpp.", metavar="2:4"),
    ] = None,
    method: Annotated[
        str | None, typer.Option("--method", help="How weights are chosen that become zero.", metavar="wanda|magnitude")
    ] = None,
    recover: Annotated[bool, typer.Option("--recover", help="Then train a little, with the original as the teacher.")] = False,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Dialogues to measure with and to recover on.", metavar="FILE …")
    ] = None,
    more: MoreFiles = None,
    character: Annotated[
        str | None,
        typer.Option("--character", help="Whose card stands before dialogues without a system message.", metavar="CARD"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the pruned model goes.", metavar="FILE.gguf")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="In a few minutes, with less measured.")] = False,
    changes: Changes = None,
    as_json: Annotated[bool, typer.Option("--json", help="The job's events as JSON lines, for programs.")] = False,
) -> None:
    """Make a model smaller by taking out what matters least in it, measured against the original.

    Layers, neurons and heads that are gone save bytes and time, how many is measured. Single weights that become zero do not:
    llama.cpp stores and multiplies zeros as any other number. A matrix that loses columns is written in F16;
    “companion quantize” packs it afterwards.
    """
    from companion.commands.prune import prune as run_prune

    raise typer.Exit(
        run_prune(
            model=model,
            recipe=recipe,
            layers=layers,
            neurons=neurons,
            heads=heads,
            sparsity=sparsity,
            pattern=pattern,
            method=method,
            recover=recover,
            data=[*(data or ()), *(more or ())],
            character=character,
            output=output,
            quick=quick,
            changes=changes or (),
            as_json=as_json,
        )
    )
