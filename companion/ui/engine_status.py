"""What the engine is doing, put into the chat's header and the model card."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.core.messages import LoadProgress, ModelInfo, PromptProgress, PromptRead, ReplyDone

if TYPE_CHECKING:
    from companion.ui.chat.chat_view import ChatView
    from companion.ui.chat.model_card import ModelCard

STAGES = {"checking": "checking", "measuring": "getting to know this computer", "loading": "loading"}
SLOW_READING = 300
"""Reading this many new tokens is worth a progress line; fewer are read before it could be seen."""


class EngineStatus(QObject):
    """Listens to the engine and tells the views; holds nothing. `card` is asked for when there is something to say on it."""

    def __init__(self, engine: Engine, view: ChatView, card: Callable[[], ModelCard]) -> None:
        super().__init__()
        self._engine = engine
        self._view = view
        self._card = card
        engine.state_changed.connect(self._state_changed)
        engine.load_progressed.connect(self._loading)
        engine.model_ready.connect(self._ready)
        engine.adapters_changed.connect(lambda model: card().show_model(model))
        engine.prompt_progressed.connect(self._reading)
        engine.prompt_read.connect(self._read)
        engine.reply_done.connect(self._done)
        engine.load_failed.connect(lambda what, remedy: card().show_trouble(f"{what} {remedy}"))
        view.set_model_chip("No model", "No model is loaded yet")
        self._state_changed(engine.state)
        if engine.model is not None:
            self._ready(engine.model)

    def _state_changed(self, state: EngineState) -> None:
        self._view.set_engine_state(state)
        if state is not EngineState.ANSWERING:
            self._view.set_reading(None)
        if state is EngineState.FAILED:
            self._view.set_model_chip("No model", "No model is loaded; press to choose one")
        elif state is EngineState.LOADING:
            self._view.set_model_chip("Loading…", "The model is being loaded")

    def _loading(self, event: LoadProgress) -> None:
        self._view.set_model_chip(f"{STAGES[event.stage].capitalize()} {event.fraction:.0%}", "The model is being loaded")

    def _ready(self, model: ModelInfo) -> None:
        short = re.sub(r"[-_ ](instruct|chat|it)$", "", model.name, flags=re.IGNORECASE)
        self._view.set_model_chip(f"{short} · {model.quantization}", f"{model.name}, {model.quantization}, on the {model.device}")
        self._view.set_context(0, model.context_tokens)
        self._card().show_model(model)

    def _reading(self, event: PromptProgress) -> None:
        if event.total > SLOW_READING:
            self._view.set_reading(event.read / event.total)

    def _read(self, event: PromptRead) -> None:
        self._view.set_reading(None)
        self._view.set_context(event.prompt_tokens, event.context_tokens)

    def _done(self, event: ReplyDone) -> None:
        self._view.set_context(event.context_used, event.context_tokens)
        if event.tokens_per_second:
            self._view.set_speed(event.tokens_per_second)
