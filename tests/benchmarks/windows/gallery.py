"""The real window with five hundred characters: the page of characters is opened.

Prints: milliseconds until its first frame has been painted, and until every picture that is in view is there.
"""

from __future__ import annotations

import os
import random
import sys
import traceback

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QTimer

CARDS = 500
WIDTH, HEIGHT = 480, 640


class Watch(QObject):
    def __init__(self, program) -> None:
        super().__init__()
        self.program = program
        self.clock = QElapsedTimer()
        self.first = 0.0
        QTimer.singleShot(3000, self.begin)

    def begin(self) -> None:
        self.clock.start()
        self.program.content.show_page("characters")
        self.gallery = self.program.pages.gallery
        self.gallery.view.viewport().installEventFilter(self)

    def eventFilter(self, watched, event) -> bool:
        if event.type() is QEvent.Type.Paint and not self.first:
            self.first = -1.0
            QTimer.singleShot(0, self.painted)  # after this event, the frame is complete
        return False

    def painted(self) -> None:
        self.first = self.clock.nsecsElapsed() / 1e6
        self.look()

    def look(self) -> None:
        if self.gallery.thumbnails.is_busy:
            QTimer.singleShot(5, self.look)
            return
        print(self.first, self.clock.nsecsElapsed() / 1e6, flush=True)
        self.program.window.close()


def fill(library) -> None:
    """Cards with a page of text and a portrait of their own."""
    from PySide6.QtCore import QBuffer, QIODevice
    from PySide6.QtGui import QColor, QImage, QPainter

    from companion.core.character import Card

    chance = random.Random(4)
    for number in range(CARDS):
        image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
        image.fill(QColor.fromHsv(chance.randrange(360), 120, 160))
        painter = QPainter(image)
        for _ in range(40):
            painter.setBrush(QColor.fromHsv(chance.randrange(360), 160, 220))
            painter.drawEllipse(chance.randrange(WIDTH), chance.randrange(HEIGHT), 90, 90)
        painter.end()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")
        text = f"{{{{char}}}} number {number} lives by the sea. " * 60
        library.create(Card(name=f"Character {number}", description=text, first_mes="Hello."), bytes(buffer.data().data()))


if __name__ == "__main__":
    from companion.core.character_library import CharacterLibrary
    from companion.window import build

    sys.excepthook = lambda *error: (traceback.print_exception(*error), os._exit(1))  # else Qt would go on without it
    application, program = build()
    library = CharacterLibrary()
    if len(library.all()) < CARDS:
        fill(library)
    program.window.resize(1280, 800)  # whatever the run before left
    watch = Watch(program)
    sys.exit(application.exec())
