"""Add-ons on this computer: where they are, how their check went, who uses them, and removing one.

An add-on is a folder of its name: `engine` holds llama.cpp's libraries, `site` the unpacked wheels. It has that name when every
byte in it was verified; until then it is a folder whose name ends in `.part`. It is used once a check in a child process has
found it sound with this version of the program.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from companion import __version__
from companion.core.addons.manifest import DEVICE_NAMES, Addon, Device
from companion.core.errors import AddonError
from companion.core.files import read_json, write_atomic
from companion.core.job_lock import holder
from companion.core.paths import own_addons_folder

ENGINE, SITE, USERS = "engine", "site", "users"
FETCHED, WHOLE = "fetched", "whole"
"""In an unfinished one: what was fetched, and marks for the parts that are in their place."""
_MADE_OF, _CHECKED = "addon.json", "checked.json"
LOADING: Final = ".loading"
WITHOUT: Final = "COMPANION_WITHOUT_ADDON"
"""When set, no add-on is used: for whoever looks for a fault, and while one is checked."""

State = Literal["absent", "unfinished", "unchecked", "refused", "on"]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How the check of an add-on ended."""

    version: str = __version__
    """Of the program that checked."""
    what: str = ""
    """What is wrong; empty when it is sound."""
    remedy: str = ""
    cards: tuple[str, ...] = ()
    """As llama.cpp calls them."""
    torch: str = ""
    """Its version, and what it computes on; empty when the add-on brings none."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How one add-on stands on this computer."""

    device: Device
    state: State = "absent"
    addon: Addon | None = None
    """What is installed."""
    checked: Checked | None = None
    """The last check, also one by an earlier version of the program."""
    bytes: int = 0
    """What is there of an unfinished one to go on from."""


def place(device: Device) -> Path:
    return own_addons_folder() / device


def unfinished_place(device: Device) -> Path:
    return own_addons_folder() / f"{device}.part"


def _going(device: Device) -> Path:
    """What is being deleted."""
    return own_addons_folder() / f"{device}.going"


def standing(device: Device) -> Standing:
    folder = place(device)
    if (addon := read_json(folder / _MADE_OF, Addon)) is None:
        there = any(each.is_dir() for each in (unfinished_place(device), folder, _going(device)))
        return Standing(device=device, state="unfinished" if there else "absent", bytes=unfinished_bytes(device))
    checked = read_json(folder / _CHECKED, Checked)
    if checked is None or checked.version != __version__:
        return Standing(device=device, state="unchecked", addon=addon, checked=checked)
    return Standing(device=device, state="refused" if checked.what else "on", addon=addon, checked=checked)


def standings() -> tuple[Standing, ...]:
    """Every add-on of which something is there."""
    found = (standing(device) for device in DEVICE_NAMES)
    return tuple(each for each in found if each.state != "absent")


def in_use() -> Standing | None:
    """The one that workers use; None without any that is sound, or while add-ons are switched off."""
    if os.environ.get(WITHOUT) or not own_addons_folder().is_dir():
        return None
    return next((each for each in standings() if each.state == "on"), None)


def unfinished_bytes(device: Device) -> int:
    """What is there to go on from."""
    there = 0
    for folder, _, files in os.walk(unfinished_place(device)):  # which does not mind what goes or moves meanwhile
        for name in files:
            with contextlib.suppress(OSError):
                there += Path(folder, name).stat().st_size
    return there


def note_content(folder: Path, addon: Addon) -> None:
    """Write down what a folder was made of, the last thing before it gets its name. Raises OSError."""
    write_atomic(folder / _MADE_OF, msgspec.json.encode(addon))


def note_check(device: Device, checked: Checked) -> None:
    """Keep how a check ended: from now on it is used, or stays off. Raises AddonError."""
    try:
        write_atomic(place(device) / _CHECKED, msgspec.json.encode(replace(checked, version=__version__)))
    except OSError as error:
        what = f"How the check ended could not be kept ({error.strerror}), so the add-on stays off."
        raise AddonError(what, "Make room on the disk, then check it again.") from error


def switch_off(device: Device) -> None:
    """Nobody who starts now uses it, until it is checked again. Raises AddonError."""
    try:
        (place(device) / _CHECKED).unlink(missing_ok=True)
    except OSError as error:
        raise AddonError(f"The add-on could not be switched off ({error.strerror}).", "Try again.") from error


def users(device: Device) -> tuple[int, ...]:
    """The numbers of the living processes that use it, other than this one."""
    found = (holder(mark) for mark in (place(device) / USERS).glob("*"))
    return tuple(sorted({pid for pid in found if pid and pid != os.getpid()}))


def remove(device: Device) -> None:
    """Delete it, also what is unfinished. Raises AddonError, above all while a process uses it."""
    if standing(device).state == "absent":
        raise AddonError(f"The add-on “{device}” is not installed.", "")
    remove_installed(device)
    _delete(unfinished_place(device))


def remove_installed(device: Device) -> None:
    """Only what has its name. Raises AddonError."""
    refuse_while_used(device)
    going = _going(device)
    _delete(going)  # from a time when it could not be deleted
    if place(device).exists():
        try:
            place(device).replace(going)  # at once for all who start now; Windows refuses while a library is loaded
        except OSError as error:
            raise _stays(error) from error
        _delete(going)


def refuse_while_used(device: Device) -> None:
    """Raises AddonError."""
    if processes := users(device):
        named = ", ".join(map(str, processes))
        what = f"The add-on is in use by {'a process' if len(processes) == 1 else 'processes'} of Companion ({named})."
        raise AddonError(what, "Close its windows and chats, pause its jobs, then try again.")


def _delete(folder: Path) -> None:
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise _stays(error) from error


def _stays(error: OSError) -> AddonError:
    what = f"The add-on could not be deleted ({error.strerror or error})."
    return AddonError(what, "Close other windows of Companion, then remove it again.")
