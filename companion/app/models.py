"""Which model she thinks with: choosing one, falling back, and saying what happened."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from companion.app.engine import Engine
from companion.app.notices import Notices
from companion.app.preferences import Preferences
from companion.core.character import Character, CharacterOptions
from companion.core.errors import CompanionError
from companion.core.gguf.header import read_header
from companion.core.messages import LoadOptions, ModelInfo
from companion.core.paths import starter_model
from companion.core.settings import Settings

RELOAD_MS = 1200
"""A setting of the model is often changed in several steps; it is loaded anew when the person has stopped."""


class Models(QObject):
    """Loads what the settings name, and keeps them in step with what really runs."""

    def __init__(self, engine: Engine, preferences: Preferences, notices: Notices) -> None:
        super().__init__()
        self._engine = engine
        self._preferences = preferences
        self._notices = notices
        self._told: tuple[str, ...] = ()
        self._refused: set[str] = set()
        """What has been said once: characters change often, and a damaged file stays damaged."""
        self._substitute = False
        """Whether the starter model stands in for one that is away: the choice is then kept."""
        self._everybodys = ""
        """What was asked for last that is meant for everybody; what a character prefers is not."""
        self._preferred = ""
        """What the character of the open conversation thinks with; empty for what everybody does."""
        self._reloading = QTimer(self, interval=RELOAD_MS, singleShot=True)
        self._reloading.timeout.connect(self.reload)
        engine.model_ready.connect(self._ready)
        engine.load_failed.connect(self._failed)
        engine.adapters_refused.connect(self._adapters_refused)
        preferences.changed.connect(self._settings_changed)

    def start(self) -> None:
        """Load the chosen model; when its file is gone, the starter model instead, with a notice."""
        chosen = self._preferences.settings.model
        starter = starter_model()
        if chosen and not Path(chosen).is_file():
            self._notices.warning(
                f"The model “{Path(chosen).name}” is no longer there.", "The starter model takes its place for now."
            )
            chosen, self._substitute = "", True
        if not chosen and starter is None:
            self._notices.error(
                "The starter model is missing.", "Drop a .gguf file on the window, or run packaging/start.py again."
            )
            return
        self._load_for_everybody(chosen or str(starter))

    def choose(self, path: Path) -> None:
        """Load another model for everybody; a file that cannot be one is refused before the present model is let go."""
        try:
            read_header(path)
        except CompanionError as error:
            self._notices.error(error.what, error.remedy)
            return
        self._substitute = False
        self._preferred = ""
        self._load_for_everybody(str(path.resolve()))

    def suit(self, character: Character) -> None:
        """Load what a character thinks with, unless it is loaded or on its way; a file that is gone is told of once."""
        preferred = character.options.model
        if preferred and not Path(preferred).is_file():
            self._tell_once(f"“{Path(preferred).name}”, which {character.name} thinks with, is no longer there.")
            preferred = ""
        if preferred == self._preferred:
            return
        self._preferred = preferred
        if preferred:
            self._engine.load(preferred, self._options())
        else:
            self.start()

    def of(self, options: CharacterOptions) -> Path | None:
        """What a character thinks with, or would once it is loaded; None without any model at all."""
        named = next((name for name in (options.model, self._preferences.settings.model) if name and Path(name).is_file()), "")
        return Path(named) if named else starter_model()

    def choose_starter(self) -> None:
        starter = starter_model()
        if starter is not None:
            self.choose(starter)

    def reload(self) -> None:
        """Load the present model again, with the present settings."""
        if self._engine.model is not None:
            self._engine.load(self._engine.model.path, self._options())
        else:
            self.start()

    def _load_for_everybody(self, path: str) -> None:
        self._everybodys = path
        self._engine.load(path, self._options())

    def _tell_once(self, what: str, remedy: str = "The model of all others takes its place.") -> None:
        if what not in self._refused:
            self._refused.add(what)
            self._notices.warning(what, remedy)

    def _options(self) -> LoadOptions:
        settings = self._preferences.settings
        return LoadOptions(context_tokens=settings.context_tokens, threads=settings.threads, gpu_layers=settings.gpu_layers)

    def _ready(self, model: ModelInfo) -> None:
        starter = starter_model()
        is_starter = starter is not None and Path(model.path).resolve() == starter.resolve()
        if not self._substitute and Path(model.path) == Path(self._everybodys):
            self._preferences.update(model="" if is_starter else model.path)
        if model.notes and model.notes != self._told:
            self._told = model.notes
            self._notices.information(" ".join(model.notes))

    def _failed(self, what: str, remedy: str) -> None:
        self._notices.error(what, remedy)

    def _adapters_refused(self, what: str, remedy: str) -> None:
        self._tell_once(what, remedy)

    def _settings_changed(self, new: Settings, old: Settings) -> None:
        def fixed(s: Settings) -> tuple[int | None, ...]:
            return (s.context_tokens, s.threads, s.gpu_layers)

        if fixed(new) != fixed(old):
            self._reloading.start()
