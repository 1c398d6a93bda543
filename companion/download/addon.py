"""Installing an add-on: every part is fetched, verified by its SHA-256, and put in its place; then the folder gets its name.

What is in its place is marked, and its file deleted at once: the disk never holds more than one part twice, and a process that
was killed is gone on with at the part it was at.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from msgspec.structs import replace

from companion.core.addons.installed import (
    ENGINE,
    FETCHED,
    SITE,
    WHOLE,
    note_content,
    place,
    refuse_while_used,
    remove_installed,
    standing,
    unfinished_place,
)
from companion.core.addons.manifest import Addon, Part
from companion.core.addons.messages import Installed, Installing
from companion.core.disk_room import Need, refuse_without_room
from companion.core.download_messages import FetchBegan, FetchChecking, FetchEvent, FetchProgress
from companion.core.errors import AddonError, WorkshopError
from companion.core.fingerprint import file_sha256
from companion.core.job_lock import JobLock
from companion.core.paths import own_addons_folder
from companion.download.fetch import Promised, ask_safely, fetch_address
from companion.download.wheel import unpack

Stage = Literal["asking", "fetching", "verifying", "unpacking"]
Tell = Callable[[Installing], None]
_ROOM: Final = "Make room on that disk, then go on: what came is kept."


def install(addon: Addon, tell: Tell) -> Installed:
    """Raises CompanionError; what can be gone on with stays on the disk. The add-on is not used before it was checked."""
    own_addons_folder().mkdir(parents=True, exist_ok=True)
    lock = JobLock(own_addons_folder() / f".{addon.device}.lock")
    if not lock.acquire():
        raise AddonError("Another window or terminal is installing this add-on.", "Wait for it, or stop it there.")
    try:
        ask_safely()
        _install(addon, tell)
    finally:
        lock.release()
    return Installed(path=str(place(addon.device)))


def _install(addon: Addon, tell: Tell) -> None:
    if standing(addon.device).addon == addon:
        return
    folder = unfinished_place(addon.device)
    refuse_while_used(addon.device)  # before gigabytes are fetched: the old one will have to go
    missing = [part for part in addon.parts if not _mark(folder, part).exists()]
    _refuse_full_disk(folder, missing)
    done = addon.bytes - sum(part.bytes for part in missing)
    try:
        for part in missing:
            _put_in_place(part, folder, _Teller(addon, part, done, tell))
            done += part.bytes
        for each in (FETCHED, WHOLE):
            shutil.rmtree(folder / each, ignore_errors=True)
        note_content(folder, addon)
        remove_installed(addon.device)
        folder.replace(place(addon.device))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise AddonError("The disk is full.", _ROOM) from error
        what = f"The add-on could not be written ({error.strerror or error})."
        raise AddonError(what, "Check that you may write to your data folder, then go on: what came is kept.") from error


def _put_in_place(part: Part, folder: Path, teller: _Teller) -> None:
    fetched = folder / FETCHED / part.file
    if not fetched.is_file() or file_sha256(fetched) != part.sha256:
        teller.tell("asking", 0)
        fetch_address(Promised(part.url, part.bytes, part.sha256, ""), fetched, teller.hear)
    teller.tell("unpacking", part.bytes)
    if part.kind == "wheel":
        try:
            unpack(fetched, folder / SITE, part.unpacked)
        except AddonError:
            fetched.unlink()
            raise
    else:
        (folder / ENGINE).mkdir(exist_ok=True)
        fetched.replace(folder / ENGINE / part.file)
    if hasattr(os, "sync"):
        os.sync()  # a mark never lies about what a power cut took
    mark = _mark(folder, part)
    mark.parent.mkdir(exist_ok=True)
    mark.touch()
    fetched.unlink(missing_ok=True)


def _mark(folder: Path, part: Part) -> Path:
    """That this part is in its place: another content has another mark."""
    return folder / WHOLE / f"{part.file}.{part.sha256[:16]}"


def _refuse_full_disk(folder: Path, missing: list[Part]) -> None:
    """Each wheel is there twice only while it is unpacked."""
    once = sum(part.unpacked for part in missing)
    twice = max((part.bytes for part in missing if part.kind == "wheel"), default=0)
    try:
        refuse_without_room([Need(folder, once + twice)])
    except WorkshopError as error:
        raise AddonError(error.what, _ROOM) from error


class _Teller:
    """Turns what is told of one file into what is told of the whole add-on."""

    def __init__(self, addon: Addon, part: Part, before: int, tell: Tell) -> None:
        self._now = Installing(stage="asking", file=part.file, done=before, bytes=addon.bytes)
        self._part, self._before, self._tell = part, before, tell

    def tell(self, stage: Stage, done: int, speed: float = 0.0) -> None:
        done += self._before
        left = (self._now.bytes - done) / speed if speed > 0 else 0.0
        self._tell(replace(self._now, stage=stage, done=done, bytes_per_second=speed, seconds_left=left))

    def hear(self, event: FetchEvent) -> None:
        match event:
            case FetchBegan():
                self.tell("fetching", event.done)
            case FetchProgress():
                self.tell("fetching", event.done, event.bytes_per_second)
            case FetchChecking():
                self.tell("verifying", self._part.bytes)
