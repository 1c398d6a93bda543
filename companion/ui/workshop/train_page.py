"""The page on which one teaches: an adapter for the model one chats with, or a small model of one's own."""

from __future__ import annotations

from companion.core.recipes import fine_tune, pretrain
from companion.ui.workshop.desk import Desk
from companion.ui.workshop.recipe.recipe_page import RecipeKind, RecipePage

KINDS = (
    RecipeKind(
        "Teach the model you chat with",
        fine_tune.FineTune(),
        fine_tune.PRESETS,
        ("data_files", "character", "model", "name"),
        can_find_rate=True,
        can_cross_validate=True,
    ),
    RecipeKind(
        "Make a small model from nothing",
        pretrain.Pretrain(),
        pretrain.PRESETS,
        ("data_files", "character", "name"),
        can_find_rate=True,
    ),
)


def train_page(desk: Desk) -> RecipePage:
    return RecipePage(
        desk,
        "Train",
        "She learns from dialogues how to talk. The model stays as it is; what she learned lies beside it.",
        KINDS,
    )
