"""`companion addon`: what lets the graphics card help, installed, checked and removed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from companion.commands.printable import printable
from companion.commands.worker import events, tell, worker
from companion.core.addons.installed import Checked, Standing, note_check, remove, standing, standings, switch_off
from companion.core.addons.manifest import DEVICE_NAMES, Addon, Device, read_manifest, suiting, without_addon
from companion.core.addons.messages import (
    CheckEnded,
    Checking,
    Install,
    Installed,
    Installing,
    decode_check_event,
    decode_install_event,
)
from companion.core.addons.words import DOING, WHERE, WHO, died, licence_words, offer_words, state_words
from companion.core.amounts import bytes_text, duration_text
from companion.core.download_messages import FetchFailed
from companion.core.errors import AddonError
from companion.core.hardware import probe
from companion.core.processes import exit_sentence

INTERRUPTED: Final = 130
"""Exit status of a program that Ctrl-C ended, by the shells' convention."""


def list_addons(*, as_json: bool) -> int:
    """Print what was found, what there is and how it stands. Raises CompanionError."""
    gpus = probe().gpus
    offered, here = _offered(), {now.device: now for now in standings()}
    if as_json:
        facts = {"cards": gpus, "offered": offered, "here": tuple(here.values())}
        print(msgspec.json.encode(facts).decode())
        return 0
    for each in offered:
        print(f"{each.device}: {printable(offer_words(each))}")
        print(f"  {printable(licence_words(each))}")
        print(f"  {printable(state_words(here.pop(each.device, Standing(device=each.device))))}")
    for now in here.values():
        print(f"{now.device}: {printable(state_words(now))}")
    if not offered:
        print(without_addon(gpus))
    return 0


def install_addon(name: str) -> int:
    """Fetch what is missing, then check it; returns the exit status, 1 when it stays off. Raises CompanionError."""
    device = _device(name)
    addon = next((each for each in _offered() if each.device == device), None)
    if addon is None:
        raise AddonError(f"There is no add-on “{device}” for this computer.", without_addon(probe().gpus))
    try:
        with _progress() as (bar, task):

            def show(event: Installing) -> None:
                left = f", {duration_text(event.seconds_left)} left" if event.seconds_left else ""
                of = f"{bytes_text(event.done)} of {bytes_text(event.bytes)}{left}"
                words = f"{DOING[event.stage]} {event.file} ({of})"
                bar.update(task, description=printable(words), completed=event.done / event.bytes)

            _install(addon, show)
    except KeyboardInterrupt:
        print(f"Stopped; what came is kept: “companion addon install {device}” goes on.", file=sys.stderr)
        return INTERRUPTED
    print(f"Installed: {bytes_text(addon.unpacked)}, every checksum verified.")
    return check_addon(device)


def check_addon(name: str) -> int:
    """Returns the exit status, 1 when it stays off. Raises CompanionError."""
    device = _device(name)
    _required(device)
    switch_off(device)
    try:
        with _progress() as (bar, task):
            checked = _checked(device, lambda what: bar.update(task, description="Checking the add-on"))
    except KeyboardInterrupt:
        print("Stopped; the add-on stays off until it is checked.", file=sys.stderr)
        return INTERRUPTED
    note_check(device, checked)
    if checked.what:
        print(checked.what, checked.remedy, file=sys.stderr)
        return 1
    print(printable(state_words(standing(device))))
    return 0


def remove_addon(name: str) -> int:
    """Raises AddonError."""
    device = _device(name)
    remove(device)
    print(f"The add-on “{device}” is removed; everything runs on the processor.")
    return 0


def _offered() -> tuple[Addon, ...]:
    return suiting(read_manifest(), probe())


def _device(name: str) -> Device:
    """Raises AddonError."""
    for device in DEVICE_NAMES:
        if device == name.lower():
            return device
    raise AddonError(f"There is no add-on “{name}”.", "“companion addon list” names those for this computer.")


def _required(device: Device) -> None:
    now = standing(device)
    if now.state == "absent":
        raise AddonError(f"The add-on “{device}” is not installed.", f"“companion addon install {device}” fetches it.")
    if now.addon is None:
        raise AddonError(f"The add-on “{device}” is not complete.", f"“companion addon install {device}” goes on with it.")


def _install(addon: Addon, show: Callable[[Installing], None]) -> None:
    with worker("download") as process:
        tell(process, Install(addon=addon))
        for event in events(process, decode_install_event):
            if isinstance(event, Installing):
                show(event)
            elif isinstance(event, FetchFailed):
                raise AddonError(event.what, event.remedy)
            elif isinstance(event, Installed):
                return
    what = exit_sentence("The download", process.wait())
    raise AddonError(what, f"What came is kept: “companion addon install {addon.device}” goes on.")


def _checked(device: Device, show: Callable[[str], None]) -> Checked:
    trying = ""
    with worker("check-addon", device) as process:
        for event in events(process, decode_check_event):
            if isinstance(event, Checking):
                trying = event.what
                show(trying)
            elif isinstance(event, CheckEnded):
                return event.checked
    return died(exit_sentence(WHO, process.wait(), WHERE), trying)


@contextmanager
def _progress() -> Iterator[tuple[Progress, Any]]:
    console = Console(highlight=False, stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield bar, bar.add_task("", total=1.0)
