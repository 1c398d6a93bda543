"""The sampler chain: how the next token is drawn from the model's probabilities."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Sequence
from typing import Any

import llama_cpp

from companion.core.sampling import Sampling
from companion.llama.vocabulary import Vocabulary

DRY_BREAKERS = (b"\n", b":", b'"', b"*")
"""A repeat is not followed across these, as in the original proposal of DRY."""


class Sampler:
    """llama.cpp's samplers in its own default order: penalties, DRY, top-k, typical, top-p, min-p, XTC, temperature."""

    def __init__(self, vocabulary: Vocabulary, sampling: Sampling, history: Sequence[int]) -> None:
        """`history` (the prompt's tokens, oldest first) is what penalties and DRY look back on."""
        params = llama_cpp.llama_sampler_chain_default_params()
        params.no_perf = True
        self.pointer: Any = llama_cpp.llama_sampler_chain_init(params)
        for sampler in _chain(vocabulary, sampling):
            llama_cpp.llama_sampler_chain_add(self.pointer, sampler)
        for token in history[-max(sampling.penalty_window, 1) :]:
            llama_cpp.llama_sampler_accept(self.pointer, token)

    def sample(self, context: Any, index: int = -1) -> int:
        """Draw the next token from the logits of the last position, or of another of the last batch, and remember it."""
        return int(llama_cpp.llama_sampler_sample(self.pointer, context, index))

    def close(self) -> None:
        if self.pointer:
            llama_cpp.llama_sampler_free(self.pointer)
            self.pointer = None


def _chain(vocabulary: Vocabulary, s: Sampling) -> list[Any]:
    """Only samplers that change something: each costs a pass over the vocabulary."""
    chain: list[Any] = []
    if s.penalty_window and (s.repeat_penalty != 1 or s.frequency_penalty or s.presence_penalty):
        chain.append(
            llama_cpp.llama_sampler_init_penalties(
                vocabulary.size, s.penalty_window, s.repeat_penalty, s.frequency_penalty, s.presence_penalty
            )
        )
    if s.dry_multiplier:
        breakers = (ctypes.c_char_p * len(DRY_BREAKERS))(*DRY_BREAKERS)
        chain.append(
            llama_cpp.llama_sampler_init_dry(
                vocabulary.pointer,
                s.dry_multiplier,
                s.dry_base,
                s.dry_allowed_length,
                s.penalty_window,
                breakers,
                len(DRY_BREAKERS),
            )
        )
    if s.temperature == 0:
        return [*chain, llama_cpp.llama_sampler_init_greedy()]
    if s.top_k:
        chain.append(llama_cpp.llama_sampler_init_top_k(s.top_k))
    if s.typical_p < 1:
        chain.append(llama_cpp.llama_sampler_init_typical(s.typical_p, 1))
    if s.top_p < 1:
        chain.append(llama_cpp.llama_sampler_init_top_p(s.top_p, 1))
    if s.min_p > 0:
        chain.append(llama_cpp.llama_sampler_init_min_p(s.min_p, 1))
    seed = s.seed if s.seed >= 0 else random.SystemRandom().randrange(2**31)
    if s.xtc_probability:
        chain.append(llama_cpp.llama_sampler_init_xtc(s.xtc_probability, s.xtc_threshold, 1, seed))
    return [*chain, llama_cpp.llama_sampler_init_temp(s.temperature), llama_cpp.llama_sampler_init_dist(seed)]
