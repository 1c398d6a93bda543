"""How the weights and the layers' inputs are kept, chosen so that the training fits; refused when nothing does."""

from __future__ import annotations

from typing import NamedTuple

from companion.core.amounts import bytes_text
from companion.core.errors import JobError
from companion.core.recipes.parts import Adapter, Machine
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.training.machine import Place
from companion.workshop.training.memory import Need, TeacherSize, teacher_need, training_need

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
    teacher_packed: bool = False


class _Way(NamedTuple):
    packed: bool
    checkpoint: bool
    teacher_packed: bool


def choose_layout(
    config: DecoderConfig,
    packed_bytes: int,
    adapter: Adapter | None,
    options: Machine,
    place: Place,
    *,
    typical_length: int,
    longest: int,
    teacher: TeacherSize | None = None,
) -> Layout:
    """The fastest way that fits; raises JobError, naming what would fit, when none does. Lengths are tokens of dialogues."""
    compute_bytes = 2 if place.compute == "bfloat16" else 4
    needs: dict[_Way, Need] = {}
    for way in _ways(options, whole=adapter is None or adapter.method == "full", taught=teacher is not None):
        need = training_need(
            config,
            packed_bytes,
            adapter,
            packed=way.packed,
            checkpoint=way.checkpoint,
            compute_bytes=compute_bytes,
            typical_length=typical_length,
        )
        needs[way] = need.beside(_added(teacher, compute_bytes, typical_length, packed=way.teacher_packed))
    row = max(options.micro_batch_tokens or SMALLEST_ROW, longest)
    for way, need in needs.items():
        if need.most_tokens(place.available) >= row:
            return _layout(way, need, options, place, teacher)
    way, least = min(needs.items(), key=lambda each: each[1].total(longest))
    if least.most_tokens(place.available) >= longest:
        return _layout(way, least, options, place, teacher)
    raise _refusal(config, packed_bytes, adapter, options, place, least, typical_length, longest, teacher)


def _ways(options: Machine, *, whole: bool, taught: bool) -> list[_Way]:
    """The fastest first; what the recipe fixes is fixed. A teacher is packed before anything is computed twice."""
    pairs = [(False, False), (True, False), (False, True), (True, True)]
    ways = [_Way(*pair, teacher_packed) for pair in pairs for teacher_packed in ((False, True) if taught else (False,))]
    if whole or options.weights == "dense":  # weights that are trained cannot stay packed
        ways = [way for way in ways if not way.packed]
    elif options.weights == "packed":
        ways = [way for way in ways if way.packed]
    if taught and options.weights != "auto":
        ways = [way for way in ways if way.teacher_packed == (options.weights == "packed")]
    if options.checkpoint_layers != "auto":
        ways = [way for way in ways if way.checkpoint == (options.checkpoint_layers == "on")]
    return ways


def _added(teacher: TeacherSize | None, compute_bytes: int, typical_length: int, *, packed: bool) -> Need:
    if teacher is None:
        return Need(0, 0)
    return teacher_need(teacher, packed=packed, compute_bytes=compute_bytes, typical_length=typical_length)


def _layout(way: _Way, need: Need, options: Machine, place: Place, teacher: TeacherSize | None) -> Layout:
    """With the reasons why it is so."""
    free = f"{bytes_text(place.available)} may be used"
    kept = "Weights stay packed as in the file" if way.packed else "Weights are unpacked once"
    asked = options.weights == ("packed" if way.packed else "dense")
    why = "as you chose" if asked else f"that was estimated at {bytes_text(need.total(SMALLEST_ROW))}, and {free}"
    twice = (
        "Layers are computed twice to save memory." if way.checkpoint else "There is memory enough to compute each layer once."
    )
    sentences = [f"{kept}: {why}.", twice]
    if teacher is not None:
        sentences.append(f"The teacher’s weights {'stay packed as in the file' if way.teacher_packed else 'are unpacked once'}.")
    return Layout(way.packed, way.checkpoint, need, need.most_tokens(place.available), tuple(sentences), way.teacher_packed)


def _refusal(
    config: DecoderConfig,
    packed_bytes: int,
    adapter: Adapter | None,
    options: Machine,
    place: Place,
    least: Need,
    typical_length: int,
    longest: int,
    teacher: TeacherSize | None,
) -> JobError:
    """What would fit instead, tried one after the other."""
    compute_bytes = 2 if place.compute == "bfloat16" else 4

    def fits(other: Adapter | None, length: int, *, packed: bool) -> bool:
        typical = min(typical_length, length)
        need = training_need(
            config,
            packed_bytes,
            other,
            packed=packed,
            checkpoint=True,
            compute_bytes=compute_bytes,
            typical_length=typical,
        )
        return need.beside(_added(teacher, compute_bytes, typical, packed=packed)).total(length) <= place.available

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
    would.append("a smaller model" if teacher is None else "a smaller teacher or student")
    what = (
        f"This training needs about {bytes_text(least.total(longest))} of memory; {bytes_text(max(place.available, 0))} are free."
    )
    return JobError(what, f"What fits: {', or '.join(would)}.")
