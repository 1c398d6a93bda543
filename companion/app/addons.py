"""The add-on for the graphics card, as the window sees it: offered, installed, checked, removed. Each work is a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.background import Background
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.notices import Notice, Notices, Tone
from companion.app.worker_call import WorkerCall
from companion.core.addons.installed import Checked, Standing, note_check, remove, standing, standings, switch_off, users
from companion.core.addons.manifest import Addon, Device, read_manifest, suiting, without_addon
from companion.core.addons.messages import (
    CheckEnded,
    Checking,
    Install,
    Installed,
    Installing,
    decode_check_event,
    decode_install_event,
)
from companion.core.addons.words import WHERE, WHO, died
from companion.core.download_messages import FetchFailed
from companion.core.errors import CompanionError
from companion.core.hardware import probe

LEAVE_MS = 200
"""How often it is looked whether the engine has let go of an add-on."""
PATIENCE = 40
"""Looks, until somebody else is taken to use it."""

Doing = Literal["", "installing", "checking", "removing"]


class AddonView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything there is to show. Without a device only the sentence counts."""

    sentence: str = ""
    """What there is to say where nothing can be offered and nothing is installed."""
    cards: tuple[str, ...] = ()
    """Graphics cards that were found."""
    offer: Addon | None = None
    now: Standing | None = None
    doing: Doing = ""
    progress: Installing | None = None
    what: str = ""
    """What went wrong last, with what to do."""
    remedy: str = ""

    @property
    def is_newer(self) -> bool:
        """Whether what is offered is not what is installed."""
        return self.offer is not None and self.now is not None and self.now.addon not in (None, self.offer)


class Addons(QObject):
    """At most one add-on is shown: the best for the first card, or the one that is installed."""

    changed = Signal(object)
    """AddonView."""

    def __init__(self, engine: Engine, notices: Notices) -> None:
        super().__init__()
        self._engine = engine
        self._notices = notices
        self.view = AddonView()
        self._background = Background(parent=self)
        self._call: WorkerCall | None = None
        self._trying = ""
        self._looks = 0
        self._then: Callable[[], None] = self._begin_removal
        self._waiting = QTimer(self, interval=LEAVE_MS)
        self._waiting.timeout.connect(self._go_on_when_free)
        self._restarting = QTimer(self, interval=LEAVE_MS)
        self._restarting.timeout.connect(self._restart_when_free)

    def look(self) -> None:
        """Look at this machine, and at what there is for it; ends in `changed`."""
        self._background.run(_look, self._looked)

    def check_anew(self) -> None:
        """After an update of the program: what was sound before is checked, and nothing is said if it still is."""
        stale = next((each for each in standings() if each.state == "unchecked"), None)
        if stale is not None and not self.view.doing:
            self._tell(replace(self.view, now=stale))
            self.check()

    def install(self) -> None:
        """Fetch what is offered, or go on with it, then check it."""
        if (offer := self.view.offer) is None or self.view.doing:
            return
        self._tell(replace(self.view, doing="installing", progress=None, what="", remedy=""))
        self._when_free(offer.device, self._begin_install)

    def check(self) -> None:
        """Try it in a process; it stays off unless that goes well."""
        if (device := self._device) is None or self.view.doing:
            return
        with self._notices.telling(CompanionError):
            switch_off(device)
        self._trying = ""
        self._tell(replace(self.view, doing="checking", progress=None, what="", remedy=""))
        self._call = WorkerCall("check-addon", WHO, decode_check_event, self, arguments=(device,), where=WHERE)
        self._call.received.connect(self._checking)
        self._call.ended.connect(self._check_died)

    def stop(self) -> None:
        """End what is under way; what came is kept."""
        was_checking = self.view.doing == "checking"
        self._waiting.stop()
        self._end_call()
        self._refresh(what="The check was stopped; the add-on stays off." if was_checking else "")

    def remove(self) -> None:
        """Delete it, as soon as the engine has let go of it."""
        if (device := self._device) is None or self.view.doing:
            return
        self._tell(replace(self.view, doing="removing", progress=None, what="", remedy=""))
        self._when_free(device, self._begin_removal)

    def close(self) -> None:
        """The program ends: what is under way ends, too, and can be gone on with."""
        self._waiting.stop()
        self._restarting.stop()
        self._end_call()
        self._background.close()

    @property
    def _device(self) -> Device | None:
        return self.view.now.device if self.view.now is not None else None

    def _looked(self, found: AddonView) -> None:
        if not self.view.doing:
            self._tell(replace(found, what=self.view.what, remedy=self.view.remedy) if self.view.what else found)

    def _begin_install(self) -> None:
        if (offer := self.view.offer) is not None:
            self._call = WorkerCall("download", "The download", decode_install_event, self, request=Install(addon=offer))
            self._call.received.connect(self._installing)
            self._call.ended.connect(self._install_died)

    def _begin_removal(self) -> None:
        if (device := self._device) is not None:
            self._background.run(lambda: _removed(device), self._removed)

    def _removed(self, refused: CompanionError | None) -> None:
        self._refresh(*((refused.what, refused.remedy) if refused is not None else ()))

    def _install_died(self, _key: str, why: str) -> None:
        self._fail(why, "What came is kept.")

    def _check_died(self, _key: str, why: str) -> None:
        self._checked(died(why, self._trying))

    def _installing(self, _key: str, event: object) -> None:
        if isinstance(event, Installing):
            self._tell(replace(self.view, progress=event))
        elif isinstance(event, FetchFailed):
            self._fail(event.what, event.remedy)
        elif isinstance(event, Installed):
            self._end_call()
            self._refresh()
            self.check()

    def _checking(self, _key: str, event: object) -> None:
        if isinstance(event, Checking):
            self._trying = event.what
        elif isinstance(event, CheckEnded):
            self._checked(event.checked)

    def _checked(self, checked: Checked) -> None:
        self._end_call()
        before = self.view.now
        if before is not None:
            with self._notices.telling(CompanionError):
                note_check(before.device, checked)
        self._refresh()
        if checked.what:
            self._notices.warning(f"The add-on for the graphics card is off. {checked.what}", checked.remedy)
        elif before is None or before.checked is None:
            what = "The add-on for the graphics card works, and is used from now on."
            self._notices.raise_notice(Notice(Tone.SUCCESS, what))
        if before is not None and (self._engine.process_id in users(before.device)) == bool(checked.what):
            self._restarting.start()  # it uses what does not work, or does not use what does

    def _when_free(self, device: Device, then: Callable[[], None]) -> None:
        """Nobody who starts from now on uses it, the engine starts anew without it, and then it is gone on."""
        with self._notices.telling(CompanionError):
            switch_off(device)
        if self._engine.process_id in users(device):
            self._restarting.start()
        self._then, self._looks = then, 0
        self._go_on_when_free(device)

    def _go_on_when_free(self, device: Device | None = None) -> None:
        self._looks += 1
        device = device or self._device
        if device is not None and users(device) and self._looks < PATIENCE:
            self._waiting.start()
        else:
            self._waiting.stop()
            self._then()  # which says so if it is used all the same

    def _restart_when_free(self) -> None:
        if self._engine.state is not EngineState.ANSWERING:
            self._restarting.stop()
            self._engine.restart()

    def _fail(self, what: str, remedy: str) -> None:
        self._end_call()
        self._refresh(what, remedy)

    def _end_call(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.end()

    def _refresh(self, what: str = "", remedy: str = "") -> None:
        """Nothing is under way any more; the folder says how things stand."""
        device = self._device or (self.view.offer.device if self.view.offer else None)
        now = standing(device) if device is not None else None
        self._tell(replace(self.view, now=now, doing="", progress=None, what=what, remedy=remedy))

    def _tell(self, view: AddonView) -> None:
        self.view = view
        self.changed.emit(view)


def _removed(device: Device) -> CompanionError | None:
    """In a thread: gigabytes take a while."""
    try:
        remove(device)
    except CompanionError as error:
        return error
    return None


def _look() -> AddonView:
    """This machine, what is offered for it, and what is installed."""
    hardware, here = probe(), standings()
    gpus = hardware.gpus
    try:
        offers = suiting(read_manifest(), hardware)
    except CompanionError as error:
        return AddonView(what=error.what, remedy=error.remedy, now=here[0] if here else None)
    installed = next((each for each in here if each.state in ("on", "refused", "unchecked")), None) or next(iter(here), None)
    offer = next((each for each in offers if installed is None or each.device == installed.device), None)
    now = installed or (standing(offer.device) if offer is not None else None)
    cards = tuple(gpu.name for gpu in gpus)
    return AddonView(sentence=without_addon(gpus), cards=cards, offer=offer, now=now)
