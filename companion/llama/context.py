"""A context: the KV cache of one conversation at a time, reused as far as two prompts agree."""

from __future__ import annotations

import ctypes
import time
from array import array
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import llama_cpp

from companion.core.errors import EngineError, ModelError
from companion.core.gguf.types import TYPE_NUMBERS
from companion.llama.model import Model
from companion.llama.pace import Pace
from companion.llama.prompt import common_prefix

READ_SECONDS = 0.2
"""A batch of the prompt is made small enough to take about this long, so that Stop is obeyed in time."""
SMALLEST_BATCH, LARGEST_BATCH = 16, 512
OUTPUTS = 16
"""Tokens of a batch that have logits in the engine: one while reading and writing, more when guesses are verified."""
REPLY_WINDOW, PROMPT_WINDOW = 8, 128
"""Tokens timed together when watching the pace."""
SHIFT_WITNESS = 32
"""Tokens that must agree before a part of the cache is moved to a new position."""


class KVTypes(NamedTuple):
    """Types of the cached keys and values, by ggml's names. Values of another type than F16 need flash attention."""

    keys: str = "F16"
    values: str = "F16"

    def can_shift(self, key_size: int) -> bool:
        """Whether keys of this size may be moved: 0.3.36 ends the process on quantized ones that are no multiple of 64."""
        return self.keys == "F16" or key_size % 64 == 0


class ContextOptions(NamedTuple):
    tokens: int
    threads: int = 1
    prompt_threads: int = 0
    """Threads for reading the prompt; 0 uses `threads`."""
    busy_threads: int = 0
    """Threads that are best while another program holds a core, tried first then; 0 when nobody measured it."""
    busy_prompt_threads: int = 0
    batch: int = LARGEST_BATCH
    """Tokens that are handed over at once (n_batch)."""
    ubatch: int = 0
    """Tokens that are computed at once (n_ubatch): the compute buffer holds so many; 0 is the whole batch."""
    kv_types: KVTypes = KVTypes()
    flash_attention: bool | None = None
    """None lets llama.cpp decide."""
    expected_prompt: float = 0.0
    """Speed of reading measured at rest, in tokens/s; 0 keeps the threads fixed."""
    expected_reply: float = 0.0
    sequences: int = 1
    """More than one for `grow`, which needs a second to copy through, and for what decodes several side by side."""
    outputs: int = 0
    """Tokens of one batch that may have logits: memory for no more of them is set aside; 0 is every token."""

    @property
    def computed_at_once(self) -> int:
        return min(self.ubatch or self.batch, self.batch)


class Stopped(Exception):
    """Stop was obeyed; what has been read so far stays in the cache."""


class Context:
    """One sequence of tokens and its cache. Not shared between threads."""

    def __init__(self, model: Model, options: ContextOptions) -> None:
        """Raises ModelError when llama.cpp cannot make a context of this size."""
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = options.tokens
        params.n_batch, params.n_ubatch = options.batch, options.computed_at_once
        params.type_k, params.type_v = (TYPE_NUMBERS[name] for name in options.kv_types)
        params.n_threads = options.threads
        params.n_threads_batch = options.prompt_threads or options.threads
        params.flash_attn_type = -1 if options.flash_attention is None else int(options.flash_attention)
        params.no_perf = True
        params.n_seq_max, params.kv_unified = options.sequences, True
        params.n_outputs_max = max(options.outputs, options.sequences) if options.outputs else 0
        self.model = model
        self.options = options
        self.pointer: Any = llama_cpp.llama_init_from_model(model.pointer, params)
        if not self.pointer:
            raise ModelError(
                f"There is no room for a context of {options.tokens:,} tokens.",
                "Choose a smaller context in the settings, or a smaller model.",
            )
        self.size = int(llama_cpp.llama_n_ctx(self.pointer))
        self._memory = llama_cpp.llama_get_memory(self.pointer)
        self._can_shift = bool(llama_cpp.llama_memory_can_shift(self._memory)) and options.kv_types.can_shift(model.key_size)
        self._batch = llama_cpp.llama_batch_init(options.batch, 0, 1)
        for i in range(options.batch):
            self._batch.n_seq_id[i] = 1
            self._batch.seq_id[i][0] = 0
        self._read_size = min(64, options.batch)
        self._reply_pace = Pace(options.threads, options.expected_reply, REPLY_WINDOW, options.busy_threads)
        self._prompt_pace = Pace(
            options.prompt_threads or options.threads, options.expected_prompt, PROMPT_WINDOW, options.busy_prompt_threads
        )
        self._threads = (self._reply_pace.threads, self._prompt_pace.threads)
        self.tokens: list[int] = []
        """What the cache holds, position by position."""

    def __enter__(self) -> Context:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if self.pointer:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self.pointer)
            self.pointer = None

    def clear(self) -> None:
        llama_cpp.llama_memory_clear(self._memory, True)
        self.tokens = []

    def cut(self, length: int) -> bool:
        """Forget what stands from position `length` on; where that cannot be done everything is forgotten, and it is False."""
        if length < len(self.tokens) and not llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1):
            self.clear()  # recurrent and some sliding-window caches cannot be cut
            return False
        del self.tokens[length:]
        return True

    def read(
        self,
        tokens: list[int],
        *,
        may_shift: bool = False,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda read: None,
    ) -> int:
        """Make the cache hold `tokens` with logits of the last one ready; returns how many did not have to be read.

        With `may_shift`, a part that follows dropped turns is moved instead of read again.

        Raises Stopped within one small batch of `stop()` turning true, EngineError when llama.cpp cannot decode.
        """
        reused = self._keep(tokens, may_shift=may_shift)
        done = reused
        self._use_threads(self._reply_pace.threads, self._prompt_pace.threads)
        while done < len(tokens):
            if stop():
                raise Stopped
            chunk = tokens[done : done + self._read_size]
            began = time.perf_counter()
            self._decode(chunk, logits=done + len(chunk) == len(tokens))
            self._adapt(len(chunk), seconds := time.perf_counter() - began)
            if len(chunk) >= SMALLEST_BATCH:
                self._use_threads(self._reply_pace.threads, self._prompt_pace.observe(len(chunk), seconds))
            done += len(chunk)
            progress(done)
        return reused

    @property
    def can_take_back(self) -> bool:
        """Whether tokens that were just added can be cut off again, and leave the cache as it was before."""
        pointer = self.model.pointer
        keeps_state = llama_cpp.llama_model_is_recurrent(pointer) or llama_cpp.llama_model_is_hybrid(pointer)
        return not keeps_state and llama_cpp.llama_model_n_swa(pointer) == 0

    @property
    def most_outputs(self) -> int:
        """Tokens of one batch that may have logits."""
        return min(self.options.outputs or self.options.batch, self.options.batch)

    def add(self, token: int) -> None:
        """Append one token; logits for the next are then ready."""
        began = time.perf_counter()
        batch = self._batch
        batch.n_tokens, batch.token[0], batch.pos[0], batch.logits[0] = 1, token, len(self.tokens), 1
        self._run(batch)
        self.tokens.append(token)
        self._use_threads(self._reply_pace.observe(1, time.perf_counter() - began), self._prompt_pace.threads)

    def add_several(self, tokens: Sequence[int]) -> None:
        """Append tokens at once, at most `most_outputs`; logits after each of them are then ready.

        The reply's threads compute them. Their pace is not watched: they take longer than one token, and how much is not known.
        """
        self._use_threads(self._reply_pace.threads, self._reply_pace.threads)
        self._fill(tokens)
        for index in range(len(tokens)):
            self._batch.logits[index] = 1
        self._run(self._batch)
        self.tokens += tokens

    def grow(self, times: int) -> bool:
        """Make the cache `times` as deep by repeating what it holds, without computing it; False where that cannot be done.

        For measuring at depth: what is read next attends to nonsense, at the true cost. Needs `sequences` of 2.
        """
        held = len(self.tokens)
        size = llama_cpp.llama_state_seq_get_size(self.pointer, 0)
        state = (ctypes.c_uint8 * size)()
        if not self._can_shift or llama_cpp.llama_state_seq_get_data(self.pointer, state, size, 0) == 0:
            return False
        for number in range(1, times):
            if llama_cpp.llama_state_seq_set_data(self.pointer, state, size, 1) == 0:
                return False
            llama_cpp.llama_memory_seq_add(self._memory, 1, 0, held, held * number)
            llama_cpp.llama_memory_seq_cp(self._memory, 1, 0, -1, -1)
            llama_cpp.llama_memory_seq_rm(self._memory, 1, -1, -1)
            self.tokens += self.tokens[:held]
        return True

    def logits(self, index: int = -1) -> Any:
        """Logits of the last position, or of another of the last batch, as a ctypes pointer to `vocabulary.size` floats, valid
        until the next decode."""
        return llama_cpp.llama_get_logits_ith(self.pointer, index)

    def use_threads(self, reply: int, prompt: int) -> None:
        """Write and read with so many from now on, however fast it goes."""
        self._reply_pace, self._prompt_pace = Pace(reply, 0.0, REPLY_WINDOW), Pace(prompt, 0.0, PROMPT_WINDOW)
        self._use_threads(reply, prompt)

    def _use_threads(self, reply: int, prompt: int) -> None:
        if self._threads != (reply, prompt):
            self._threads = (reply, prompt)
            llama_cpp.llama_set_n_threads(self.pointer, reply, prompt)

    def _adapt(self, count: int, seconds: float) -> None:
        if count == self._read_size and seconds < READ_SECONDS / 2:
            self._read_size = min(self._read_size * 2, self.options.batch, LARGEST_BATCH)
        elif count > SMALLEST_BATCH and seconds > READ_SECONDS * 1.5:
            self._read_size = max(self._read_size // 2, SMALLEST_BATCH)

    def _decode(self, tokens: list[int], *, logits: bool) -> None:
        self._fill(tokens)
        self._batch.logits[len(tokens) - 1] = int(logits)
        self._run(self._batch)
        self.tokens += tokens

    def _fill(self, tokens: Sequence[int]) -> None:
        batch, position = self._batch, len(self.tokens)
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i] = token
            batch.pos[i] = position + i
            batch.logits[i] = 0

    def _run(self, batch: Any) -> None:
        result = llama_cpp.llama_decode(self.pointer, batch)
        if result != 0:
            self.clear()
            raise EngineError(
                f"llama.cpp could not read the text (code {result}).", "Try again; if it happens again, choose a smaller context."
            )

    def _keep(self, tokens: list[int], *, may_shift: bool) -> int:
        """Drop from the cache what disagrees with `tokens`; at least the last token is left to be read anew."""
        same = common_prefix(self.tokens, tokens[:-1])
        kept = same
        if may_shift and self._can_shift and same < len(self.tokens):
            kept += self._shift(tokens[:-1], same)
            if len(self.tokens) < kept:
                return 0  # the cache could not be cut and was cleared
        return kept if self.cut(kept) else 0

    def _shift(self, tokens: list[int], same: int) -> int:
        """After old turns were dropped: move the part that goes on unchanged to its new, earlier position.

        Returns how many tokens after `same` are in place now. What moved was computed while the dropped turns were
        still there, as in llama.cpp's own context shift; the next new turn sees the shortened history only.
        """
        witness = array("i", tokens[same : same + SHIFT_WITNESS]).tobytes()
        if len(tokens) - same < SHIFT_WITNESS:
            return 0
        held = array("i", self.tokens).tobytes()
        at = held.find(witness, same * 4)
        while at >= 0 and at % 4:
            at = held.find(witness, at + 1)
        if at < 0:
            return 0
        start = at // 4
        length = common_prefix(self.tokens[start:], tokens[same:])
        removed = llama_cpp.llama_memory_seq_rm(self._memory, 0, same, start)
        removed = removed and llama_cpp.llama_memory_seq_rm(self._memory, 0, start + length, -1)
        if not removed:
            self.clear()
            return 0
        llama_cpp.llama_memory_seq_add(self._memory, 0, start, start + length, same - start)
        self.tokens = self.tokens[:same] + self.tokens[start : start + length]
        return length


def floats(pointer: Any, count: int) -> Any:
    """A numpy view of `count` floats behind a ctypes pointer; copy it before the next decode."""
    import numpy as np

    return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), shape=(count,))
