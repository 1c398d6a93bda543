"""The commands that teach, and the jobs of the workshop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from companion.cli_options import AsJson, CardBefore, DryRun, EventsAsJson, FindRate, ModelFile, MoreFiles

workshop = typer.Typer()
Preset = Annotated[str, typer.Option("--preset", help="How long to learn.", metavar="quick|balanced|thorough")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="A recipe; what it does not say comes from the preset.", metavar="FILE.toml")
]
FineTuneChanges = Annotated[
    list[str] | None, typer.Option("--set", help="One value of the recipe, such as training.epochs=2.", metavar="KEY=VALUE")
]
StartAdapter = Annotated[
    Path | None, typer.Option("--start-adapter", help="Go on from this adapter instead of a new one.", metavar="FILE.gguf")
]
AdapterOutput = Annotated[Path | None, typer.Option("--output", help="Where the adapter goes.", metavar="FILE.gguf")]
MergedOutput = Annotated[
    Path | None, typer.Option("--merge", help="A whole model with the adapter in it as well.", metavar="FILE.gguf")
]


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
    recipe: RecipeFile = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="One value of the recipe, such as decoder.layers=8.", metavar="KEY=VALUE")
    ] = None,
    character: CardBefore = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the model goes.", metavar="FILE.gguf")] = None,
    dry_run: DryRun = False,
    find_rate: FindRate = False,
    as_json: EventsAsJson = False,
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
