"""The catalog of models that can be downloaded (`models/catalog.toml`), and how well each would run on this machine."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from companion.core.amounts import bytes_text
from companion.core.errors import ModelError
from companion.core.hardware import Hardware
from companion.core.measured_here import Pace
from companion.core.paths import models_folder

CATALOG: Final = "catalog.toml"
MAX_BYTES: Final = 1 << 20
CONTEXT: Final = 4096
"""Tokens that she keeps in mind, for the forecast."""
SLOW: Final = 4.0
"""Tokens per second below which reading along is tiring: people read about five."""
BATCH: Final = 512
"""Tokens of a prompt that are read at once."""
SHARE: Final = 0.8
"""Of all memory that a model may take when other programs are closed."""

Fit = Literal["well", "slow", "tight", "no"]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_Count = Annotated[int, Meta(ge=1)]


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of the catalog. `bytes` and `sha256` may be left out: the hub's answer fills them."""

    name: _Name
    repository: Annotated[str, Meta(pattern=r"^[\w.-]+/[\w.-]+$")]
    file: Annotated[str, Meta(pattern=r"^[\w.-]+\.gguf$")]
    bytes: Annotated[int, Meta(ge=0)] = 0
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""
    quantization: _Name
    architecture: _Name
    parameters: _Count
    licence: _Name
    languages: tuple[_Name, ...]
    context: _Count
    """Tokens it was trained for."""
    layers: _Count
    width: _Count
    kv_width: _Count
    """Numbers in one token's keys in one layer, and as many in its values."""
    vocabulary: _Count
    said: Annotated[str, Meta(max_length=200)] = ""
    """What it is good for, in one sentence."""

    @property
    def key(self) -> str:
        return f"{self.repository}/{self.file}"

    @property
    def page(self) -> str:
        """Where its publisher describes it."""
        return f"https://huggingface.co/{self.repository}"

    @property
    def size(self) -> int:
        """Bytes of the file; without the hub's answer about 4.9 bits per weight."""
        return self.bytes or round(self.parameters * 4.9 / 8)


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What a model would be like on this machine."""

    fit: Fit
    sentence: str
    memory: int
    """Bytes."""
    speed: float = 0.0
    """Tokens per second of writing on the processor; 0 when nothing is known."""


def read_catalog(path: Path | None = None) -> tuple[Offer, ...]:
    """The offers, smallest first. Raises ModelError for a catalog that cannot be read."""
    path = models_folder() / CATALOG if path is None else path
    remedy = "Install Companion again, or mend the file."
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError("The catalog of models is too large.", remedy)
        told: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        offers = msgspec.convert(told.get("model", ()), tuple[Offer, ...])
    except OSError as error:
        raise ModelError(f"The catalog of models cannot be read ({error.strerror}).", remedy) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ModelError(f"The catalog of models is damaged: {error}.", remedy) from error
    return tuple(sorted(offers, key=lambda offer: offer.size))


def memory_of(offer: Offer, context: int = CONTEXT) -> int:
    """Bytes with so many tokens in mind: the file, keys and values in two bytes each, and what one layer computes with.

    Less exact than `companion.llama.memory`, which knows the file; a feed-forward of four times the width is assumed.
    """
    tokens = min(context, offer.context)
    cache = tokens * offer.layers * offer.kv_width * 2 * 2
    return offer.size + cache + BATCH * (4 * 16 * offer.width + 2 * tokens)


def outlook(offer: Offer, hardware: Hardware, pace: Pace | None) -> Outlook:
    """Foretold from memory and from what was measured here; on the processor alone."""
    need = memory_of(offer)
    speed = pace.bytes_per_second / offer.size if pace is not None else 0.0
    free, total = hardware.memory_available, hardware.memory_total
    told = f"Needs about {bytes_text(need)} of memory"
    if total and need > SHARE * total:
        return Outlook(fit="no", sentence=f"{told}; this computer has {bytes_text(total)}.", memory=need, speed=speed)
    how = f", writes about {_rounded(speed)} tokens/s" if speed else ""
    if free and need > free:
        sentence = f"{told}, and {bytes_text(free)} are free now: close other programs first{how and f'; then it{how[1:]}'}."
        return Outlook(fit="tight", sentence=sentence, memory=need, speed=speed)
    if speed and speed < SLOW:
        return Outlook(fit="slow", sentence=f"{told}{how}: slower than you read.", memory=need, speed=speed)
    return Outlook(fit="well", sentence=f"{told}{how}.", memory=need, speed=speed)


def _rounded(speed: float) -> str:
    """An estimate, not a measurement: two figures."""
    return f"{float(f'{speed:.2g}'):g}"
