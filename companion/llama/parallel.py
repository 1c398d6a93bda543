"""Several replies at once, as parallel sequences of one context: the weights are read once for all of them.

What all prompts begin with is computed once and shared, and so is what a prompt has in common with one beside it, such as
an earlier turn of the same dialogue. A sequence whose reply has ended takes the next prompt at once.
Each reply has a sampler of its own, with its own seed and history, so what the others say does not change it but for the
last bits of the logits, which depend on how many tokens are computed together. The same call again gives the same replies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import llama_cpp

from companion.core.sampling import Sampling
from companion.llama.batch import Batch
from companion.llama.context import Context
from companion.llama.prompt import common_prefix
from companion.llama.sampling import Sampler
from companion.llama.scoring import cleared
from companion.llama.text_stream import TextStream

WORTH_WAITING: Final = 16
"""Tokens in common with another prompt, beyond what all share, for which one waits until they are read."""


class Task(NamedTuple):
    """A prompt, and how its reply is drawn; `sampling.max_tokens` ends it at the latest."""

    tokens: Sequence[int]
    sampling: Sampling


class Written(NamedTuple):
    """A reply as it came."""

    text: str
    tokens: int
    ended: bool
    """Whether she ended it, by a token or a stop text; otherwise it was cut."""
    seconds: float
    """From the first token of its prompt that was read to its end, with the others beside it."""


class _Slot:
    """One sequence and the reply it is writing. `begins_with` are tokens of its prompt that are in the cache."""

    def __init__(
        self, context: Context, sequence: int, number: int, task: Task, begins_with: int, stops: tuple[str, ...]
    ) -> None:
        self.sequence, self.number, self.prompt = sequence, number, task.tokens
        self.waiting: Sequence[int] = task.tokens[begins_with:]
        """Tokens that are not in the cache yet."""
        self.position = begins_with
        self.after: _Slot | None = None
        """Whose prompt is to be read first, since this one goes on where it ends."""
        self._most = task.sampling.max_tokens
        self._vocabulary = context.model.vocabulary
        self._sampler = Sampler(self._vocabulary, task.sampling, task.tokens)
        self._stream = TextStream((*task.sampling.stop, *stops))
        self._text: list[str] = []
        self._count = 0
        self._began = time.perf_counter()

    def draw(self, context: Context, index: int) -> Written | None:
        """The next token from the logits of the batch's token `index`; the reply when it has ended."""
        token = self._sampler.sample(context.pointer, index)
        if self._vocabulary.ends_reply(token):
            return self._written(ended=True)
        self._count += 1
        self._text.append(self._stream.add(self._vocabulary.piece(token)))
        if self._stream.stopped:
            return self._written(ended=True)
        if self._count >= self._most:
            return self._written(ended=False)
        self.waiting = [token]
        return None

    def close(self) -> None:
        self._sampler.close()

    def _written(self, *, ended: bool) -> Written:
        text = "".join(self._text) + self._stream.finish()
        return Written(text, self._count, ended, time.perf_counter() - self._began)


def tokens_needed(tasks: Sequence[Task], at_once: int) -> int:
    """How large a context `generate` needs for these tasks, however their replies come out."""
    shared = _shared(tasks)
    own = sorted((len(task.tokens) - shared + task.sampling.max_tokens for task in tasks), reverse=True)
    return shared + sum(own[:at_once]) + 1


def generate(
    context: Context,
    tasks: Sequence[Task],
    *,
    stops: tuple[str, ...] = (),
    tell: Callable[[float], None] = lambda share: None,
) -> list[Written]:
    """Replies to all tasks, in their order; every prompt has at least one token.

    As many are written at once as the context has sequences, less one for what they share. `stops` are texts that end any
    reply (`ChatTemplate.stops`). Raises EngineError, and what `tell` raises.
    """
    if not tasks:
        return []
    return _Generation(context, tasks, stops, tell).replies()


class _Generation:
    def __init__(self, context: Context, tasks: Sequence[Task], stops: tuple[str, ...], tell: Callable[[float], None]) -> None:
        self._context, self._tasks, self._stops, self._tell = context, tasks, stops, tell
        self._memory = llama_cpp.llama_get_memory(context.pointer)
        self._shared = _shared(tasks)
        model = context.model.pointer
        self._can_copy_parts = not (llama_cpp.llama_model_is_recurrent(model) or llama_cpp.llama_model_is_hybrid(model))
        self._waiting = iter(enumerate(tasks))
        self._slots: list[_Slot] = []
        self._found: dict[int, Written] = {}

    def replies(self) -> list[Written]:
        with cleared(self._context), Batch(self._context) as batch:
            try:
                self._read_shared(batch)
                for sequence in range(1, self._context.options.sequences):
                    self._begin(sequence)
                while self._slots:
                    self._step(batch)
            finally:
                for slot in self._slots:
                    slot.close()
        return [self._found[number] for number in range(len(self._tasks))]

    def _read_shared(self, batch: Batch) -> None:
        tokens = self._tasks[0].tokens[: self._shared]
        for start in range(0, len(tokens), batch.size):
            part = tokens[start : start + batch.size]
            batch.add(part, start, 0, [False] * len(part))
            batch.decode()

    def _begin(self, sequence: int) -> None:
        """Give a free sequence the next prompt, if there is one."""
        number, task = next(self._waiting, (-1, None))
        if task is None:
            return
        if self._shared:
            llama_cpp.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)
        slot = _Slot(self._context, sequence, number, task, self._shared, self._stops)
        if self._can_copy_parts:
            slot.after = max(self._slots, key=lambda other: self._in_common(other, slot), default=None)
            if slot.after is not None and self._in_common(slot.after, slot) < self._shared + WORTH_WAITING:
                slot.after = None
        self._slots.append(slot)

    @staticmethod
    def _in_common(one: _Slot, other: _Slot) -> int:
        return common_prefix(one.prompt, other.prompt[:-1])

    def _go_on(self) -> None:
        """Prompts whose beginning has been read by another take it over."""
        for slot in self._slots:
            if slot.after is None or slot.after.position < (held := self._in_common(slot.after, slot)):
                continue
            llama_cpp.llama_memory_seq_rm(self._memory, slot.sequence, -1, -1)
            llama_cpp.llama_memory_seq_cp(self._memory, slot.after.sequence, slot.sequence, 0, held)
            slot.waiting, slot.position, slot.after = slot.prompt[held:], held, None

    def _step(self, batch: Batch) -> None:
        """One batch: the next token of every reply, then as much of the new prompts as fits; then draw what can be drawn."""
        ready: list[tuple[_Slot, int]] = []
        self._go_on()
        reading = [slot for slot in self._slots if slot.after is None]
        for slot in sorted(reading, key=lambda slot: len(slot.waiting) > 1):
            part = slot.waiting[: batch.room()]
            if not part:
                break
            slot.waiting = slot.waiting[len(part) :]
            batch.add(part, slot.position, slot.sequence, [False] * (len(part) - 1) + [not slot.waiting])
            slot.position += len(part)
            if not slot.waiting:
                ready.append((slot, batch.count - 1))
        batch.decode()
        self._go_on()  # before a reply ends and takes its sequence with it
        for slot, index in ready:
            written = slot.draw(self._context, index)
            if written is not None:
                self._end(slot, written)

    def _end(self, slot: _Slot, written: Written) -> None:
        self._found[slot.number] = written
        slot.close()
        self._slots.remove(slot)
        llama_cpp.llama_memory_seq_rm(self._memory, slot.sequence, -1, -1)
        self._tell(len(self._found) / len(self._tasks))
        self._begin(slot.sequence)


def _shared(tasks: Sequence[Task]) -> int:
    """How many tokens all prompts begin with; at least the last one of each is its own."""
    first = tasks[0].tokens
    return min(common_prefix(first, task.tokens[:-1]) for task in tasks) if len(tasks) > 1 else 0
