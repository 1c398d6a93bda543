"""`companion check-addon DEVICE`: whether an add-on works on this machine, in a process of its own, as a driver may end it."""

from __future__ import annotations

import faulthandler
import os
import sys
from typing import Final

from companion.core.addons.installed import WITHOUT, Checked, place, standing
from companion.core.addons.manifest import DEVICE_NAMES, Addon
from companion.core.addons.messages import CheckEnded, Checking
from companion.core.addons.use import backends, use_wheels
from companion.core.errors import AddonError
from companion.core.logs import log_to_stderr
from companion.core.pipes import WorkerPipe, leave_when_closed

LONGEST_SECONDS: Final = 300
"""The first import of torch for a card reads gigabytes; what takes longer hangs in a driver."""
SIZE: Final = 256
"""Rows and columns of the matrices that are multiplied."""
TOLERANCE: Final = 1e-2
"""Of whole numbers below 2,048, which also TF32 multiplies exactly."""
_AGAIN: Final = "Remove the add-on and install it again; without it all runs on the processor."


def main(device: str) -> int:
    """Started by the window or a command, which keeps how it ends. Leaves when the pipe is closed."""
    faulthandler.dump_traceback_later(LONGEST_SECONDS, exit=True)  # also while native code holds everything else up
    log_to_stderr()
    pipe = WorkerPipe()
    leave_when_closed(pipe)
    os.environ[WITHOUT] = "1"  # what is tried is loaded below, and nothing else
    try:
        checked = _check(device, pipe)
    except AddonError as error:
        checked = Checked(what=error.what, remedy=error.remedy)
    pipe.send(CheckEnded(checked=checked))
    sys.stderr.flush()
    os._exit(0)  # tearing down a GPU driver can hang


def _check(device: str, pipe: WorkerPipe) -> Checked:
    name = next((each for each in DEVICE_NAMES if each == device), None)
    addon = standing(name).addon if name is not None else None
    if name is None or addon is None:
        raise AddonError(f"The add-on “{device}” is not installed.", "")
    cards = _engine(addon, pipe)
    if not addon.has_torch:
        return Checked(cards=cards)
    use_wheels(place(name))
    return Checked(cards=cards, torch=_torch(addon, pipe))


def _engine(addon: Addon, pipe: WorkerPipe) -> tuple[str, ...]:
    if not addon.backends:
        return ()
    from companion.llama.addon import refuse_other_version, try_backends
    from companion.llama.library import Library

    refuse_other_version(addon.llama)
    return try_backends(Library(), backends(addon, place(addon.device)), lambda what: pipe.send(Checking(what=what)))


def _torch(addon: Addon, pipe: WorkerPipe) -> str:
    """Its version and what it computes on. Two matrices are multiplied there and on the processor."""
    pipe.send(Checking(what="torch was loaded"))
    try:
        import torch

        file = torch.__file__ or ""
        if not file.startswith(str(place(addon.device))):
            raise AddonError(f"torch was loaded from “{file}” instead of the add-on.", _AGAIN)
        kind = "mps" if addon.device == "metal" else "cuda"  # torch for ROCm says cuda, too
        is_there = torch.backends.mps.is_available() if kind == "mps" else torch.cuda.is_available()
        if not is_there:
            what = f"torch {torch.__version__} sees no graphics card."
            raise AddonError(what, "Update the driver of the graphics card, then check the add-on again.")
        pipe.send(Checking(what="torch multiplied two matrices on the card"))
        one = torch.arange(SIZE * SIZE, dtype=torch.float32).remainder(7).reshape(SIZE, SIZE)
        product = (one.to(kind) @ one.T.contiguous().to(kind)).to("cpu")
        if not torch.allclose(product, one @ one.T, rtol=TOLERANCE):
            raise AddonError("torch computes nonsense on the graphics card.", "Update the driver, then check the add-on again.")
        name = "the Apple GPU" if kind == "mps" else torch.cuda.get_device_name(0)
    except AddonError:
        raise
    except Exception as error:  # a wheel of somebody else's may raise anything
        raise AddonError(f"torch of the add-on does not work ({type(error).__name__}: {error}).", _AGAIN) from error
    return f"{torch.__version__} on {name}"
