"""`companion chat`: the same conversation, engine and prompt as the window, in a terminal or a pipe."""

from __future__ import annotations

import io
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape

from companion.commands.chosen_model import required_model
from companion.commands.printable import printable
from companion.core.adapter_use import adapter_use
from companion.core.amounts import counted
from companion.core.character import BUILT_IN, Character
from companion.core.character_adapters import adapters_of
from companion.core.character_library import load_character
from companion.core.conversation import Message, plain_text
from companion.core.errors import CompanionError
from companion.core.logs import log_to_file
from companion.core.messages import AdapterUse, LoadOptions, LoadProgress, ModelInfo, Piece, PromptRead, ReplyDone
from companion.core.paths import settings_file
from companion.core.persona import Persona
from companion.core.prompts.prompt import Scene, assemble, greeting
from companion.core.settings import Settings, load_settings
from companion.engine.client import EngineClient, EngineDied

HELP = (
    "Write and press Enter. [b]/again[/b] asks for another reply, [b]/new[/b] starts over, [b]/quit[/b] or Ctrl-D leaves; "
    "Ctrl-C stops a reply."
)
ENDINGS = {"stopped": " · stopped", "length": " · cut at the longest reply", "context_full": " · her memory is full"}
STAGES = {"checking": "Checking the model", "measuring": "Measuring what is fastest here", "loading": "Loading the model"}


class TerminalChat:
    """One conversation kept in memory only. Output for people goes to stderr when stdout is for replies alone."""

    def __init__(
        self, model: Path, character: Character, settings: Settings, console: Console, adapters: Sequence[AdapterUse] = ()
    ) -> None:
        """Without `adapters` those that the character prefers count."""
        self.character = character
        self._adapters = tuple(adapters) or adapters_of(character)
        self._model = model
        self._settings = settings
        self._console = console
        self._avoid: list[str] = []
        self.messages: list[Message] = []
        self._engine = EngineClient()
        self.info = self._load()
        self.begin()

    def close(self) -> None:
        self._engine.close()

    def begin(self) -> str:
        """Start over; returns her greeting."""
        self.messages.clear()
        text = greeting(self._scene())
        self._append("assistant", text)
        return text

    def forget_reply(self) -> bool:
        """Take back her last reply, if there is one, so that another can be asked for; False when nothing was said yet."""
        if len(self.messages) > 1 and self.messages[-1].role == "assistant":
            self.messages.pop()
        return self.messages[-1].role == "user"

    def say(self, text: str) -> None:
        self._append("user", plain_text(text))

    def reply(self) -> Iterator[Piece | PromptRead | ReplyDone]:
        """The events of her reply; the text is kept however it ends. A crashed engine is started again once."""
        written: list[str] = []
        try:
            for event in self._events():
                if isinstance(event, Piece):
                    written.append(event.text)
                if isinstance(event, Piece | PromptRead | ReplyDone):
                    yield event
        except EngineDied as death:
            self._recover(death)
            raise
        finally:
            if written:
                self._append("assistant", "".join(written).strip())

    def stop(self) -> None:
        self._engine.stop()

    def _events(self) -> Iterator[object]:
        turns = assemble(self._scene(), self.messages)
        yield from self._engine.generate(turns, self._settings.sampling)

    def _scene(self) -> Scene:
        return Scene(character=self.character, persona=Persona(name=self._settings.person_name))

    def _recover(self, death: EngineDied) -> None:
        if death.crashed:
            self._avoid.append(self.info.rung)
        self._engine.close()
        self._engine = EngineClient()
        self.info = self._load()

    def _load(self) -> ModelInfo:
        settings = self._settings
        options = LoadOptions(context_tokens=settings.context_tokens, threads=settings.threads, gpu_layers=settings.gpu_layers)
        with _progress(self._console) as show:
            return self._engine.load(self._model, options, avoid=self._avoid, adapters=self._adapters, progress=show)

    def _append(self, role: str, text: str) -> None:
        number = len(self.messages) + 1
        self.messages.append(
            Message(id=number, conversation=0, parent=number - 1 or None, role=role, text=text, created=time.time())  # type: ignore[arg-type]
        )


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[LoadProgress], None]]:
    if not console.is_terminal:
        yield lambda event: None
        return
    with console.status("Loading the model…") as status:

        def show(event: LoadProgress) -> None:
            status.update(f"{STAGES[event.stage]}… {event.fraction:.0%}")

        yield show


def chat(*, once: str | None, model: Path | None, character: Path | None, as_json: bool, adapters: Sequence[str] = ()) -> int:
    """Run the command; returns the exit status. Raises CompanionError."""
    if once is not None and not once.strip():
        raise CompanionError("There is nothing to say.", "Give a text: companion chat --once “Hello”")
    uses = [adapter_use(argument) for argument in adapters]
    log_to_file("terminal")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    loaded = load_settings(settings_file())
    piped = not sys.stdin.isatty()
    quiet = once is not None or piped or as_json
    console = Console(stderr=quiet, highlight=False)
    if loaded.notice:
        console.print(escape(loaded.notice))
    settings = loaded.settings
    path = required_model(model, settings)
    who = load_character(str(character) if character else BUILT_IN)
    session = TerminalChat(path, who, settings, console, uses)
    try:
        if once is not None:
            return _answer_quietly(session, once, as_json=as_json)
        if piped or as_json:
            return max((_answer_quietly(session, line, as_json=as_json) for line in _lines() if line.strip()), default=0)
        return _converse(session, console)
    finally:
        session.close()


def _lines() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", errors="replace").rstrip("\r\n")


def _answer_quietly(session: TerminalChat, text: str, *, as_json: bool) -> int:
    """Print her reply, or one JSON object per reply, to stdout as soon as there is something to print."""
    session.say(text)
    pieces: list[str] = []
    done: ReplyDone | None = None
    read: PromptRead | None = None
    for event in _surviving(session):
        if isinstance(event, Piece):
            pieces.append(event.text)
            if not as_json:
                _write(event.text.lstrip() if len(pieces) == 1 else event.text)
        elif isinstance(event, PromptRead):
            read = event
        else:
            done = event
    if done is None:
        return 1
    if as_json:
        facts = {"text": text, "reply": "".join(pieces).strip(), "model": session.info.name}
        adapters = [{"path": a.path, "name": a.name, "scale": a.scale} for a in session.info.adapters]
        details = {"adapters": adapters, "prompt": msgspec.to_builtins(read), "result": msgspec.to_builtins(done)}
        _write(json.dumps({**facts, **details}, ensure_ascii=False))
    _write("\n")
    return 0


def _surviving(session: TerminalChat) -> Iterator[Piece | PromptRead | ReplyDone]:
    """Her reply; when the engine dies, that is said on stderr and the next line finds it running again."""
    try:
        yield from session.reply()
    except EngineDied as death:
        _write("\n")
        print(death.what, "It was started again; this reply is incomplete.", file=sys.stderr)


def _write(text: str) -> None:
    sys.stdout.write(printable(text))
    sys.stdout.flush()


def _converse(session: TerminalChat, console: Console) -> int:
    name, info = printable(session.character.name), session.info
    adapters = "".join(f" + {adapter.title}" for adapter in info.adapters)
    threads = f"{counted(info.threads, 'thread')} ({info.threads_reason})"
    facts = f"{info.name} · {info.quantization}{adapters} · {threads} · context {info.context_tokens:,}"
    console.print(f"[dim]{escape(printable(facts))}[/dim]")
    console.print(f"[dim]{HELP}[/dim]\n")
    console.print(f"[bold magenta]{escape(name)}[/] {escape(printable(session.messages[0].text))}\n")
    while True:
        try:
            text = console.input("[bold cyan]You[/] ").strip()
        except (EOFError, KeyboardInterrupt):
            console.print()
            return 0
        if text == "/quit":
            return 0
        if text == "/new":
            console.print(f"\n[bold magenta]{escape(name)}[/] {escape(printable(session.begin()))}\n")
        elif text == "/again" and not session.forget_reply():
            console.print("[dim]Say something first.[/dim]")
        elif text.startswith("/") and text != "/again":
            console.print(f"[dim]{HELP}[/dim]")
        elif text:
            if text != "/again":
                session.say(text)
            _stream(session, console)


def _stream(session: TerminalChat, console: Console) -> None:
    console.print(f"[bold magenta]{escape(printable(session.character.name))}[/] ", end="")
    began = False
    try:
        with _interrupt_stops(session):
            for event in session.reply():
                if isinstance(event, Piece):
                    console.out(printable(event.text if began else event.text.lstrip()), end="", highlight=False)
                    began = True
                elif isinstance(event, ReplyDone):
                    speed = f"{event.tokens_per_second:.0f} tok/s"
                    console.print(f"\n[dim]{speed}{ENDINGS.get(event.reason, '')}[/dim]\n")
    except EngineDied as death:
        console.print(f"\n[yellow]{escape(death.what)} It was started again; write on.[/yellow]\n")
    except CompanionError as error:
        console.print(f"\n[yellow]{escape(str(error))}[/yellow]\n")


@contextmanager
def _interrupt_stops(session: TerminalChat) -> Iterator[None]:
    """Ctrl-C stops the reply instead of raising in the middle of reading it."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: session.stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
