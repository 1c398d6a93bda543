"""Downloads: a process each, that goes on where it stopped. Nothing is fetched unless the person pressed a button."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from companion.app.notices import Notice, Notices, Tone
from companion.app.worker_call import WorkerCall
from companion.core.amounts import bytes_text
from companion.core.download_messages import (
    Fetch,
    FetchBegan,
    FetchChecking,
    FetchDone,
    FetchFailed,
    FetchProgress,
    decode_download_event,
)
from companion.core.errors import StoreError
from companion.core.library.catalog import Offer
from companion.core.library.downloaded import Source, note_download
from companion.core.library.partial import bytes_there, discard
from companion.core.paths import own_models_folder

HUB = "https://huggingface.co"

State = Literal["absent", "stopped", "asking", "running", "checking", "failed", "done"]
UNDER_WAY: tuple[State, ...] = ("asking", "running", "checking")


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """How far one offer is. `done` are bytes, also of a download that stopped or failed."""

    state: State = "absent"
    done: int = 0
    bytes: int = 0
    bytes_per_second: float = 0.0
    seconds_left: float = 0.0
    host: str = ""
    """From where the bytes come."""
    fraction: float = 0.0
    """Of checking, 0 to 1."""
    path: str = ""
    what: str = ""
    remedy: str = ""


class Downloads(QObject):
    """Every method is one action of the person; failures are told in the download itself."""

    changed = Signal(str, object)
    """Key of the offer, and its Download."""
    finished = Signal(object)
    """Path of a file that has arrived."""

    def __init__(self, notices: Notices) -> None:
        super().__init__()
        self._notices = notices
        self._running: dict[str, WorkerCall] = {}
        self._offers: dict[str, Offer] = {}
        self._known: dict[str, Download] = {}

    @property
    def host(self) -> str:
        """The hub that will be asked."""
        return os.environ.get("HF_ENDPOINT", HUB).rstrip("/").removeprefix("https://")

    def of(self, offer: Offer) -> Download:
        """How far an offer is, also from before this start of the program."""
        known = self._known.get(offer.key)
        target = _target(offer)
        if target.is_file() and (known is None or known.state not in UNDER_WAY):
            return Download(state="done", path=str(target), done=offer.size, bytes=offer.size)
        if known is not None and known.state != "done":
            return known
        there = bytes_there(target)
        return Download(state="stopped", done=there, bytes=offer.size) if there else Download(bytes=offer.size)

    def start(self, offer: Offer) -> None:
        """Ask the hub for a file, or go on with what is there."""
        if offer.key in self._running:
            return
        request = Fetch(
            repository=offer.repository, file=offer.file, target=str(_target(offer)), bytes=offer.bytes, sha256=offer.sha256
        )
        self._tell(offer, replace(self.of(offer), state="asking", what="", remedy="", bytes_per_second=0.0))
        self._offers[offer.key] = offer
        fetching = self._running[offer.key] = WorkerCall(
            "download", "The download", decode_download_event, self, request=request, key=offer.key
        )
        fetching.received.connect(self._receive)
        fetching.ended.connect(self._ended)

    def stop(self, offer: Offer) -> None:
        """Stop; what has come is there to go on from."""
        if (fetching := self._running.pop(offer.key, None)) is not None:
            fetching.end()
            self._known.pop(offer.key, None)
            self._tell(offer, self.of(offer))

    def discard(self, offer: Offer) -> None:
        """Throw away what has come."""
        self.stop(offer)
        self._known.pop(offer.key, None)
        try:
            discard(_target(offer))
        except OSError as error:
            self._notices.error(f"What was downloaded could not be deleted ({error.strerror}).", "Try again.")
        self._tell(offer, self.of(offer))

    def close(self) -> None:
        """The program ends: all stop, and go on when the person says so again."""
        running, self._running = self._running, {}
        for fetching in running.values():
            fetching.end()

    def _receive(self, key: str, event: object) -> None:
        offer = self._offers[key]
        now = self._known.get(offer.key, Download())
        match event:
            case FetchBegan():
                self._tell(offer, replace(now, state="running", host=event.host, bytes=event.bytes, done=event.done))
            case FetchProgress():
                speed, left = event.bytes_per_second, event.seconds_left
                self._tell(offer, replace(now, state="running", done=event.done, bytes_per_second=speed, seconds_left=left))
            case FetchChecking():
                self._tell(offer, replace(now, state="checking", done=now.bytes, fraction=event.fraction))
            case FetchFailed():
                self._tell(offer, replace(now, state="failed", what=event.what, remedy=event.remedy, done=event.kept))
            case FetchDone():
                self._tell(offer, replace(now, state="done", path=event.path, done=now.bytes))
                source = Source(
                    repository=offer.repository, file=offer.file, commit=event.commit, licence=offer.licence, when=time.time()
                )
                with self._notices.telling(StoreError):
                    note_download(event.sha256, source)
                what = f"{offer.name} is in the library ({bytes_text(now.bytes)}, checksum verified)."
                self._notices.raise_notice(Notice(Tone.SUCCESS, what))
                self.finished.emit(Path(event.path))

    def _ended(self, key: str, why: str) -> None:
        offer = self._offers[key]
        if (fetching := self._running.pop(key, None)) is not None:
            fetching.deleteLater()
        now = self._known[offer.key]
        if now.state in UNDER_WAY:
            there = bytes_there(_target(offer))
            self._tell(offer, replace(now, state="failed", what=why, remedy="Press Go on: what came is kept.", done=there))

    def _tell(self, offer: Offer, download: Download) -> None:
        self._known[offer.key] = download
        self.changed.emit(offer.key, download)


def _target(offer: Offer) -> Path:
    return own_models_folder() / offer.file
