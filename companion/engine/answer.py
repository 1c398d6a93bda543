"""One reply: the prompt is read, tokens are drawn, text goes out as it comes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Literal

from companion.core.errors import ModelError
from companion.core.messages import Event, Generate, MoodHeard, Piece, Prepare, PromptProgress, PromptRead, ReplyDone
from companion.engine.moods import Heard, Moods
from companion.engine.session import Session
from companion.llama.context import Stopped
from companion.llama.prompt import FittedPrompt
from companion.llama.sampling import Sampler
from companion.llama.text_stream import TextStream

Send = Callable[[Event], None]
Reason = Literal["end", "length", "stop_text", "stopped", "context_full"]
PROGRESS_SECONDS = 0.1
PIECE_SECONDS = 0.025
"""Text goes out at most this often. Faster models would wake the window, and take a core from themselves, for words
that no screen shows any sooner."""


def answer(session: Session, moods: Moods, request: Generate, arrived: float, stopped: Callable[[], bool], send: Send) -> None:
    """Answer `request`, which came at `arrived` (perf_counter). Raises ModelError before any `Piece`, EngineError at any time."""
    prompt = session.prompts.build(request.turns, reply_tokens=request.sampling.max_tokens, continue_last=request.continue_last)
    last_report = 0.0

    def progress(read: int) -> None:
        nonlocal last_report
        if (now := time.perf_counter()) - last_report > PROGRESS_SECONDS:
            last_report = now
            send(PromptProgress(request=request.request, read=read, total=len(prompt.tokens)))

    try:
        reused = session.read(prompt, request.turns, stop=stopped, progress=progress)
    except Stopped:
        send(_done(request, session, "stopped", 0, arrived, time.perf_counter(), time.perf_counter()))
        return
    send(_prompt_read(request.request, session, prompt, reused))
    _write(session, moods, request, prompt.tokens, arrived, stopped, send)


def prepare(session: Session, request: Prepare, stopped: Callable[[], bool], send: Send) -> None:
    """Read the turns as far as the next message of the person cannot change them; ends early when `stopped`."""
    with contextlib.suppress(Stopped, ModelError):
        prompt = session.prompts.build_open(request.turns, reply_tokens=request.reply_tokens)
        send(_prompt_read(request.request, session, prompt, 0))
        session.read(prompt, request.turns, stop=stopped)


def _prompt_read(number: int, session: Session, prompt: FittedPrompt, reused: int) -> PromptRead:
    return PromptRead(
        request=number,
        prompt_tokens=len(prompt.tokens),
        reused_tokens=reused,
        context_tokens=session.context.size,
        dropped_turns=prompt.dropped_turns,
        first_remembered=prompt.first_remembered,
    )


def _write(
    session: Session,
    moods: Moods,
    request: Generate,
    prompt: list[int],
    arrived: float,
    stopped: Callable[[], bool],
    send: Send,
) -> None:
    context, vocabulary = session.context, session.model.vocabulary
    stream = TextStream((*request.sampling.stop, *session.template.stops))
    sampler = Sampler(vocabulary, request.sampling, prompt)
    number, count, reason = request.request, 0, "length"
    waiting, sent = "", 0.0
    moods.begin_reply()
    first = time.perf_counter()
    ahead = session.ahead()
    try:
        while count < request.sampling.max_tokens:
            if stopped():
                reason = "stopped"
                break
            token = sampler.sample(context.pointer, ahead.index)
            now = time.perf_counter()
            if count == 0:
                first = now
            if vocabulary.ends_reply(token):
                reason = "end"
                break
            count += 1
            waiting += stream.add(vocabulary.piece(token))
            if waiting and now - sent >= PIECE_SECONDS:
                send(Piece(request=number, text=waiting))
                _tell(number, moods.hear(waiting), send)
                waiting, sent = "", now
            if stream.stopped:
                reason = "stop_text"
                break
            if ahead.length >= context.size:
                reason = "context_full"
                break
            ahead.add(token)
    finally:
        ahead.finish()
        sampler.close()
        if text := waiting + stream.finish():
            send(Piece(request=number, text=text))
        _tell(number, moods.hear(text) + moods.end_reply(), send)
    send(_done(request, session, reason, count, arrived, first, time.perf_counter()))


def _tell(number: int, heard: Heard, send: Send) -> None:
    for sentence, mood in heard:
        send(MoodHeard(request=number, sentence=sentence, mood=mood))


def _done(request: Generate, session: Session, reason: str, count: int, arrived: float, first: float, ended: float) -> ReplyDone:
    seconds = ended - first
    return ReplyDone(
        request=request.request,
        reason=reason,  # type: ignore[arg-type]
        tokens=count,
        first_token_seconds=first - arrived,
        seconds=seconds,
        tokens_per_second=(count - 1) / seconds if count > 1 and seconds > 0 else 0.0,
        context_used=len(session.context.tokens),
        context_tokens=session.context.size,
    )
