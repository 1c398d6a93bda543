"""Which weights are treated alike by the optimizer."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from companion.core.recipes.files import AdapterRecipe, TrainingRecipe
from companion.workshop.training.optimizers import Group


def parameter_groups(recipe: TrainingRecipe, weights: Mapping[str, Tensor]) -> list[Group]:
    """B of an adapter with its own rate (LoRA+, Hayou et al. 2024); vectors do not decay."""
    rate_of_b = recipe.adapter.lora_plus if isinstance(recipe, AdapterRecipe) else 1.0
    b = [weight for name, weight in weights.items() if name.endswith(".lora_b")]
    matrices = [weight for name, weight in weights.items() if not name.endswith(".lora_b") and weight.dim() > 1]
    vectors = [weight for weight in weights.values() if weight.dim() <= 1]
    return [Group(matrices), Group(b, rate=rate_of_b), Group(vectors, decays=False)]
