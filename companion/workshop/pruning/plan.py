"""What a recipe takes out of a model, in whole numbers, or a sentence about why it cannot."""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from companion.core.errors import ModelError, RecipeError
from companion.core.gguf.header import GGUFHeader
from companion.core.recipes.prune import Prune
from companion.workshop.nn.config import refuse_unless_supported, scales_as_27b

BLOCK: Final = 32
K_BLOCK: Final = 256
"""Neurons that stay are a multiple of one of these, so that the rows of the matrix that reads them can be packed."""
FREE_HEADS: Final = ("llama", "arcee", "qwen3", "gemma2", "gemma3")
"""Architectures whose heads llama.cpp lets be narrower together than the model (`create_tensor_qkv` in src/models)."""
_PATTERN: Final = re.compile(r"([1-9][0-9]{0,2}):([1-9][0-9]{0,2})")


class Pattern(NamedTuple):
    """Of every `of` weights in a row at most `stay` stay (Mishra et al. 2021, arXiv:2104.08378)."""

    stay: int
    of: int

    @property
    def sparsity(self) -> float:
        return 1 - self.stay / self.of


class Plan(NamedTuple):
    """What stays; 0 of neurons or heads means that they are left as they are."""

    layers: int
    neurons: int
    block: int
    """Neurons that go or stay together."""
    heads: int
    """Key/value heads."""
    sparsity: float
    pattern: Pattern | None


def planned(recipe: Prune, header: GGUFHeader) -> Plan:
    """Raises ModelError for a model that cannot be pruned, RecipeError for what would change nothing or leave nothing."""
    refuse_unless_supported(header)
    pattern = _pattern(recipe, header)
    if not (recipe.layers or recipe.neurons or recipe.heads or recipe.sparsity or pattern):
        raise RecipeError("Nothing is to be taken out.", "Say what: --layers 2, --neurons 20%, --heads 25% or --sparsity 50%.")
    if recipe.layers >= header.layers:
        what = f"“{header.path.name}” has {header.layers} layers, so {recipe.layers} cannot be taken out."
        raise RecipeError(what, f"Take out {header.layers - 1} at most.")
    block = _block(header) if recipe.whole_blocks and recipe.neurons else 1
    return Plan(
        layers=header.layers - recipe.layers,
        neurons=_neurons(recipe, header, block) if recipe.neurons else 0,
        block=block,
        heads=_heads(recipe, header) if recipe.heads else 0,
        sparsity=pattern.sparsity if pattern else recipe.sparsity,
        pattern=pattern,
    )


def _neurons(recipe: Prune, header: GGUFHeader, block: int) -> int:
    whole = header.feed_forward_length
    multiple = math.lcm(K_BLOCK if recipe.k_quants else BLOCK, block)
    stay = round((1 - recipe.neurons) * whole / multiple) * multiple
    if 0 < stay < whole and (block == 1 or whole % block == 0):
        return stay
    what = f"{recipe.neurons:.0%} of {whole:,} neurons cannot be taken out: they stay in multiples of {multiple}"
    if whole <= multiple:
        raise RecipeError(f"{what}.", "Leave the neurons as they are.")
    least, most = multiple / whole, 1 - multiple / whole
    raise RecipeError(f"{what}.", f"Take out between {least:.0%} and {most:.0%}.")


def _block(header: GGUFHeader) -> int:
    return max((tensor.type.block for tensor in header.tensors if tensor.name.endswith(".ffn_down.weight")), default=1)


def _heads(recipe: Prune, header: GGUFHeader) -> int:
    whole, file = header.kv_heads[0], header.path.name
    if header.architecture not in FREE_HEADS:
        what = f"llama.cpp knows models like “{file}” ({header.architecture}) only with heads as wide together as the model"
        raise ModelError(f"{what}, so none can be taken out.", "Take out layers or neurons instead.")
    if scales_as_27b(header.architecture, header.layers):
        what = f"llama.cpp scales the attention of “{file}” by its number of heads, so none can be taken out."
        raise ModelError(what, "Take out layers or neurons instead.")
    stay = whole - round(recipe.heads * whole)
    if 0 < stay < whole:
        return stay
    what = f"{recipe.heads:.0%} of {whole} key/value heads cannot be taken out"
    if whole == 1:
        raise RecipeError(f"{what}: there is one only.", "Leave the heads as they are.")
    raise RecipeError(f"{what}.", f"Take out between {1 / whole:.0%} and {1 - 1 / whole:.0%}.")


def _pattern(recipe: Prune, header: GGUFHeader) -> Pattern | None:
    if not recipe.pattern:
        return None
    found = _PATTERN.fullmatch(recipe.pattern)
    if found is None:
        raise RecipeError(f"“{recipe.pattern}” is no pattern.", "Write it as 2:4, which leaves 2 of every 4 weights.")
    pattern = Pattern(int(found[1]), int(found[2]))
    if pattern.stay >= pattern.of:
        raise RecipeError(f"The pattern {recipe.pattern} takes nothing out.", "Choose one such as 2:4 or 4:8.")
    if recipe.sparsity and abs(recipe.sparsity - pattern.sparsity) > 0.005:
        what = f"The pattern {recipe.pattern} sets {pattern.sparsity:.0%} of the weights to zero, not {recipe.sparsity:.0%}."
        raise RecipeError(what, "Leave out one of the two.")
    widths = {tensor.shape[0] for tensor in header.tensors if tensor.name.startswith("blk.") and len(tensor.shape) == 2}
    if uneven := sorted(width for width in widths if width % pattern.of):
        raise RecipeError(f"Rows of {uneven[0]:,} weights are no multiple of {pattern.of}.", "Choose another pattern.")
    return pattern
