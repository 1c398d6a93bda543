"""Pictures from files anybody may have made, read and scaled away from the window's thread and kept a while."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageReader

from companion.ui.stage.portrait import PIXEL_LIMIT

FILE_LIMIT = 32 * 1024 * 1024
KEPT = 8
"""Pictures in memory: at the size of the stage on a sharp screen each is some 6 MB."""

Receiver = Callable[[QImage], None]


class Pictures(QObject):
    """Reads pictures in a thread of its own; an unreadable one arrives as a null image."""

    _read = Signal(object, QImage)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: OrderedDict[tuple[Path, int, int, bool], QImage] = OrderedDict()
        self._waiting: dict[tuple[Path, int, int, bool], list[Receiver]] = {}
        self._threads = QThreadPool(self)
        self._threads.setMaxThreadCount(1)
        self._threads.setExpiryTimeout(2000)
        self._read.connect(self._arrived)

    def request(self, path: Path, size: QSize, receiver: Receiver, cover: bool = False) -> None:
        """Hand over the picture scaled into `size` (or to cover it), now if it is known, else when it has been read."""
        key = (path, size.width(), size.height(), cover)
        if key in self._kept:
            self._kept.move_to_end(key)
            receiver(self._kept[key])
        elif key in self._waiting:
            self._waiting[key].append(receiver)
        else:
            self._waiting[key] = [receiver]
            self._threads.start(lambda: self._work(key))

    def wait(self) -> None:
        """Return when everything asked for has been read; it arrives with the next events."""
        self._threads.waitForDone()

    def _work(self, key: tuple[Path, int, int, bool]) -> None:
        path, width, height, cover = key
        image = read_picture(path, QSize(width, height), cover)
        with contextlib.suppress(RuntimeError):  # nobody is left to receive it
            self._read.emit(key, image)

    def _arrived(self, key: tuple[Path, int, int, bool], image: QImage) -> None:
        self._kept[key] = image
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        for receiver in self._waiting.pop(key, []):
            receiver(image)


def read_picture(path: Path, size: QSize, cover: bool = False) -> QImage:
    """The picture scaled into the size (or to cover it), premultiplied; null when it is too large or no picture."""
    try:
        if not path.is_file() or path.stat().st_size > FILE_LIMIT:
            return QImage()
    except OSError:
        return QImage()
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    natural = reader.size()
    if not natural.isValid() or natural.isEmpty() or max(natural.width(), natural.height()) > PIXEL_LIMIT:
        return QImage()
    image = reader.read()
    if image.isNull():
        return QImage()
    mode = Qt.AspectRatioMode.KeepAspectRatioByExpanding if cover else Qt.AspectRatioMode.KeepAspectRatio
    image = image.scaled(size, mode, Qt.TransformationMode.SmoothTransformation)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
