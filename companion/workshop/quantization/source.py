"""What is quantized: the model, what it is measured on, and the adapters that its builds are to bear."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final, NamedTuple

from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.character_adapters import adapters_of
from companion.core.errors import CompanionError
from companion.core.fingerprint import file_sha256
from companion.core.gguf.header import GGUFHeader, read_header
from companion.core.hardware import usable_threads
from companion.core.recipes.quantize import Quantize
from companion.llama.adapter import Scaled
from companion.llama.library import Library
from companion.workshop.data.opening import character_named
from companion.workshop.export.merge import merge_adapter
from companion.workshop.job import Job
from companion.workshop.nn.config import refuse_unless_supported
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.quantization.calibration import Material, read_texts
from companion.workshop.recipes.open_base import open_base

FINE: Final = 8.0
"""Bits per weight from which steps are smaller than what an adapter changes."""


class Source(NamedTuple):
    """What is quantized."""

    header: GGUFHeader
    weights: GGUFWeights
    library: Library
    material: Material
    threads: int
    is_merged: bool
    """Whether an adapter was worked into it."""
    adapters: list[Scaled]
    """Those of the character that were trained for it."""
    grids: dict[str, str]
    """Types that matrices lay in before an adapter was worked in. Rounding to the same steps again takes its changes away,
    which are smaller than a step: 27 times the divergence that was foreseen, measured on the starter model (Q4_1)."""


def open_source(job: Job, recipe: Quantize) -> Source:
    """Raises CompanionError, and Stopped when somebody asks for it."""
    job.stage("checking", "Checking the model")
    header = read_header(Path(recipe.model))
    refuse_unless_supported(header)
    grids: dict[str, str] = {}
    if recipe.adapter:
        grids = {tensor.name: tensor.type.name for tensor in header.tensors if 8 * tensor.type.size / tensor.type.block < FINE}
        header = _merged(job, header, Path(recipe.adapter))
    job.stage("data", "Reading what is calibrated with and what is measured on")
    with open_base(header.path) as base:
        texts, threads = read_texts(recipe, base), recipe.threads or usable_threads()
        adapters = _adapters_for(header, recipe) if recipe.proof.adapters and not recipe.adapter else []
        return Source(header, GGUFWeights(header), base.library, texts, threads, bool(recipe.adapter), adapters, grids)


def _adapters_for(header: GGUFHeader, recipe: Quantize) -> list[Scaled]:
    """A character's adapters may be of other models, or damaged: those are no matter of this build."""
    character, found = character_named(recipe.character), []
    for use in adapters_of(character) if character is not None else ():
        with contextlib.suppress(CompanionError):
            info = read_adapter(Path(use.path))
            refuse_other_base(info, header, file_sha256(header.path))
            found.append(Scaled(info.path, use.scale))
    return found


def _merged(job: Job, header: GGUFHeader, adapter: Path) -> GGUFHeader:
    target = job.folder.measured / f"{header.path.stem}-with-{adapter.stem}.gguf"
    if not target.exists():
        job.stage("exporting", "Working the adapter into the weights")
        merge_adapter(target, header, read_adapter(adapter), kind="F16")
    return read_header(target)
