"""The commands of `companion`. Every command is imported when it is called, so that none pays for another's libraries."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per reply, for programs.")] = False,
) -> None:
    """Talk in the terminal; with input piped in, each line is answered. Nothing is saved."""
    from companion.commands.chat import chat as run_chat

    raise typer.Exit(run_chat(once=once, model=model, character=character, as_json=as_json))


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


def run(arguments: list[str]) -> int:
    """Run one command line; a CompanionError becomes a sentence on stderr and exit status 1."""
    try:
        app(arguments, standalone_mode=True)
    except CompanionError as error:
        print(error.what, error.remedy, file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains about it at the end
        return 0
    except OSError as error:
        print(f"Something could not be written or read ({error.strerror}).", file=sys.stderr)
        return 1
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    return 0
