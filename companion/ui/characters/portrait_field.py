"""The picture of a character: drop one, choose one, see it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QImageReader, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from companion.app.background import Background
from companion.core.character import Character
from companion.core.errors import CharacterError
from companion.ui.file_dialogs import ask_for_picture
from companion.ui.stage.picture_files import png_bytes
from companion.ui.stage.portrait import Portrait
from companion.ui.theme import Theme

LARGEST: Final = 2048
"""Pixels along the longer side of what is kept."""
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_PIXELS: Final = 12_000
"""Along one side of what is read; Qt refuses by itself what would take more than 256 MB."""
KINDS: Final = {b"png", b"jpeg", b"webp"}
SIZE: Final = QSize(120, 150)


def read_portrait(path: Path) -> QImage:
    """Read a PNG, JPEG or WebP, made smaller when it is large; raises CharacterError with a sentence."""
    name = path.name
    other = "Choose a PNG, JPEG or WebP picture."
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CharacterError(f"“{name}” is larger than 32 MB.", "Choose a smaller picture.")
    except OSError as error:
        raise CharacterError(f"“{name}” cannot be opened ({error.strerror}).", "Check that the file is still there.") from error
    reader = QImageReader(str(path))
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    if bytes(reader.format().data()) not in KINDS:
        raise CharacterError(f"“{name}” is not a picture that can be used here.", other)
    size = reader.size()
    if max(size.width(), size.height()) > MOST_PIXELS:
        raise CharacterError(f"“{name}” is more than {MOST_PIXELS:,} pixels wide or high.", "Choose a smaller picture.")
    if max(size.width(), size.height()) > LARGEST:
        reader.setScaledSize(size.scaled(LARGEST, LARGEST, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    image = reader.read()
    if image.isNull():
        raise CharacterError(f"“{name}” is damaged.", other)
    return image


class PortraitField(QWidget):
    """Shows the present portrait; `png` is what was chosen in its place, None while nothing was."""

    edited = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.png: bytes | None = None
        self._portrait: Portrait | None = None
        self._image: QImage | None = None
        self._reader = Background(parent=self)
        self._name = ""
        self.choose_button, self.undo_button = QPushButton("Choose a picture"), QPushButton("Keep the old one")
        self.undo_button.setProperty("role", "quiet")
        self._sentence, self._problem = QLabel("Or drop one here: PNG, JPEG or WebP."), QLabel()
        self._sentence.setProperty("role", "caption")
        self._problem.setProperty("role", "problem")
        self._problem.setTextFormat(Qt.TextFormat.PlainText)
        for label in (self._sentence, self._problem):
            label.setWordWrap(True)
        self.picture = _Picture(theme, self)
        self.setAcceptDrops(True)
        words = QVBoxLayout()
        words.setSpacing(8)
        words.addStretch()
        for widget in (self.choose_button, self.undo_button):
            words.addWidget(widget, 0, Qt.AlignmentFlag.AlignLeft)
        words.addWidget(self._sentence)
        words.addWidget(self._problem)
        words.addStretch()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.picture)
        row.addLayout(words, 1)
        self.choose_button.clicked.connect(self._ask)
        self.undo_button.clicked.connect(lambda: self._show(None, None))
        self._redraw()

    def set_character(self, character: Character) -> None:
        """Show the portrait it has; forgets what was chosen."""
        self._portrait, self.png, self._image = Portrait(character), None, None
        if self._portrait.is_slow:
            self._reader.run(self._portrait.load, lambda _: self.picture.update())
        self.picture.setAccessibleName(f"Portrait of {character.name}")
        self._redraw()

    def set_png(self, png: bytes | None) -> None:
        """Show a picture that was chosen before; emits nothing."""
        self.png = png
        self._image = QImage.fromData(png) if png else None
        self._redraw()

    def set_read_only(self, read_only: bool) -> None:
        self.choose_button.setVisible(not read_only)
        self._sentence.setVisible(not read_only)
        self.setAcceptDrops(not read_only)

    def take(self, path: Path) -> None:
        """Use this picture; says why when it cannot be used."""
        try:
            image = read_portrait(path)
        except CharacterError as error:
            self._problem.setText(f"{error.what} {error.remedy}")
            self._problem.show()
            return
        self._show(image, png_bytes(image))

    def paint_picture(self, painter: QPainter, target: QRectF) -> None:
        if self._image is not None and not self._image.isNull():
            painter.drawImage(_covering(self._image.size(), target), self._image)
        elif self._portrait is not None and not self._portrait.is_slow:
            self._portrait.paint(painter, _covering(self._portrait.size, target))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        if (path := _dropped(event.mimeData())) is not None:
            event.acceptProposedAction()
            self.take(path)

    def _ask(self) -> None:
        if (path := ask_for_picture(self)) is not None:
            self.take(path)

    def _show(self, image: QImage | None, png: bytes | None) -> None:
        self._image, self.png = image, png
        self._redraw()
        self.edited.emit()

    def _redraw(self) -> None:
        self._problem.hide()
        self.undo_button.setVisible(self.png is not None)
        self.picture.update()


class _Picture(QWidget):
    """The picture with round corners, its upper part when it is taller than the frame."""

    def __init__(self, theme: Theme, field: PortraitField) -> None:
        super().__init__()
        self._theme, self._field = theme, field
        self.setFixedSize(SIZE)
        theme.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), 16, 16)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), self._theme.colour("raised"))
        self._field.paint_picture(painter, QRectF(self.rect()))


def _covering(size: QSize, target: QRectF) -> QRectF:
    """Where a picture of this size fills the target; what is too much hangs over at the sides and below."""
    scale = max(target.width() / max(size.width(), 1), target.height() / max(size.height(), 1))
    width, height = size.width() * scale, size.height() * scale
    return QRectF(target.center().x() - width / 2, target.top(), width, height)


def _dropped(data: QMimeData) -> Path | None:
    local = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    return Path(local[0]) if len(local) == 1 else None
