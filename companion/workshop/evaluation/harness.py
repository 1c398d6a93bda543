"""A subject as a model of lm-evaluation-harness (the extra “tasks”), in this process, through llama.cpp.

Contexts and endings are tokenized as the harness does it for models of transformers: context and ending together, cut
where the context's tokens end; a vocabulary that adds BOS has it first; an empty context is BOS, or what ends a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from lm_eval.api.model import LM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from msgspec.structs import replace

from companion.llama.context import Context, floats
from companion.llama.parallel import Task, generate, tokens_needed
from companion.llama.scoring import Run, Softmax, branches, cleared, decoded
from companion.workshop.evaluation.family import Tell
from companion.workshop.evaluation.opened import Opened
from companion.workshop.evaluation.replies import GREEDY

LONGEST: Final = 4096
"""Tokens of one request; what is longer loses its beginning, as the harness does it."""
REPLY_TOKENS: Final = 256
"""Of a task that does not say how long a reply may be, as the harness takes it."""
AT_ONCE: Final = 8

Answer = tuple[float, bool]
"""Summed log-probability in nats, and whether the ending is what the likeliest word each time would give."""


class EngineLM(LM):  # type: ignore[misc]
    """Requests come and go as the harness defines them. Raises ModelError and EngineError."""

    def __init__(self, opened: Opened, tell: Tell = lambda share: None) -> None:
        super().__init__()
        self._opened, self._tell = opened, tell
        self._vocabulary = opened.model.vocabulary
        self.max_length = min(opened.longest, LONGEST)

    @property
    def prefix(self) -> int:
        """What stands before a text that has nothing before it."""
        known = self._vocabulary
        return next((token for token in (known.bos, known.eos) if token >= 0), 0)

    def encode(self, text: str) -> list[int]:
        """Tokens of a text that begins a prompt."""
        begin = [self._vocabulary.bos] if self._vocabulary.adds_bos else []
        return [*begin, *self._vocabulary.tokenize(text)]

    def encode_pair(self, context: str, ending: str) -> tuple[list[int], list[int]]:
        """Tokens of both, cut where those of the context alone end; spaces between them belong to the ending."""
        if not context:
            return [self.prefix], self._vocabulary.tokenize(ending)
        kept = context.rstrip()
        ending, context = context[len(kept) :] + ending, kept
        whole, begin = self.encode(context + ending), self.encode(context)
        return begin, whole[len(begin) :]

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[Answer]:
        """Of each (context, ending); endings of the same context, such as the choices of a question, share its reading."""
        pairs = [self._fitted(*self.encode_pair(*request.args)) for request in requests]
        groups: dict[tuple[int, ...], list[int]] = {}
        for number, (begin, _) in enumerate(pairs):
            groups.setdefault(tuple(begin), []).append(number)
        found: list[Answer] = [(0.0, True)] * len(pairs)
        if not pairs:
            return found
        room = max(len(begin) + sum(len(pairs[number][1]) for number in mine[:AT_ONCE]) for begin, mine in groups.items())
        longest = max(len(begin) + len(ending) for begin, ending in pairs)
        done = 0
        with self._opened.context(max(room, longest) + 1, sequences=AT_ONCE + 1) as context:
            for shared, mine in groups.items():
                answers = _answers(context, list(shared), [pairs[number][1] for number in mine])
                for number, answer in zip(mine, answers, strict=True):
                    found[number] = answer
                    self.cache_hook.add_partial("loglikelihood", requests[number].args, answer)
                done += len(mine)
                self._tell(done / len(pairs))
        return found

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Of each whole text, in windows that do not overlap in what they predict."""
        found = []
        with self._opened.context(self.max_length + 1) as context:
            for number, request in enumerate(requests, start=1):
                (text,) = request.args
                windows = get_rolling_token_windows(
                    token_list=self._vocabulary.tokenize(text),
                    prefix_token=self.prefix,
                    max_seq_len=self.max_length,
                    context_len=1,
                )
                pairs = [make_disjoint_window(window) for window in windows]
                found.append(sum(_answer(context, begin, ending)[0] for begin, ending in pairs))
                self.cache_hook.add_partial("loglikelihood_rolling", request.args, found[-1])
                self._tell(number / len(requests))
        return found

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """What she writes after each context until one of its stop texts, several side by side."""
        tasks = [self._task(*request.args) for request in requests]
        if not tasks:
            return []
        at_once = min(AT_ONCE, len(tasks))
        with self._opened.context(tokens_needed(tasks, at_once), sequences=at_once + 1) as context:
            written = [each.text for each in generate(context, tasks, tell=self._tell)]
        for request, text in zip(requests, written, strict=True):
            self.cache_hook.add_partial("generate_until", request.args, text)
        return written

    def _fitted(self, begin: list[int], ending: list[int]) -> tuple[list[int], list[int]]:
        """Without the beginning of what is too long; an ending that is too long by itself loses its own."""
        ending = ending[-(self.max_length - 1) :]
        return begin[-(self.max_length - len(ending)) :], ending

    def _task(self, context: str, wishes: dict[str, Any]) -> Task:
        until = wishes.get("until") or []
        most = int(wishes.get("max_gen_toks") or REPLY_TOKENS)
        warm = float(wishes.get("temperature") or 0) if wishes.get("do_sample") else 0.0
        stops = (until,) if isinstance(until, str) else tuple(until)
        sampling = replace(GREEDY, max_tokens=most, temperature=warm, stop=tuple(filter(None, stops)), seed=0)
        return Task(self.encode(context)[-max(1, self.max_length - most) :] or [self.prefix], sampling)


def _answers(context: Context, begin: list[int], endings: Sequence[list[int]]) -> list[Answer]:
    if len(endings) == 1:
        return [_answer(context, begin, endings[0])]
    values = [float(value.sum()) for value in branches(context, begin, endings)]
    return list(zip(values, _greedy(context, begin, endings), strict=True))


def _answer(context: Context, begin: Sequence[int], ending: Sequence[int]) -> Answer:
    """In one pass."""
    if not ending:
        return 0.0, True
    targets = [*[-1] * (len(begin) - 1), *ending]
    nats, greedy = 0.0, True
    with cleared(context), Softmax(context.options.threads) as softmax:
        for rows in decoded(context, [Run([*begin, *ending[:-1]], targets)]):
            nats += float(softmax.log_probabilities(rows).sum())
            greedy = greedy and bool((rows.logits.argmax(axis=1) == rows.targets).all())
    return nats, greedy


def _greedy(context: Context, begin: list[int], endings: Sequence[list[int]]) -> list[bool]:
    """Which endings the likeliest word each time would give: it is followed until it leaves all of them."""
    size = context.model.vocabulary.size
    found = [not ending for ending in endings]
    walking = [number for number, ending in enumerate(endings) if ending]
    with cleared(context):
        context.read(begin)
        for step in range(max(map(len, endings), default=0)):
            likeliest = int(np.argmax(floats(context.logits(), size)))
            walking = [number for number in walking if endings[number][step] == likeliest]
            for number in walking:
                found[number] = len(endings[number]) == step + 1
            walking = [number for number in walking if not found[number]]
            if not walking:
                break
            context.add(likeliest)
    return found
