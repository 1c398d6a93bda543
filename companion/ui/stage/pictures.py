"""Pictures of the stage, read and scaled away from the window's thread and kept a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QImage

from companion.app.background import Background
from companion.ui.stage.picture_files import open_picture

KEPT = 8
"""Pictures in memory: at the size of the stage on a sharp screen each is some 6 MB."""

Receiver = Callable[[QImage], None]
Key = tuple[Path, int, int, bool]
"""Path, width, height and whether that is to be covered."""


class Pictures(QObject):
    """Reads pictures in a thread of its own; an unreadable one arrives as a null image."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: OrderedDict[Key, QImage] = OrderedDict()
        self._waiting: dict[Key, list[Receiver]] = {}
        self._background = Background(parent=self)

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
            self._background.run(partial(read_scaled, path, size, cover), partial(self._arrived, key))

    def _arrived(self, key: Key, image: QImage) -> None:
        self._kept[key] = image
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        for receiver in self._waiting.pop(key, []):
            receiver(image)


def read_scaled(path: Path, size: QSize, cover: bool = False) -> QImage:
    """The picture scaled into the size (or to cover it), premultiplied; null when it is too large or no picture."""
    reader = open_picture(path, drawings=True)
    image = reader.read() if reader is not None else QImage()
    if image.isNull():
        return QImage()
    mode = Qt.AspectRatioMode.KeepAspectRatioByExpanding if cover else Qt.AspectRatioMode.KeepAspectRatio
    image = image.scaled(size, mode, Qt.TransformationMode.SmoothTransformation)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
