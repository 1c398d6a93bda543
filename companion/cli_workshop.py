"""The commands of the workshop: teaching, evaluating, and the jobs that do it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from companion.cli_options import AsJson, Changes, ModelFile, MoreFiles

workshop = typer.Typer()
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
Preset = Annotated[str, typer.Option("--preset", help="How long to learn.", metavar="quick|balanced|thorough")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="A recipe; what it does not say comes from the preset.", metavar="FILE.toml")
]
FineTuneChanges = Annotated[
    list[str] | None, typer.Option("--set", help="One value of the recipe, such as training.epochs=2.", metavar="KEY=VALUE")
]
CardBefore = Annotated[
    str | None, typer.Option("--character", help="Whose card stands before dialogues without a system message.", metavar="CARD")
]
StartAdapter = Annotated[
    Path | None, typer.Option("--start-adapter", help="Go on from this adapter instead of a new one.", metavar="FILE.gguf")
]
AdapterOutput = Annotated[Path | None, typer.Option("--output", help="Where the adapter goes.", metavar="FILE.gguf")]
MergedOutput = Annotated[
    Path | None, typer.Option("--merge", help="A whole model with the adapter in it as well.", metavar="FILE.gguf")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Measure and say what it would take, then leave.")]
FindRate = Annotated[bool, typer.Option("--find-rate", help="Try learning rates and say which suits, then leave.")]
EventsAsJson = Annotated[bool, typer.Option("--json", help="The job's events as JSON lines, for programs.")]


@workshop.command("fine-tune")
def fine_tune(
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Dialogues or dataset folders to learn from.", metavar="FILE …")
    ] = None,
    more: MoreFiles = None,
    model: ModelFile = None,
    preset: Preset = "balanced",
    recipe: RecipeFile = None,
    changes: FineTuneChanges = None,
    character: CardBefore = None,
    start: StartAdapter = None,
    output: AdapterOutput = None,
    merge: MergedOutput = None,
    dry_run: DryRun = False,
    find_rate: FindRate = False,
    as_json: EventsAsJson = False,
) -> None:
    """Teach the model you chat with from dialogues; the result is an adapter."""
    from companion.commands.fine_tune import fine_tune as run_fine_tune

    raise typer.Exit(
        run_fine_tune(
            data=[*(data or ()), *(more or ())],
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


@workshop.command()
def prefer(
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Conversations (conversation:NUMBER) or files of pairs to learn from.", metavar="FILE …"),
    ] = None,
    more: MoreFiles = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="How it is learned; kto takes single thumbs too.", metavar="dpo|kto|orpo"),
    ] = None,
    model: ModelFile = None,
    preset: Preset = "balanced",
    recipe: RecipeFile = None,
    changes: FineTuneChanges = None,
    character: CardBefore = None,
    start: StartAdapter = None,
    output: AdapterOutput = None,
    merge: MergedOutput = None,
    dry_run: DryRun = False,
    find_rate: FindRate = False,
    as_json: EventsAsJson = False,
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


@workshop.command()
def pretrain(
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Text, dialogues or dataset folders to learn from.", metavar="FILE …")
    ] = None,
    more: MoreFiles = None,
    preset: Annotated[str, typer.Option("--preset", help="How large the model is.", metavar="tiny|small|medium")] = "small",
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="A recipe; what it does not say comes from the preset.", metavar="FILE.toml")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="One value of the recipe, such as decoder.layers=8.", metavar="KEY=VALUE")
    ] = None,
    character: Annotated[
        str | None,
        typer.Option("--character", help="Whose card stands before dialogues without a system message.", metavar="CARD"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the model goes.", metavar="FILE.gguf")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure and say what it would take, then leave.")] = False,
    find_rate: Annotated[bool, typer.Option("--find-rate", help="Try learning rates and say which suits, then leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The job's events as JSON lines, for programs.")] = False,
) -> None:
    """Make a small model of your own from nothing: vocabulary, weights and chat template."""
    from companion.commands.pretrain import pretrain as run_pretrain

    raise typer.Exit(
        run_pretrain(
            data=[*(data or ()), *(more or ())],
            preset=preset,
            recipe=recipe,
            changes=changes or (),
            character=character,
            output=output,
            dry_run=dry_run,
            find_rate=find_rate,
            as_json=as_json,
        )
    )


@workshop.command()
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
    character: Annotated[
        str | None,
        typer.Option("--character", help="Whose card stands before dialogues without a system message.", metavar="CARD"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the build goes.", metavar="FILE.gguf")] = None,
    pareto: Annotated[
        Path | None,
        typer.Option("--pareto", help="Draw builds of all sizes, and llama.cpp's own beside them.", metavar="FILE.png"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="In a few minutes, with less measured.")] = False,
    changes: Changes = None,
    as_json: Annotated[bool, typer.Option("--json", help="The job's events as JSON lines, for programs.")] = False,
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


@workshop.command()
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
    folds: Annotated[int, typer.Option("--folds", help="Of a cross-validation.", min=2, max=1000)] = 5,
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
                folds=folds,
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


@workshop.command()
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


@workshop.command()
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


@workshop.command()
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
) -> None:
    """Choose the better of two replies without knowing whose they are."""
    from companion.commands.judge import judge as run_judge

    raise typer.Exit(run_judge(a=a, b=b, data=data or (), prompts=prompts, tokens=tokens, character=character, seed=seed))


jobs = typer.Typer(name="jobs", help="Work of the workshop: list it, look at it, go on with it, end it.", no_args_is_help=True)
JobId = Annotated[str, typer.Argument(help="A job, or a part of its name; “last” is the newest.", metavar="JOB")]


@jobs.command("list")
def jobs_list(as_json: AsJson = False) -> None:
    """Every job, the newest first."""
    from companion.commands.jobs import list_jobs

    raise typer.Exit(list_jobs(as_json=as_json))


@jobs.command("show")
def jobs_show(job: JobId, as_json: AsJson = False) -> None:
    """What happened in a job so far."""
    from companion.commands.jobs import show_job

    raise typer.Exit(show_job(job, as_json=as_json))


@jobs.command("resume")
def jobs_resume(job: JobId, as_json: AsJson = False) -> None:
    """Go on with a job from its last checkpoint."""
    from companion.commands.jobs import resume_job

    raise typer.Exit(resume_job(job, as_json=as_json))


@jobs.command("delete")
def jobs_delete(job: JobId) -> None:
    """Delete a job's folder with its checkpoints. What it made elsewhere stays."""
    from companion.commands.jobs import delete_job

    raise typer.Exit(delete_job(job))


@jobs.command("cancel")
def jobs_cancel(job: JobId, as_json: AsJson = False) -> None:
    """End a job now; its best checkpoint becomes the result."""
    from companion.commands.jobs import cancel_job

    raise typer.Exit(cancel_job(job, as_json=as_json))
