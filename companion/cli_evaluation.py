"""The commands that measure models and compare them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from companion.cli_options import Changes, ModelFile, MoreFiles

evaluation = typer.Typer()
DataFiles = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Dialogues or texts to measure with; built-in ones otherwise.", metavar="FILE …"),
]
Suite = Annotated[
    str, typer.Option("--suite", help="What is measured, and on how much.", metavar="quick|standard|full|FILE.toml")
]
Subjects = Annotated[
    list[str], typer.Argument(help="Models, adapters, MODEL+ADAPTER[:SCALE], or reports.", metavar="A B …", show_default=False)
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Where the report goes.", metavar="FILE.json")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Where its page goes, to look at.", metavar="FILE.html")]


@evaluation.command()
def evaluate(
    data: DataFiles = None,
    more: MoreFiles = None,
    suite: Suite = "standard",
    model: ModelFile = None,
    adapters: Annotated[
        list[str] | None,
        typer.Option("--adapter", help="Measure the model without and with this adapter.", metavar="FILE[:SCALE]"),
    ] = None,
    alone: Annotated[bool, typer.Option("--alone", help="With the adapter only, not without it too.")] = False,
    reference: Annotated[
        str | None,
        typer.Option("--reference", help="What divergences are measured from; the first subject otherwise.", metavar="MODEL"),
    ] = None,
    changes: Changes = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
    cross_validate: Annotated[
        Path | None,
        typer.Option(
            "--cross-validate", help="Carry out this recipe once per fold, and measure the rest.", metavar="RECIPE.toml"
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option("--folds", help="Of a cross-validation; otherwise 5, or as many as there are dialogues.", min=2, max=1000),
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", help="Divide anew so many times.", min=1, max=100)] = 1,
    leave_one_out: Annotated[bool, typer.Option("--leave-one-out", help="A fold for every dialogue.")] = False,
) -> None:
    """Say how good a model is, or whether an adapter helps it, and how sure that is; the last line is the verdict."""
    if cross_validate is not None:
        from companion.commands.cross_validate import cross_validate as run_cross_validation

        raise typer.Exit(
            run_cross_validation(
                recipe=cross_validate,
                data=[*(data or ()), *(more or ())],
                folds=folds or 0,
                repeats=repeats,
                leave_one_out=leave_one_out,
                model=model,
                changes=changes or (),
                json_file=json_file,
                html_file=html_file,
            )
        )
    from companion.commands.evaluate import evaluate as run_evaluate

    raise typer.Exit(
        run_evaluate(
            suite=suite,
            model=model,
            adapters=adapters or (),
            alone=alone,
            data=[*(data or ()), *(more or ())],
            reference=reference,
            changes=changes or (),
            json_file=json_file,
            html_file=html_file,
        )
    )


@evaluation.command()
def compare(
    subjects: Subjects,
    data: DataFiles = None,
    suite: Suite = "standard",
    changes: Changes = None,
    json_file: JsonFile = None,
    html_file: HtmlFile = None,
) -> None:
    """Measure several side by side, or pair reports that were measured before."""
    from companion.commands.compare import compare as run_compare

    raise typer.Exit(
        run_compare(
            named=subjects,
            suite=suite,
            data=data or (),
            changes=changes or (),
            json_file=json_file,
            html_file=html_file,
        )
    )


@evaluation.command()
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


@evaluation.command()
def judge(
    a: Annotated[str, typer.Argument(help="A model, adapter, or MODEL+ADAPTER[:SCALE].", metavar="A", show_default=False)],
    b: Annotated[str, typer.Argument(help="Another one.", metavar="B", show_default=False)],
    data: DataFiles = None,
    prompts: Annotated[int, typer.Option("--prompts", help="How often to choose at most.", min=1, max=10_000)] = 20,
    tokens: Annotated[int, typer.Option("--tokens", help="Tokens of a reply at most.", min=1, max=4096)] = 160,
    character: Annotated[
        str | None, typer.Option("--character", help="Whose card stands before dialogues without one.", metavar="CARD")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="The same seed asks the same questions in the same order.", min=0, max=2**31 - 1)
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Pairs out and verdicts in as JSON lines, for programs.")] = False,
) -> None:
    """Choose the better of two replies without knowing whose they are."""
    from companion.commands.judge import judge as run_judge

    raise typer.Exit(
        run_judge(a=a, b=b, data=data or (), prompts=prompts, tokens=tokens, character=character, seed=seed, as_json=as_json)
    )
