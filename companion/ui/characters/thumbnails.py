"""Small portraits: read in threads, kept in memory while there is room, and on disk for the next time."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections import OrderedDict
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap

from companion.app.background import Background
from companion.ui.characters.pictures import crop_to, read_picture

log = logging.getLogger(__name__)

SIZE = QSize(288, 384)
"""At one device pixel per pixel; the widest tile is a little narrower."""
THREADS = 2
MOST_WAITING = 256
"""Tiles that were scrolled past long ago need not be read any more."""
MOST_BYTES = 96 * 1024 * 1024
MOST_FILES = 2_000

Key = tuple[str, float]
"""Path and time of the last change."""


class Thumbnails(QObject):
    """Asked while painting: what is not there yet is read in the background, the latest wish first."""

    arrived = Signal(object)
    """The Key of a picture that can now be had."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        """`folder` holds what was made before; it may be emptied at any time."""
        super().__init__(parent)
        self._folder = folder
        self._background = Background(THREADS, self)
        self._kept: OrderedDict[Key, QPixmap] = OrderedDict()
        self._bytes = 0
        self._waiting: OrderedDict[Key, QSize] = OrderedDict()
        self._reading: set[Key] = set()
        self._pruned = False

    def find(self, path: str, modified: float, dpr: float = 1.0) -> QPixmap | None:
        """The picture in the shape of `SIZE`; None while it is being read, and for good when it cannot be."""
        key = (path, modified)
        if not path:
            return None
        if (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return None if kept.isNull() else kept
        if key not in self._reading:
            self._waiting[key] = SIZE * (2 if dpr > 1 else 1)
            self._waiting.move_to_end(key)
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
            self._read_next()
        return None

    @property
    def is_busy(self) -> bool:
        """Whether a picture is still to come."""
        return bool(self._waiting or self._reading)

    def close(self) -> None:
        """Read no more."""
        self._waiting.clear()
        self._background.close()

    def _read_next(self) -> None:
        while self._waiting and len(self._reading) < THREADS:
            key, size = self._waiting.popitem()
            self._reading.add(key)
            self._background.run(partial(thumbnail, Path(key[0]), size, self._folder), partial(self._keep, key))

    def _keep(self, key: Key, image: QImage) -> None:
        self._reading.discard(key)
        self._kept[key] = made = QPixmap.fromImage(image)
        self._bytes += _bytes_of(made)
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            self._bytes -= _bytes_of(self._kept.popitem(last=False)[1])
        self._read_next()
        self.arrived.emit(key)
        if not (self.is_busy or self._pruned):
            self._pruned = True
            self._background.run(partial(_prune, self._folder), lambda _: None)


def thumbnail(path: Path, size: QSize, folder: Path) -> QImage:
    """A portrait in exactly this size, from the folder when it was made before; a null image when there is none to be had."""
    try:
        about = path.stat()
    except (OSError, ValueError):
        return QImage()
    said = f"{path.resolve()}|{about.st_mtime_ns}|{about.st_size}|{size.width()}x{size.height()}"
    made = folder / hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    image = read_picture(made)
    if image.size() != size:
        image = read_picture(path, size)
        if image.isNull():
            return image
        image = crop_to(image, size).scaled(size, _FILL, _SMOOTH)
        _write(image, made)
    opaque = not image.hasAlphaChannel()
    return image.convertToFormat(QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied)


_FILL, _SMOOTH = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation


def _bytes_of(pixmap: QPixmap) -> int:
    return pixmap.width() * pixmap.height() * 4


def _write(image: QImage, path: Path) -> None:
    """A half-written file would only be read as none, so this one need not be synchronised with the disk."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        form, quality = ("PNG", -1) if image.hasAlphaChannel() else ("JPEG", 90)
        if image.save(str(part), form, quality):  # type: ignore[call-overload]
            part.replace(path)
    except OSError as error:
        log.info("no thumbnail kept: %s", error)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _prune(folder: Path) -> None:
    """Keep the newest files."""
    with contextlib.suppress(OSError):
        files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in files[:-MOST_FILES]:
            path.unlink(missing_ok=True)
