"""Her presence: what the program knows about her, brought to every picture of her that there is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from companion.app.chat import Chat
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.feelings import Feelings
from companion.app.rhythm import Rhythm
from companion.app.voice import Voice
from companion.core.character import Character
from companion.core.messages import ReplyDone
from companion.core.moods import NEUTRAL, Mood
from companion.core.power import on_battery
from companion.core.settings import Settings
from companion.ui.stage.figure_view import FigureWidget
from companion.ui.stage.portrait import Portrait

ASLEEP_AFTER_MS = 10 * 60 * 1000
"""She dozes when nothing was said, and nobody used the window, for so long."""
BATTERY_EVERY_MS = 30_000


class Presence(QObject):
    """Figures may join at any time; each gets the state of things at once."""

    def __init__(
        self, engine: Engine, chat: Chat, rhythm: Rhythm, feelings: Feelings, voice: Voice, settings: Callable[[], Settings]
    ) -> None:
        super().__init__()
        self._figures: list[FigureWidget] = []
        self._feelings = feelings
        self._voice = voice
        self._settings = settings
        self._character: Character | None = None
        self._portrait: Portrait | None = None
        self._on_battery = self._thinking = self._asleep = False
        feelings.her_mood_changed.connect(self._show_mood)
        engine.state_changed.connect(lambda state: self._think(state is EngineState.ANSWERING))
        chat.piece_received.connect(self._heard)
        chat.reply_finished.connect(self._replied)
        chat.path_changed.connect(lambda _path: self._interrupt())
        chat.message_added.connect(lambda _step: self._interrupt())
        rhythm.piece_shown.connect(self._shown)
        rhythm.caught_up.connect(self._fell_silent)
        voice.word_spoken.connect(lambda word: self._mouth(f"{word} "))
        voice.speaking_changed.connect(lambda speaking: None if speaking else self._fell_silent())
        self._dozing = QTimer(self, interval=ASLEEP_AFTER_MS, singleShot=True)
        self._dozing.timeout.connect(lambda: self._sleep(True))
        self._dozing.start()
        battery = QTimer(self, interval=BATTERY_EVERY_MS)
        battery.timeout.connect(self.look_at_the_battery)
        battery.start()

    def join(self, figure: FigureWidget) -> None:
        self._figures.append(figure)
        if self._character is not None:
            figure.set_character(self._character, self._portrait)
        figure.set_paused(self._on_battery)
        figure.set_thinking(self._thinking)
        figure.set_asleep(self._asleep)
        self._show_mood(self._feelings.hers)

    def close(self) -> None:
        """The program ends: nothing more is shown."""
        self._figures.clear()

    def set_character(self, character: Character, portrait: Portrait) -> None:
        self._character, self._portrait = character, portrait
        for figure in self._figures:
            figure.set_character(character, portrait)
        self._show_mood(self._feelings.hers)

    def look_at_the_battery(self) -> None:
        """She holds still while the battery is drained, if the person wants that."""
        spare = self._settings().still_on_battery and on_battery()
        if spare != self._on_battery:
            self._on_battery = spare
            for figure in self._figures:
                figure.set_paused(spare)

    def touch(self) -> None:
        """Somebody uses the window, on whatever page: she is awake."""
        self._sleep(False)
        self._dozing.start()

    def _show_mood(self, mood: Mood) -> None:
        label = "" if mood.label == NEUTRAL.label else mood.label
        for figure in self._figures:
            figure.set_mood(label, mood.score)

    def _think(self, on: bool) -> None:
        if on != self._thinking:  # it is asked for with every piece of a reply
            self._thinking = on
            for figure in self._figures:
                figure.set_thinking(on)

    def _sleep(self, on: bool) -> None:
        if on != self._asleep:
            self._asleep = on
            for figure in self._figures:
                figure.set_asleep(on)

    def _heard(self, _message: int, text: str) -> None:
        self._think(False)
        self._voice.hear(text)

    def _replied(self, event: ReplyDone) -> None:
        if event.reason == "stopped":
            self._interrupt()
        else:
            self._voice.finish()

    def _interrupt(self) -> None:
        """Something was said, or another conversation was opened: she listens, awake."""
        self._voice.interrupt()
        self.touch()
        self._fell_silent()

    def _shown(self, _message: int, text: str) -> None:
        if not self._voice.is_on:
            self._mouth(text)

    def _mouth(self, text: str) -> None:
        for figure in self._figures:
            figure.hear(text)

    def _fell_silent(self) -> None:
        if not self._voice.is_speaking:
            for figure in self._figures:
                figure.stop_speaking()
