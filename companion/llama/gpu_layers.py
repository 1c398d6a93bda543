"""How many layers run on the graphics card: as many as its memory holds, unless fewer are faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from companion.core.amounts import bytes_text
from companion.core.errors import CompanionError
from companion.core.gguf.fields import GGUFHeader
from companion.core.tuning import Choice, Trial
from companion.llama.library import Library
from companion.llama.memory import bytes_on_gpu
from companion.llama.model import Model, Placement
from companion.llama.trial import Setting, Speeds, Stand, affordable

MARGIN: Final = 0.9
"""Share of the free graphics memory that is used: the screen needs some, too."""
ALL: Final = -1


def candidates(header: GGUFHeader, setting: Setting, context_tokens: int, free: int) -> list[int]:
    """Numbers of layers worth trying that fit into so many bytes: all, three quarters, half, a quarter, none."""
    options, layers = setting.options(context_tokens), max(1, header.layers)
    counts = [ALL, *(layers * quarters // 4 for quarters in (3, 2, 1))]
    return [count for count in counts if count and bytes_on_gpu(header, options, count) <= MARGIN * free] + [0]


def best_layers(
    library: Library, path: Path, counts: Sequence[int], setting: Setting, rounds: int, tell: Callable[[str], None]
) -> tuple[int, Choice, list[Trial]]:
    """The number with the shortest turn. The model is loaded anew for each of them; one that cannot be is left out."""
    found: dict[int, Speeds] = {}
    for count in counts:
        tell(f"{_words(count)} on the graphics card")
        try:
            with (
                Model(library, path, Placement(count)) as model,
                Stand(model, setting, affordable(model, setting.threads)) as stand,
            ):
                timed = [stand.time(setting) for _ in range(rounds)]
        except CompanionError:
            continue
        found[count] = min(timed, key=lambda speeds: speeds.turn)
    chosen = min(found, key=lambda count: found[count].turn, default=0)
    told = ", ".join(f"{speeds.turn:.2f} s with {_words(count)}" for count, speeds in found.items())
    choice = Choice(name="layers on the GPU", value=_words(chosen), reason=f"A turn takes {told}.")
    trials = [
        Trial(name="layers on the GPU", value=_words(count), read=round(speeds.read, 1), write=round(speeds.write, 1))
        for count, speeds in found.items()
    ]
    return chosen, choice, trials


def without_gpu(reason: str) -> Choice:
    return Choice(name="layers on the GPU", value="none", reason=reason)


def too_small(free: int) -> str:
    return f"The graphics card has {bytes_text(free)} free: not enough for any of the layers."


def _words(count: int) -> str:
    return "all layers" if count == ALL else "no layers" if count == 0 else f"{count} layers"
