"""The open conversation: saying something, and getting replies that are saved while they come."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from companion.app.conversations import Conversations
from companion.app.engine import Engine
from companion.app.engine_state import EngineState
from companion.app.impression import Impression
from companion.app.notices import Notices
from companion.app.prompting import Prompting
from companion.app.reply_keeper import ReplyKeeper
from companion.core.conversation import Conversation, Message, PathMessage, Status, plain_text, title_from
from companion.core.errors import StoreError
from companion.core.messages import MoodHeard, PromptRead, ReplyDone
from companion.core.moods import Mood
from companion.core.storage.store import Store


class _Writing(NamedTuple):
    """The reply under way. `request` is 0 while it waits for the engine to become ready."""

    message: int
    conversation: int
    request: int
    continues: bool


class Chat(QObject):
    """Every method is one action of the person. Message ids are the store's."""

    path_changed = Signal(object)
    """The whole active path, a tuple of PathMessage: another conversation, branch or alternate."""
    message_added = Signal(object)
    message_changed = Signal(object)
    piece_received = Signal(int, str)
    memory_begins = Signal(int)
    """Id of the oldest message she still has in mind, 0 for all."""
    unsent = Signal(str)
    """This text could not be taken in; it must not be lost."""
    failure_explained = Signal(int, str)
    """Why the reply with this id could not be written."""
    reply_finished = Signal(object)
    """ReplyDone of a reply that ended by itself or was stopped."""
    mood_heard = Signal(int, object)
    """Message id and the Mood of the sentence that she has just written."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        conversations: Conversations,
        prompting: Prompting,
        notices: Notices,
    ) -> None:
        super().__init__()
        self._store = store
        self._engine = engine
        self._conversations = conversations
        self._prompting = prompting
        self._notices = notices
        self._writing: _Writing | None = None
        self._ahead = 0
        """Request that reads the open conversation ahead; it tells where her memory begins."""
        self._keeper = ReplyKeeper(store, notices)
        conversations.opened.connect(self._open)
        engine.model_ready.connect(lambda _model: self._model_ready())
        engine.state_changed.connect(self._engine_changed)
        engine.prompt_read.connect(self._prompt_read)
        engine.piece_received.connect(self._piece)
        engine.mood_heard.connect(self._mood_heard)
        engine.reply_done.connect(self._done)
        engine.reply_failed.connect(self._failed)
        engine.reply_lost.connect(self._lost)

    # What is shown

    @property
    def path(self) -> tuple[PathMessage, ...]:
        """The active path; of the reply under way everything that has come, also what is not saved yet."""
        current = self._conversations.current
        steps = self._store.path(current.id) if current is not None else ()
        return self._keeper.with_all_words(steps) if self._writing is not None else steps

    @property
    def is_writing(self) -> bool:
        return self._writing is not None

    # What the person does

    def send(self, text: str) -> None:
        """Say something; a reply is asked for, or waits until the engine is ready."""
        text = plain_text(text).strip()
        current = self._conversations.current
        if not text or current is None:
            return
        if self._writing is not None:
            if self._writing.request != 0:
                self.unsent.emit(text)
                return
            current = self._take_back_waiting(current)
        first = not any(step.message.role == "user" for step in self.path)
        message = self._add(current, parent=current.active, role="user", text=text)
        if message is None:
            self.unsent.emit(text)
            return
        if first:
            with self._notices.telling(StoreError):
                self._store.set_automatic_title(current.id, title_from(text))
        self._conversations.refresh()
        self._reply_to(message.id)

    def _take_back_waiting(self, current: Conversation) -> Conversation:
        """The reply that waits for the engine gives way: both messages will be answered together."""
        writing, self._writing = self._writing, None
        if writing is not None and not writing.continues:
            self._store.delete_message(writing.message)
        elif writing is not None:
            self._store.finish_message(writing.message, text=self._keeper.text, status="stopped")
        self._show_path()
        return self._store.conversation(current.id) or current

    def stop(self) -> None:
        """Stop the reply; what is there stays."""
        if self._writing is not None and self._writing.request == 0:
            self._finish("stopped")
        else:
            self._engine.stop()

    def regenerate(self, message: int) -> None:
        """Another reply beside this one; on her greeting, the card's next greeting; on the person's words, a reply."""
        found = self._store.message(message)
        if found is None or self._writing is not None:
            return
        if found.role == "user":
            self._reply_to(found.id)
            return
        if found.parent is None:
            self.choose_alternate(message, 1)
            return
        self._reply_to(found.parent)

    def continue_reply(self, message: int) -> None:
        """Let her go on where the last reply ends."""
        found = self._store.message(message)
        current = self._conversations.current
        if (
            found is None
            or current is None
            or self._writing is not None
            or found.id != current.active
            or found.role != "assistant"
        ):
            return
        self._begin(found, continues=bool(found.text))

    def edit(self, message: int, text: str) -> None:
        """A new version beside the old one: the person's words are answered anew, hers are taken as they are."""
        found = self._store.message(message)
        text = plain_text(text).strip()
        current = self._conversations.current
        if found is None or current is None or not text or self._writing is not None or text == found.text:
            return
        edited = found.role == "assistant"
        added = self._add(current, parent=found.parent, role=found.role, text=text, edited=edited, model=found.model)
        if added is None:
            return
        self._show_path()
        if found.role == "user":
            self._reply_to(added.id)

    def delete(self, message: int) -> None:
        """Delete a message and what followed it, with a way back."""
        if self._writing is not None or self._store.message(message) is None:
            return
        followed = bool(self.path) and self.path[-1].message.id != message
        with self._notices.telling(StoreError):
            self._store.delete_message(message)
        self._show_path()

        def undo() -> None:
            if self._writing is not None:
                self._notices.information("She is writing.", "Stop her, or wait, and undo again.")
                return
            with self._notices.telling(StoreError):
                self._store.restore_message(message)
            self._show_path()

        what = "The message and what followed it were deleted." if followed else "The message was deleted."
        self._notices.undoable(what, undo)

    def choose_alternate(self, message: int, step: int) -> None:
        if self._writing is None:
            with self._notices.telling(StoreError):
                self._store.select_alternate(message, step)
            self._show_path()

    def give_feedback(self, message: int, value: int) -> None:
        with self._notices.telling(StoreError):
            self._store.set_feedback(message, value)
        self._emit_changed(message)

    def give_up(self) -> None:
        """End the reply under way at once: its conversation is left, or about to be forgotten."""
        if self._writing is not None:
            self._engine.stop()
            self._finish("stopped")

    def interrupt(self) -> None:
        """The program is closing: keep what has been written so far."""
        if self._writing is not None:
            self._finish("interrupted")

    # The reply

    def _open(self, conversation: Conversation) -> None:
        if self._writing is not None and self._writing.conversation == conversation.id:
            self._show_path(refresh=False)
            return
        self.give_up()
        self.memory_begins.emit(0)
        self._show_path(refresh=False)
        self._read_ahead()

    def _add(self, current: Conversation, *, parent: int | None, role: str, text: str, **facts: object) -> Message | None:
        try:
            message = self._store.add_message(current.id, parent=parent, role=role, text=text, **facts)  # type: ignore[arg-type]
        except StoreError as error:
            self._notices.error(error.what, error.remedy)
            return None
        self._conversations.refresh()
        self._emit_added(message.id)
        return message

    def _reply_to(self, parent: int) -> None:
        current = self._conversations.current
        if current is None:
            return
        name = self._engine.model.name if self._engine.model else ""
        try:
            message = self._store.add_message(
                current.id, parent=parent, role="assistant", text="", status="streaming", model=name
            )
        except StoreError as error:
            self._notices.error(error.what, error.remedy)
            return
        self._conversations.refresh()
        step = next((s for s in self.path if s.message.id == message.id), None)
        if step is not None and step.alternates == 1:
            self.message_added.emit(step)
        else:
            self._show_path()
        self._begin(message, continues=False)

    def _begin(self, message: Message, *, continues: bool) -> None:
        self._keeper.begin(message)
        if continues:
            self._store.finish_message(message.id, text=message.text, status="streaming")
            self._emit_changed(message.id)
        self._writing = _Writing(message.id, message.conversation, 0, continues)
        if self._engine.state is EngineState.READY:
            self._begin_waiting()
        elif self._engine.state is EngineState.FAILED:
            self._notices.warning(
                "There is no model to answer with.", "Choose one: drop a .gguf file on the window, or open the settings."
            )
            self._finish("failed")

    def _model_ready(self) -> None:
        self._begin_waiting()
        self._read_ahead()

    def _read_ahead(self) -> None:
        current = self._conversations.current
        if current is not None and self._writing is None:
            self._ahead = self._prompting.read_ahead(current, [step.message for step in self.path])

    def read_again(self, conversation: int) -> None:
        """The prompt of this conversation is another one than when it was read ahead."""
        current = self._conversations.current
        if current is not None and current.id == conversation:
            self._read_ahead()

    def _begin_waiting(self) -> None:
        """Ask the engine for the reply that waits for it, once it has read what the scene needs to know."""
        writing = self._writing
        conversation = self._store.conversation(writing.conversation) if writing is not None else None
        if writing is not None and writing.request == 0 and conversation is not None:
            messages = [step.message for step in self._store.path(conversation.id)]
            self._prompting.take_in(conversation, messages, lambda impression: self._ask(writing, impression))

    def _ask(self, writing: _Writing, impression: Impression) -> None:
        if self._writing != writing or self._engine.state is not EngineState.READY:
            return  # stopped meanwhile, or the engine went; it asks again when it is back
        conversation = self._store.conversation(writing.conversation)
        messages = [step.message for step in self._store.path(writing.conversation)]
        at = next((i for i, message in enumerate(messages) if message.id == writing.message), None)
        if at is None or conversation is None:  # its branch is no longer the one that is shown
            self._finish("stopped")
            return
        messages = messages[: at + 1] if writing.continues else messages[:at]
        request = self._prompting.ask(conversation, messages, impression, continues=writing.continues)
        self._writing = writing._replace(request=request)
        self._keeper.start()

    def _prompt_read(self, event: PromptRead) -> None:
        if self._is_current(event.request) or event.request == self._ahead:
            self.memory_begins.emit(event.first_remembered)

    def _piece(self, request: int, text: str) -> None:
        if not self._is_current(request) or self._writing is None:
            return
        self.piece_received.emit(self._writing.message, self._keeper.add(text))

    def _mood_heard(self, event: MoodHeard) -> None:
        if self._is_current(event.request) and self._writing is not None:
            mood: Mood = event.mood
            self.mood_heard.emit(self._writing.message, mood)

    def _done(self, event: ReplyDone) -> None:
        if self._is_current(event.request):
            status: Status = "stopped" if event.reason == "stopped" else "complete"
            if self._writing is not None and self._writing.continues and event.reason == "end" and event.tokens == 0:
                self._notices.information("She has nothing to add.", "Say something, or ask for another reply.")
            self._finish(status, tokens=event.tokens, speed=event.tokens_per_second, ending=event.reason)
            self.reply_finished.emit(event)
            self._read_ahead()
        else:
            self._model_ready()

    def _failed(self, request: int, what: str, remedy: str) -> None:
        if self._is_current(request) and self._writing is not None:
            message = self._writing.message
            self._finish("failed")
            self.failure_explained.emit(message, what)
            self._notices.error(what, remedy)
        else:
            self._model_ready()

    def _lost(self, request: int, sentence: str) -> None:
        if self._is_current(request):
            self._finish("interrupted")
            self._notices.warning(sentence, "What she had written is kept; she will be back in a moment.")

    def _is_current(self, request: int) -> bool:
        return self._writing is not None and self._writing.request == request and request != 0

    def _finish(self, status: Status, *, tokens: int = 0, speed: float = 0.0, ending: str = "") -> None:
        writing, self._writing = self._writing, None
        if writing is None:
            return
        self._keeper.finish(status, tokens=tokens, speed=speed, ending=ending)
        self._emit_changed(writing.message)
        self._conversations.refresh()

    def _engine_changed(self, state: EngineState) -> None:
        if state is EngineState.FAILED and self._writing is not None and self._writing.request == 0:
            self._finish("failed")

    # Telling the view

    def _show_path(self, *, refresh: bool = True) -> None:
        if refresh:
            self._conversations.refresh()
        self.path_changed.emit(self.path)

    def _emit_added(self, message: int) -> None:
        for step in self.path[-1:]:
            if step.message.id == message:
                self.message_added.emit(step)

    def _emit_changed(self, message: int) -> None:
        for step in self.path:
            if step.message.id == message:
                self.message_changed.emit(step)
