"""What to do about what went wrong in a lesson: by what the page Teach has, where a recipe would speak of its numbers."""

from __future__ import annotations

from typing import Final

from companion.core.job import TroubleKind
from companion.core.recipes.files import AdapterRecipe
from companion.core.recipes.prefer import Prefer

_ASTRAY: Final = "You can stop it here: the best is kept. Teach her anew with more dialogues, or choose “Quick”."
TROUBLES: Final[dict[TroubleKind, str]] = {
    "divergence": _ASTRAY,
    "nan": _ASTRAY,
    "exploding": _ASTRAY,
    "vanishing": "When you like what she says, it can end here; else teach her anew with other dialogues.",
    "plateau": "When you like what she says, it can end here; more dialogues would take her further.",
    "overfitting": "The best of her is kept. More dialogues help more than going on with these.",
    "memory": "Close other programs.",
}
"""Troubles that are not here are told as they are for everybody."""


def advice_for(recipe: AdapterRecipe) -> tuple[str, str]:
    """When she is no better in the end: what that means, and what to do."""
    if isinstance(recipe, Prefer):
        what = "She hardly learned what you like better."
        return what, "More replies with thumbs or in your own words help most; “Thorough” may, or “Sound more like this”."
    return "She did not get better at this.", "More dialogues help most; “Thorough” may, or another goal."
