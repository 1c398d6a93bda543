"""The commands of `companion addon`: llama.cpp and torch for the graphics card, beside a program that never needs them."""

from __future__ import annotations

from typing import Annotated

import typer

from companion.cli_options import AsJson

addon = typer.Typer(
    name="addon",
    help="What lets the graphics card of this computer help: fetched on demand, checked, removable.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="As “companion addon list” calls it.", metavar="cuda|rocm|vulkan|metal")]


@addon.command("list")
def addon_list(as_json: AsJson = False) -> None:
    """Which graphics cards were found, what there is for them, and what is installed."""
    from companion.commands.addon import list_addons

    raise typer.Exit(list_addons(as_json=as_json))


@addon.command("install")
def addon_install(name: Name) -> None:
    """Fetch an add-on, verify every byte, and check it; goes on where it stopped."""
    from companion.commands.addon import install_addon

    raise typer.Exit(install_addon(name))


@addon.command("check")
def addon_check(name: Name) -> None:
    """Try an add-on in a process of its own: what works is used from then on, what does not stays off."""
    from companion.commands.addon import check_addon

    raise typer.Exit(check_addon(name))


@addon.command("remove")
def addon_remove(name: Name) -> None:
    """Delete an add-on, also one that is not complete."""
    from companion.commands.addon import remove_addon

    raise typer.Exit(remove_addon(name))
