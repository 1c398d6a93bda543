"""The settings while the program runs: one current value, saved shortly after each change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from companion.app.notices import Notices
from companion.core.settings import Settings, load_settings, save_settings

SAVE_MS = 400


class Preferences(QObject):
    changed = Signal(object, object)
    """The new Settings and the ones before."""

    def __init__(self, path: Path, notices: Notices) -> None:
        super().__init__()
        self._path = path
        self._notices = notices
        loaded = load_settings(path)
        self.settings = loaded.settings
        self.notice = loaded.notice
        """What to tell the person about the file once there is a window to tell it in; empty when all is well."""
        self._saver = QTimer(self, interval=SAVE_MS, singleShot=True)
        self._saver.timeout.connect(self.save)

    def replace(self, settings: Settings) -> None:
        if settings == self.settings:
            return
        before, self.settings = self.settings, settings
        self._saver.start()
        self.changed.emit(settings, before)

    def update(self, **changes: Any) -> None:
        """Change some fields; raises TypeError for a field that does not exist."""
        self.replace(msgspec.structs.replace(self.settings, **changes))

    def save(self) -> None:
        """Write at once; a full disk becomes a notice and the old file stands."""
        self._saver.stop()
        try:
            save_settings(self._path, self.settings)
        except OSError as error:
            self._notices.error(
                f"The settings could not be saved ({error.strerror}).",
                "Make room on the disk; they hold until you close the window.",
            )
