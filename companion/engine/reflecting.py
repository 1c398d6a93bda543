"""Writing off the record: a small context beside the conversation's, over the same weights, while nothing else is asked."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from companion.core.errors import EngineError
from companion.core.messages import Reflect, Reflected
from companion.engine.session import Session
from companion.llama.context import SMALLEST_BATCH, Context, ContextOptions, Stopped
from companion.llama.memory import memory_need
from companion.llama.prompt import PromptBuilder
from companion.llama.sampling import Sampler
from companion.llama.text_stream import TextStream

CONTEXT_TOKENS = 2048
LARGEST_BATCH = 128
BATCH_SECONDS = 0.1
"""A reply that is asked for meanwhile waits for one batch at most; it is made small enough to take about this long."""
IDLE_SECONDS = 60.0
"""A context that was not used for so long is let go: with the starter model it takes 54 MB."""
MEMORY_TO_SPARE = 256 * 2**20
"""Bytes that must stay free: a quiet thought is not worth swapping."""


class Reflector:
    """Has a context only while there is something to reflect on."""

    def __init__(self) -> None:
        self._context: Context | None = None
        self._prompts: PromptBuilder | None = None
        self._used = 0.0

    def reflect(self, session: Session, request: Reflect, interrupted: Callable[[], bool]) -> Reflected:
        """Write until the model ends or `interrupted`. Raises EngineError or ModelError when it cannot be done here."""
        text = ""
        try:
            if interrupted():
                return Reflected(request=request.request, text="", complete=False)
            context, prompts = self._open(session)
            prompt = prompts.build(request.turns, reply_tokens=request.sampling.max_tokens).tokens
            if len(prompt) >= context.size:
                raise EngineError("There is too much to think about at once.", "Give it less text.")
            context.read(prompt, stop=interrupted)
            text, complete = _write(session, context, request, prompt, interrupted)
        except Stopped:
            complete = False
        finally:
            self._used = time.monotonic()
        return Reflected(request=request.request, text=text, complete=complete)

    @property
    def is_open(self) -> bool:
        return self._context is not None

    def close_if_idle(self) -> None:
        if time.monotonic() - self._used >= IDLE_SECONDS:
            self.close()

    def close(self) -> None:
        """To be called before the session is closed."""
        if self._context is not None:
            self._context.close()
        self._context = self._prompts = None

    def _open(self, session: Session) -> tuple[Context, PromptBuilder]:
        if self._context is None or self._prompts is None:
            batch = int(session.plan.options(0).expected_prompt * BATCH_SECONDS) // SMALLEST_BATCH * SMALLEST_BATCH
            batch = max(SMALLEST_BATCH, min(batch, LARGEST_BATCH))
            tokens = min(CONTEXT_TOKENS, session.context.size)
            ours = session.context.options
            options = ContextOptions(
                tokens=tokens,
                threads=ours.threads,
                prompt_threads=ours.prompt_threads,
                batch=batch,
                flash_attention=ours.flash_attention,
            )
            need = memory_need(session.header, options)
            if need.kv_cache + need.compute + MEMORY_TO_SPARE > psutil.virtual_memory().available:
                raise EngineError("There is not enough memory free to think in quiet.", "Close other programs.")
            self._context = Context(session.model, options)
            self._prompts = PromptBuilder(session.model.vocabulary, session.template, self._context.size)
        return self._context, self._prompts


def _write(
    session: Session, context: Context, request: Reflect, prompt: list[int], interrupted: Callable[[], bool]
) -> tuple[str, bool]:
    """The text, and whether it came to its end."""
    vocabulary, sampling = session.model.vocabulary, request.sampling
    stream = TextStream((*sampling.stop, *session.template.stops))
    sampler = Sampler(vocabulary, sampling, prompt)
    text, complete = "", True
    try:
        for _ in range(sampling.max_tokens):
            if interrupted():
                complete = False
                break
            token = sampler.sample(context.pointer)
            if vocabulary.ends_reply(token):
                break
            text += stream.add(vocabulary.piece(token))
            if stream.stopped or len(context.tokens) >= context.size:
                break
            context.add(token)
    finally:
        sampler.close()
    return text + stream.finish(), complete
