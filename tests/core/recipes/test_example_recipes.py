"""The recipes that are shipped as examples can be used as they are, and say how."""

from __future__ import annotations

import tomllib

import pytest

from companion.core.paths import models_folder
from companion.core.recipes.distill import Distill
from companion.core.recipes.files import read_recipe
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.prefer import Prefer
from companion.core.recipes.pretrain import Pretrain
from companion.core.recipes.prune import Prune

EXAMPLES = sorted([*models_folder().glob("recipes/*.toml"), models_folder() / "hoshi" / "recipe.toml"])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_recipe_that_says_how_it_is_used(path):
    text = path.read_text(encoding="utf-8")
    kinds = {"fine-tune": FineTune, "prefer": Prefer, "pretrain": Pretrain, "prune": Prune, "distill": Distill}
    kind = kinds[tomllib.loads(text)["kind"]]
    assert read_recipe(path, kind) != kind()
    assert text.startswith("# ")
    assert f"--recipe models/{path.parent.name}/{path.name}" in text
