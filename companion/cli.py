"""The commands of `companion`. Every command is imported when it is called, so that none pays for another's libraries."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from companion import __version__
from companion.cli_addon import addon
from companion.cli_data import data
from companion.cli_evaluation import evaluation
from companion.cli_models import models
from companion.cli_options import AsJson, ModelFile
from companion.cli_workshop import jobs, workshop
from companion.core.errors import CompanionError

app = typer.Typer(
    name="companion",
    help="Talk to a character whose mind is a language model on your own machine. Without a command it opens the window.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(workshop)
app.add_typer(models)
app.add_typer(evaluation)
app.add_typer(jobs)
app.add_typer(data)
app.add_typer(addon)

CharacterFile = Annotated[
    Path | None, typer.Option("--character", help="A character card (PNG, JSON or CHARX); Hoshi otherwise.", metavar="FILE")
]
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What every mistyped command line raises; typer gives it no public name."""


@app.callback(invoke_without_command=True)
def window(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Try every part of this installation, in a home of its own: some minutes.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Where the self-test leaves its pictures.", metavar="FOLDER")
    ] = None,
) -> None:
    """Open the window."""
    if version:
        print(f"Companion {__version__}")
    elif self_test:
        from companion.commands.self_test import self_test as run_self_test

        raise typer.Exit(run_self_test(keep))
    elif context.invoked_subcommand is None:
        from companion.screen import open_window

        raise typer.Exit(open_window())


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
def doctor(
    as_json: AsJson = False,
    benchmark: Annotated[
        bool, typer.Option("--benchmark", help="Measure memory, disk and every quantization type first, in 20 seconds.")
    ] = False,
) -> None:
    """Show this machine, the engine's build, and what was measured and chosen for each model."""
    from companion.commands.doctor import doctor as run_doctor

    raise typer.Exit(run_doctor(as_json=as_json, benchmark=benchmark))


@app.command()
def updates(as_json: AsJson = False) -> None:
    """Ask once for the newest version and say what is new; nothing is installed."""
    from companion.commands.updates import updates as run_updates

    raise typer.Exit(run_updates(as_json=as_json))


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
        what = f"“{error.filename}”" if error.filename else "Something"
        print(f"{what} could not be written or read ({error.strerror}).", file=sys.stderr)
        return 1
    except typer.Abort:
        return 1
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1


def _mistyped(error: Any, arguments: list[str]) -> str:
    """What typer found, as a sentence, with where the right way is written; empty when it has shown the help already."""
    if type(error).__name__ == "NoArgsIsHelpError":
        return ""
    words = arguments[: 2 if arguments[:1] in (["jobs"], ["data"], ["addon"]) else 1]
    command = error.ctx.command_path if error.ctx else " ".join(["companion", *(word for word in words if word[:1] != "-")])
    needs_value = "requires an argument" in error.format_message()
    what = f"“{error.option_name}” needs a value." if needs_value else error.format_message().rstrip(".") + "."
    return f"{what} “{command} --help” shows how it is written."
