"""How the next token is drawn: the settings of the sampler chain and the presets a person picks from."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One setting per sampler of llama.cpp; each sentence is also the tooltip and the help text."""

    temperature: Annotated[
        float,
        Meta(ge=0, le=4, title="Temperature", description="Higher is more surprising; 0 always takes the most likely word."),
    ] = 0.6
    top_k: Annotated[int, Meta(ge=0, le=1000, title="Top-k", description="Only the k most likely tokens stay; 0 keeps all.")] = 40
    top_p: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title="Top-p",
            description="Keeps the most likely tokens that together reach this probability; 1 keeps all.",
        ),
    ] = 0.9
    min_p: Annotated[
        float,
        Meta(ge=0, le=1, title="Min-p", description="Drops tokens less likely than this share of the best one; 0 drops none."),
    ] = 0.1
    typical_p: Annotated[
        float, Meta(ge=0, le=1, title="Typical", description="Keeps tokens about as surprising as expected; 1 turns it off.")
    ] = 1.0
    repeat_penalty: Annotated[
        float, Meta(ge=0.5, le=2, title="Repeat penalty", description="Makes recently used tokens less likely; 1 turns it off.")
    ] = 1.1
    frequency_penalty: Annotated[
        float,
        Meta(
            ge=-2,
            le=2,
            title="Frequency penalty",
            description="Lowers a token a little more each time it was used; 0 turns it off.",
        ),
    ] = 0.0
    presence_penalty: Annotated[
        float, Meta(ge=-2, le=2, title="Presence penalty", description="Lowers a token once it was used at all; 0 turns it off.")
    ] = 0.0
    penalty_window: Annotated[
        int, Meta(ge=0, le=4096, title="Penalty window", description="How many recent tokens the three penalties look at.")
    ] = 256
    dry_multiplier: Annotated[
        float,
        Meta(
            ge=0, le=5, title="DRY", description="Stops whole phrases from repeating; 0 turns it off, 0.8 is a common strength."
        ),
    ] = 0.0
    dry_base: Annotated[
        float, Meta(ge=1, le=4, title="DRY base", description="How fast the DRY penalty grows with the length of a repeat.")
    ] = 1.75
    dry_allowed_length: Annotated[
        int, Meta(ge=1, le=64, title="DRY allowed length", description="Repeats up to this many tokens are not penalized by DRY.")
    ] = 2
    xtc_probability: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            title="XTC",
            description="How often the most likely choices are skipped for livelier wording; 0 turns it off.",
        ),
    ] = 0.0
    xtc_threshold: Annotated[
        float, Meta(ge=0, le=0.5, title="XTC threshold", description="Only choices at least this likely can be skipped by XTC.")
    ] = 0.1
    seed: Annotated[
        int,
        Meta(
            ge=-1,
            le=2**31 - 1,
            title="Seed",
            description="The same seed and the same words before give the same reply; -1 draws anew.",
        ),
    ] = -1
    max_tokens: Annotated[
        int, Meta(ge=1, le=32768, title="Longest reply", description="A reply ends after this many tokens at the latest.")
    ] = 320
    stop: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...],
        Meta(max_length=16, title="Stop at", description="A reply ends before any of these texts."),
    ] = ()


PRESETS: dict[str, Sampling] = {
    "Balanced": Sampling(),
    "Steady": Sampling(temperature=0.4, top_p=0.9, min_p=0.1),
    "Playful": Sampling(temperature=1.1, min_p=0.08, dry_multiplier=0.8, xtc_probability=0.3),
    "Exact": Sampling(temperature=0.0, repeat_penalty=1.0),
}
