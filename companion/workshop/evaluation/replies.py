"""What a subject answers: all prompts once, several at a time, for every family that looks at replies."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from msgspec.structs import replace

from companion.core.recipes.evaluate import Replies
from companion.core.sampling import PRESETS, Sampling
from companion.llama.context import Context
from companion.llama.parallel import Task, Written, generate, tokens_needed
from companion.workshop.evaluation.family import Prompt, Reply, Tell
from companion.workshop.evaluation.lanes import in_lanes, lanes_for
from companion.workshop.evaluation.opened import Opened, prompt_tokens

GREEDY: Final = PRESETS["Exact"]


def answer(opened: Opened, prompts: Sequence[Prompt], options: Replies, seed: int, tell: Tell) -> list[Reply]:
    """A reply to each prompt, in their order, drawn as in the chat or greedily.

    Each prompt has a seed of its own, made of `seed` and its name: a reply depends neither on how many others are asked nor
    on their order, but for the last bits of what is computed side by side. Raises ModelError for a prompt that is too long
    or when there is no room, EngineError when llama.cpp cannot go on.
    """
    if not prompts:
        return []
    tasks = tasks_of(opened, prompts, options, seed)
    lanes = lanes_for(opened, -(-len(tasks) // options.at_once))
    beside = min(options.at_once, -(-len(tasks) // lanes))

    def open_context(lane: Opened, part: Sequence[Task]) -> AbstractContextManager[Context]:
        return lane.context(tokens_needed(part, beside), sequences=beside + 1, outputs=beside + 1)

    def write(context: Context, part: Sequence[Task], told: Tell) -> list[Written]:
        return generate(context, part, stops=opened.template.stops, tell=told)

    written = in_lanes(opened, tasks, lanes, open_context, write, tell)
    return [
        Reply(prompt, found.text.strip(), found.tokens, found.ended, found.seconds)
        for prompt, found in zip(prompts, written, strict=True)
    ]


def tasks_of(opened: Opened, prompts: Sequence[Prompt], options: Replies, seed: int) -> list[Task]:
    """What is to be written, as `answer` draws it."""
    tasks = []
    for prompt in prompts:
        sampling = GREEDY if options.sampling == "greedy" else replace(Sampling(), seed=seed_of(seed, prompt.name))
        tokens = prompt_tokens(opened, prompt.dialogue.messages, reply_tokens=options.tokens)
        tasks.append(Task(tokens, replace(sampling, max_tokens=options.tokens)))
    return tasks


def seed_of(seed: int, name: str) -> int:
    """A seed of one prompt's own: 31 bits of a hash of the report's seed and its name."""
    digest = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") >> 1
