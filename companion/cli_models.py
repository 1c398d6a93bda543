"""The commands that make another model, smaller, faster, or taught by a larger one, and that find out how it runs best."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from companion.cli_options import AsJson, CardBefore, Changes, DryRun, EventsAsJson, ModelFile, MoreFiles, Quicker

models = typer.Typer()


@models.command()
def distill(
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Dialogues or dataset folders to learn on.", metavar="FILE …")
    ] = None,
    more: MoreFiles = None,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="Who is learned from; the model from the settings otherwise.", metavar="FILE")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="The student: a smaller model that learns.", metavar="STUDENT.gguf")
    ] = None,
    layers: Annotated[
        int,
        typer.Option(
            "--layers", help="Make a student of so many of the teacher's layers, evenly spread.", metavar="N", min=0, max=512
        ),
    ] = 0,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="A recipe; what it does not say is as usual.", metavar="FILE.toml")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="One value of the recipe, such as distillation.hidden=1.", metavar="KEY=VALUE"),
    ] = None,
    character: CardBefore = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the student goes.", metavar="FILE.gguf")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="See every dialogue once.")] = False,
    dry_run: DryRun = False,
    as_json: EventsAsJson = False,
) -> None:
    """Teach a smaller model to answer as a larger one does: it learns the teacher's chances of every word of your dialogues."""
    from companion.commands.distill import distill as run_distill

    raise typer.Exit(
        run_distill(
            data=[*(data or ()), *(more or ())],
            teacher=teacher,
            model=model,
            layers=layers,
            recipe=recipe,
            changes=changes or (),
            character=character,
            output=output,
            quick=quick,
            dry_run=dry_run,
            as_json=as_json,
        )
    )


@models.command()
def quantize(
    model: ModelFile = None,
    adapter: Annotated[Path | None, typer.Option("--adapter", help="Worked into the model first.", metavar="FILE.gguf")] = None,
    size: Annotated[str | None, typer.Option("--max-size", help="The best build of this size.", metavar="80MB")] = None,
    divergence: Annotated[
        float | None,
        typer.Option("--max-kl", help="The fastest build whose words move no further, in nats per token.", metavar="0.02"),
    ] = None,
    small: Annotated[bool, typer.Option("--small", help="With --max-kl: the smallest build instead of the fastest.")] = False,
    speed: Annotated[
        float | None, typer.Option("--min-speed", help="The best build that writes so many tokens per second.", metavar="100")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Dialogues to calibrate with and to measure on.", metavar="FILE …")
    ] = None,
    more: MoreFiles = None,
    character: CardBefore = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the build goes.", metavar="FILE.gguf")] = None,
    pareto: Annotated[
        Path | None,
        typer.Option("--pareto", help="Draw builds of all sizes, and llama.cpp's own beside them.", metavar="FILE.png"),
    ] = None,
    quick: Quicker = False,
    changes: Changes = None,
    as_json: EventsAsJson = False,
) -> None:
    """Make the best build of a model for this machine: smaller, faster, and measured against the original."""
    from companion.commands.quantize import quantize as run_quantize

    raise typer.Exit(
        run_quantize(
            model=model,
            adapter=adapter,
            size=size,
            divergence=divergence,
            small=small,
            speed=speed,
            data=[*(data or ()), *(more or ())],
            character=character,
            output=output,
            pareto=pareto,
            quick=quick,
            changes=changes or (),
            as_json=as_json,
        )
    )


@models.command()
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
    character: CardBefore = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the pruned model goes.", metavar="FILE.gguf")] = None,
    quick: Quicker = False,
    changes: Changes = None,
    as_json: EventsAsJson = False,
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


@models.command()
def tune(
    model: ModelFile = None,
    draft: Annotated[
        Path | None, typer.Option("--draft", help="A smaller model of the same family that guesses ahead.", metavar="FILE.gguf")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="In about 20 seconds, with less tried.")] = False,
    exhaustive: Annotated[bool, typer.Option("--exhaustive", help="Try every combination, which takes minutes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find the settings that a model runs best with on this machine; the engine then uses them."""
    from companion.commands.tune import tune as run_tune

    raise typer.Exit(run_tune(model=model, draft=draft, quick=quick, exhaustive=exhaustive, as_json=as_json))
