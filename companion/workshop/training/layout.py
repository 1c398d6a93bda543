"""How the weights and the layers' inputs are kept, chosen so that the training fits; refused when nothing does."""

from __future__ import annotations

from typing import NamedTuple

from companion.core.amounts import bytes_text
from companion.core.errors import JobError
from companion.core.recipes.parts import Adapter, Machine
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.training.machine import Place
from companion.workshop.training.memory import Need, training_need

SMALLEST_ROW = 512
"""Tokens a row should hold at least: with fewer, unpacking weights takes longer than computing with them."""
LARGEST_ROW = 16_384
_SMALL_RANK = 4
_SHORT = 128
"""Shorter dialogues than this are not worth proposing."""


class Layout(NamedTuple):
    """One way to keep things; `most_tokens` is the longest row that fits."""

    packed: bool
    checkpoint: bool
    need: Need
    most_tokens: int
    sentences: tuple[str, ...]


def choose_layout(
    config: DecoderConfig,
    packed_bytes: int,
    adapter: Adapter | None,
    options: Machine,
    place: Place,
    *,
    typical_length: int,
    longest: int,
) -> Layout:
    """The fastest way that fits; raises JobError, naming what would fit, when none does. Lengths are tokens of dialogues."""
    needs = {
        (packed, checkpoint): training_need(
            config,
            packed_bytes,
            adapter,
            packed=packed,
            checkpoint=checkpoint,
            compute_bytes=2 if place.compute == "bfloat16" else 4,
            typical_length=typical_length,
        )
        for packed, checkpoint in _ways(options, whole=adapter is None or adapter.method == "full")
    }
    row = max(options.micro_batch_tokens or SMALLEST_ROW, longest)
    for (packed, checkpoint), need in needs.items():
        most = need.most_tokens(place.available)
        if most >= row:
            return Layout(packed, checkpoint, need, most, _reasons(options, packed, checkpoint, need, place))
    (packed, checkpoint), least = min(needs.items(), key=lambda way: way[1].total(longest))
    most = least.most_tokens(place.available)
    if most >= longest:
        return Layout(packed, checkpoint, least, most, _reasons(options, packed, checkpoint, least, place))
    raise _refusal(config, packed_bytes, adapter, options, place, least, typical_length, longest)


def _ways(options: Machine, *, whole: bool) -> list[tuple[bool, bool]]:
    """(packed, checkpoint), the fastest first; what the recipe fixes is fixed."""
    ways = [(False, False), (True, False), (False, True), (True, True)]
    if whole or options.weights == "dense":  # weights that are trained cannot stay packed
        ways = [way for way in ways if not way[0]]
    elif options.weights == "packed":
        ways = [way for way in ways if way[0]]
    if options.checkpoint_layers != "auto":
        ways = [way for way in ways if way[1] == (options.checkpoint_layers == "on")]
    return ways


def _reasons(options: Machine, packed: bool, checkpoint: bool, need: Need, place: Place) -> tuple[str, ...]:
    free = f"{bytes_text(place.available)} may be used"
    kept = "Weights stay packed as in the file" if packed else "Weights are unpacked once"
    asked = options.weights == ("packed" if packed else "dense")
    why = "as you chose" if asked else f"that was estimated at {bytes_text(need.total(SMALLEST_ROW))}, and {free}"
    twice = "Layers are computed twice to save memory." if checkpoint else "There is memory enough to compute each layer once."
    return (f"{kept}: {why}.", twice)


def _refusal(
    config: DecoderConfig,
    packed_bytes: int,
    adapter: Adapter | None,
    options: Machine,
    place: Place,
    least: Need,
    typical_length: int,
    longest: int,
) -> JobError:
    """What would fit instead, tried one after the other."""

    def fits(other: Adapter | None, length: int, *, packed: bool) -> bool:
        need = training_need(
            config,
            packed_bytes,
            other,
            packed=packed,
            checkpoint=True,
            compute_bytes=2 if place.compute == "bfloat16" else 4,
            typical_length=min(typical_length, length),
        )
        return need.total(length) <= place.available

    would: list[str] = []
    small = Adapter(rank=_SMALL_RANK)
    if adapter is None or adapter.method == "full":
        if fits(small, longest, packed=True):
            would.append("an adapter instead of all weights (adapter.method=lora)")
    elif fits(adapter, longest, packed=True):
        would.append("packed weights with gradient checkpointing (machine.weights=packed, machine.checkpoint_layers=on)")
    elif (adapter.rank or 16) > _SMALL_RANK and fits(small, longest, packed=True):
        would.append(f"a rank of {_SMALL_RANK} (adapter.rank={_SMALL_RANK})")
    shorter = least.most_tokens(place.available) // 64 * 64
    if _SHORT <= shorter < longest:
        would.append(f"dialogues of at most {shorter:,} tokens (data.longest={shorter})")
    would.append("a smaller model")
    what = (
        f"This training needs about {bytes_text(least.total(longest))} of memory; {bytes_text(max(place.available, 0))} are free."
    )
    return JobError(what, f"What fits: {', or '.join(would)}.")
