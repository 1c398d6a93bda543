"""The commands of `companion`. Every command is imported when it is called, so that none pays for another's libraries."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from companion import __version__
from companion.core.errors import CompanionError

app = typer.Typer(
    name="companion",
    help="Talk to a character whose mind is a language model on your own machine. Without a command it opens the window.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ModelFile = Annotated[
    Path | None, typer.Option("--model", help="A GGUF model; the one from the settings otherwise.", metavar="FILE")
]
CharacterFile = Annotated[
    Path | None, typer.Option("--character", help="A character card (PNG, JSON or CHARX); Hoshi otherwise.", metavar="FILE")
]
MoreFiles = Annotated[list[Path] | None, typer.Argument(help="More files, as after --data.", metavar="FILE", show_default=False)]
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What every mistyped command line raises; typer gives it no public name."""


@app.callback(invoke_without_command=True)
def window(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Open the window."""
    if version:
        print(f"Companion {__version__}")
    elif context.invoked_subcommand is None:
        from companion.window import main

        raise typer.Exit(main())


@app.command()
def chat(
    once: Annotated[str | None, typer.Option("--once", help="Say one thing, print the reply and leave.", metavar="TEXT")] = None,
    model: ModelFile = None,
    character: CharacterFile = None,
    adapters: Annotated[
        list[str] | None,
        typer.Option(
            "--adapter",
            help="An adapter for the model, 1.0 strong unless a scale is given; several add up. The character's own otherwise.",
            metavar="FILE[:SCALE]",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per reply, for programs.")] = False,
) -> None:
    """Talk in the terminal; with input piped in, each line is answered. Nothing is saved."""
    from companion.commands.chat import chat as run_chat

    raise typer.Exit(run_chat(once=once, model=model, character=character, as_json=as_json, adapters=adapters or ()))


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False) -> None:
    """Show this machine, the engine's build, and what was measured and chosen for each model."""
    from companion.commands.doctor import doctor as run_doctor

    raise typer.Exit(run_doctor(as_json=as_json))


@app.command()
def mood(
    text: Annotated[str | None, typer.Argument(help="What to read the mood of.", metavar="TEXT")] = None,
    evaluate: Annotated[
        Path | None,
        typer.Option("--evaluate", help="Measure on lines of text, tab, label numbers (0,17; 27 is neutral).", metavar="FILE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Read the mood of a text, sentence by sentence, as the character's face does."""
    from companion.commands.mood import mood as run_mood

    raise typer.Exit(run_mood(text=text, evaluate=evaluate, as_json=as_json))


@app.command("fine-tune")
def fine_tune(
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Dialogues or dataset folders to learn from.", metavar="FILE …")
    ] = None,
    more: MoreFiles = None,
    model: ModelFile = None,
    preset: Annotated[str, typer.Option("--preset", help="How long to learn.", metavar="quick|balanced|thorough")] = "balanced",
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="A recipe; what it does not say comes from the preset.", metavar="FILE.toml")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="One value of the recipe, such as training.epochs=2.", metavar="KEY=VALUE")
    ] = None,
    character: Annotated[
        str | None,
        typer.Option("--character", help="Whose card stands before dialogues without a system message.", metavar="CARD"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Where the adapter goes.", metavar="FILE.gguf")] = None,
    merge: Annotated[
        Path | None, typer.Option("--merge", help="A whole model with the adapter in it as well.", metavar="FILE.gguf")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure and say what it would take, then leave.")] = False,
    find_rate: Annotated[bool, typer.Option("--find-rate", help="Try learning rates and say which suits, then leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The job's events as JSON lines, for programs.")] = False,
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
            output=output,
            merge=merge,
            dry_run=dry_run,
            find_rate=find_rate,
            as_json=as_json,
        )
    )


@app.command()
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


jobs = typer.Typer(name="jobs", help="Work of the workshop: list it, look at it, go on with it, end it.", no_args_is_help=True)
app.add_typer(jobs)
JobId = Annotated[str, typer.Argument(help="A job, or a part of its name; “last” is the newest.", metavar="JOB")]
AsJson = Annotated[bool, typer.Option("--json", help="The same as JSON.")]


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


@jobs.command("cancel")
def jobs_cancel(job: JobId, as_json: AsJson = False) -> None:
    """End a job now; its best checkpoint becomes the result."""
    from companion.commands.jobs import cancel_job

    raise typer.Exit(cancel_job(job, as_json=as_json))


data = typer.Typer(name="data", help="Dialogues to learn from: look at them, clean, vary and divide them.", no_args_is_help=True)
app.add_typer(data)
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


def run(arguments: list[str]) -> int:
    """Run one command line; a CompanionError becomes a sentence on stderr and exit status 1, a mistyped line status 2."""
    try:
        status = app(arguments, prog_name="companion", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except _UsageError as error:
        if shown := _mistyped(error, arguments):
            print(shown, file=sys.stderr)
        return 2
    except CompanionError as error:
        print(error.what, error.remedy, file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains about it at the end
        return 0
    except OSError as error:
        print(f"Something could not be written or read ({error.strerror}).", file=sys.stderr)
        return 1
    except typer.Abort:
        return 1
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1


def _mistyped(error: Any, arguments: list[str]) -> str:
    """What typer found, as a sentence, with where the right way is written; empty when it has shown the help already."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    words = arguments[: 2 if arguments[:1] in (["jobs"], ["data"]) else 1]
    command = error.ctx.command_path if error.ctx else " ".join(["companion", *(word for word in words if word[:1] != "-")])
    needs_value = "requires an argument" in error.format_message()
    what = f"“{error.option_name}” needs a value." if needs_value else error.format_message().rstrip(".") + "."
    return f"{what} “{command} --help” shows how it is written."
