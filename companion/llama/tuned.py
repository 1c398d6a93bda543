"""What `companion tune` found out about a model on this machine. It is kept in the model's plan, and the engine goes by it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from companion.core.other_load import HARMLESS
from companion.core.tuning import Choice, Trial
from companion.llama.context import ContextOptions, KVTypes

STEADY: Final = 1.5
"""The same work may take so many times as long at the end as at the beginning."""
SLOWER: Final = 0.85
"""A choice may trade so much of one speed for the other."""
Method = Literal["off", "lookup", "draft"]


class Speculation(msgspec.Struct, frozen=True, kw_only=True):
    """How words are guessed ahead and then verified together (`speculation.py`)."""

    method: Method = "off"
    tokens: int = 0
    """How many are guessed at once."""
    draft: str = ""
    """Path of the draft model."""
    acceptance: float = 0.0
    """Share of guessed tokens that were right."""
    gain: float = 1.0
    """Speed of writing on real dialogues ÷ without."""
    drift: float = 0.0
    """Divergence of what is computed several tokens at a time from what is computed one by one, in nats; 0 when every bit is
    the same, and with it every reply."""


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """Settings for the engine, and how they were found."""

    threads: int
    prompt_threads: int
    busy_threads: int
    """For writing while another program holds a core."""
    busy_prompt_threads: int
    batch: int
    ubatch: int
    flash_attention: bool
    kv_types: KVTypes
    context_tokens: int
    gpu_layers: int
    speculation: Speculation
    read: float
    """Tokens per second of reading with these settings, at rest."""
    write: float
    choices: tuple[Choice, ...]
    trials: tuple[Trial, ...]
    seconds: float
    """How long the search took."""
    steadiness: float
    """The time of the same work at the end ÷ at the beginning."""
    notes: tuple[str, ...] = ()
    read_before: float = 0.0
    """With what the model ran with before, under the same load; 0 in plans of older versions."""
    write_before: float = 0.0
    other_cores: float = 0.0
    """How many cores other programs kept busy during the search at rest."""

    @property
    def is_disturbed(self) -> bool:
        """Whether something else computed meanwhile, so that nothing is known: the same work took another time at the end, or
        the best of all that was tried is slower than where the search began."""
        is_slower = self.write < SLOWER * self.write_before or self.read < SLOWER * self.read_before
        return not 1 / STEADY < self.steadiness < STEADY or self.other_cores > HARMLESS or is_slower

    @property
    def reason(self) -> str:
        """In the middle of a sentence."""
        told = next(choice.reason for choice in self.choices if choice.name == "threads")
        return f"{told[:1].lower()}{told[1:].rstrip('.')}"

    def options(self, tokens: int) -> ContextOptions:
        """A context of so many tokens with these settings."""
        return ContextOptions(
            tokens=tokens,
            threads=self.threads,
            prompt_threads=self.prompt_threads,
            busy_threads=self.busy_threads,
            busy_prompt_threads=self.busy_prompt_threads,
            batch=self.batch,
            ubatch=self.ubatch,
            kv_types=self.kv_types,
            flash_attention=self.flash_attention,
            expected_prompt=self.read,
            expected_reply=self.write,
        )
