"""The commands of `companion data`: what one learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from companion.cli_options import AsJson, ModelFile

data = typer.Typer(name="data", help="Dialogues to learn from: look at them, clean, vary and divide them.", no_args_is_help=True)
Sources = Annotated[
    list[str], typer.Argument(help="Files, dataset folders, or conversations as conversation:NUMBER.", metavar="FILE …")
]
NewFolder = Annotated[Path | None, typer.Option("--output", help="A new dataset folder.", metavar="FOLDER")]
Language = Annotated[str, typer.Option("--language", help="Find dialogues in other languages than this.", metavar="en|de|…")]
Masks = Annotated[list[str] | None, typer.Option("--mask", help="Mask what nobody should learn.", metavar="email,phone,key")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and write nothing.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same result.", min=0, max=2**31 - 1)]


@data.command("inspect")
def data_inspect(
    files: Sources,
    model: Annotated[Path | None, typer.Option("--model", help="Count tokens of this GGUF.", metavar="FILE")] = None,
    language: Language = "",
    mask: Masks = None,
    as_json: AsJson = False,
) -> None:
    """How many dialogues, who speaks, how long, examples, and what a cleaning would find."""
    from companion.commands.data import inspect_data

    raise typer.Exit(inspect_data(files=files, model=model, language=language, mask=mask or (), as_json=as_json))


@data.command("clean")
def data_clean(
    files: Sources,
    output: NewFolder = None,
    language: Language = "",
    mask: Masks = None,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", help="Steps to leave out.", metavar="encoding,markers,empty,copies,lengths,boilerplate"),
    ] = None,
    similar: Annotated[
        float, typer.Option("--similar", help="From which likeness a dialogue counts as a copy.", min=0.3, max=1)
    ] = 0.8,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """List what is wrong, then write the rest as a dataset; the files stay as they are."""
    from companion.commands.data import clean_data

    raise typer.Exit(
        clean_data(
            files=files,
            output=output,
            language=language,
            mask=mask or (),
            skip=skip or (),
            similar=similar,
            dry_run=dry_run,
            as_json=as_json,
        )
    )


@data.command("augment")
def data_augment(
    files: Sources,
    output: NewFolder = None,
    synonyms: Annotated[float, typer.Option("--synonyms", help="Share of words that become another.", min=0, max=1)] = 0.0,
    delete: Annotated[float, typer.Option("--delete", help="Share of words that go.", min=0, max=1)] = 0.0,
    swap: Annotated[float, typer.Option("--swap", help="Share of words that change places.", min=0, max=1)] = 0.0,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="Sentences in another order.")] = False,
    paraphrase: Annotated[bool, typer.Option("--paraphrase", help="The local model says it in other words.")] = False,
    back_translate: Annotated[
        str, typer.Option("--back-translate", help="The local model translates there and back.", metavar="LANGUAGE")
    ] = "",
    turns: Annotated[str, typer.Option("--turns", help="Whose words change.", metavar="user|assistant|all")] = "user",
    most: Annotated[int, typer.Option("--most", help="Vary no more dialogues than this; 0 all.", min=0)] = 0,
    model: ModelFile = None,
    seed: Seed = 0,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add other versions of the dialogues; each method is off unless asked for, and shown before and after."""
    from companion.commands.augment_data import augment_data

    raise typer.Exit(
        augment_data(
            files=files,
            output=output,
            synonyms=synonyms,
            delete=delete,
            swap=swap,
            shuffle=shuffle,
            paraphrase=paraphrase,
            back_translate=back_translate,
            turns=turns,
            most=most,
            model=model,
            seed=seed,
            dry_run=dry_run,
            as_json=as_json,
        )
    )


@data.command("split")
def data_split(
    files: Sources,
    output: NewFolder = None,
    held_out: Annotated[float, typer.Option("--held-out", help="Share that is only measured.", min=0.001, max=0.9)] = 0.1,
    folds: Annotated[int, typer.Option("--folds", help="Divide into so many parts instead.", min=0, max=1000)] = 0,
    group_by: Annotated[
        str, typer.Option("--group-by", help="Keep dialogues with the same value together.", metavar="FIELD")
    ] = "",
    stratify_by: Annotated[str, typer.Option("--stratify-by", help="The same mix of values in each part.", metavar="FIELD")] = "",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Divide by dialogue; copies, and versions of one dialogue, stay together."""
    from companion.commands.data import split_data

    raise typer.Exit(
        split_data(
            files=files,
            output=output,
            held_out=held_out,
            folds=folds,
            group_by=group_by,
            stratify_by=stratify_by,
            seed=seed,
            as_json=as_json,
        )
    )


@data.command("feedback")
def data_feedback(files: Sources, output: NewFolder = None, as_json: AsJson = False) -> None:
    """What thumbs, edits and chosen alternates say: replies to learn from, and which of two is better."""
    from companion.commands.feedback import feedback

    raise typer.Exit(feedback(files=files, output=output, as_json=as_json))
