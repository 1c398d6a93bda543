"""Using an add-on in a worker: marks that say who does, llama.cpp's libraries, and torch from the unpacked wheels.

Loading a driver's code may end the process. The mark that an engine makes before says so afterwards: the next engine finds it,
and the add-on stays off until it is checked again, instead of ending one engine after the other.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from companion.core.addons.installed import ENGINE, LOADING, SITE, USERS, in_use, place, switch_off
from companion.core.addons.manifest import Addon, Device
from companion.core.errors import AddonError
from companion.core.job_lock import Holder, holder


class Backend(NamedTuple):
    """One of llama.cpp's libraries for a card."""

    path: Path
    needs: tuple[Path, ...]
    """To be loaded before."""


def backends(addon: Addon, folder: Path) -> tuple[Backend, ...]:
    return tuple(Backend(folder / ENGINE / each.file, tuple(folder / path for path in each.needs)) for each in addon.backends)


def engine_part() -> tuple[Backend, ...]:
    """The libraries this process is to load, and says that it uses; none where no add-on is in use."""
    used = in_use()
    if used is None or used.addon is None or not used.addon.backends:
        return ()
    _mark(used.device)
    return backends(used.addon, place(used.device))


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Around the first load of llama.cpp in an engine. If the last engine died in it, the add-on is switched off before."""
    used = in_use()
    if used is None:
        yield
        return
    if any(not holder(mark) for mark in (place(used.device) / USERS).glob(f"*{LOADING}")):
        with contextlib.suppress(AddonError):
            switch_off(used.device)
    mark = _mark(used.device, LOADING)
    yield
    with contextlib.suppress(OSError):
        mark.unlink()


def use_wheels(folder: Path) -> None:
    """Let what an add-on brings go before what came with the program."""
    sys.path.insert(0, str(folder / SITE))


def use_for_torch() -> None:
    """Let the torch of the add-on in use go before the program's, if it brings one."""
    used = in_use()
    if used is not None and used.addon is not None and used.addon.has_torch:
        _mark(used.device)
        use_wheels(place(used.device))


def _mark(device: Device, suffix: str = "") -> Path:
    """Say that this process uses it. Marks of processes that are gone are cleared away."""
    folder, own = place(device) / USERS, os.getpid()
    mark = folder / f"{own}{suffix}"
    with contextlib.suppress(OSError):  # a full disk keeps nobody from using it
        folder.mkdir(exist_ok=True)
        for other in folder.glob("*"):
            if not holder(other):
                other.unlink(missing_ok=True)
        mark.write_bytes(msgspec.json.encode(Holder(own, psutil.Process().create_time())))
    return mark
